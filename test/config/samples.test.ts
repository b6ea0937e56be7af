import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { JSONSchema } from 'zod/v4/core'
import { loadTenants } from '../../src/config/loadTenants.ts'
import { manifestSchema } from '../../src/config/manifest.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TENANTS = join(ROOT, 'tenants')

for (const uid of new Set([0, 1000, process.getuid?.() ?? 0])) {
  test(`the sample tenants load for uid ${uid}, and differ`, t => {
    const specs = loadTenants(TENANTS, { runDir: '/run/p2pd', uid })
    t.like(specs, [
      { name: 'chat', app: { uid }, host: { start: 'on-demand', idleStopMs: 600_000 }, groups: ['messaging'] },
      { name: 'indexer', app: { uid }, host: { start: 'always', idleStopMs: 0 }, limits: { streams: 4096, memoryBytes: 2 ** 30 } },
      { name: 'sensor', app: { uid }, host: { listen: ['/ip4/127.0.0.1/tcp/0'] }, limits: { handlers: 4, memoryBytes: 64 * 2 ** 20 } }
    ])
  })
}

test('an editor is told where the schema of a sample is', t => {
  for (const file of readdirSync(TENANTS).filter(name => name.endsWith('.yaml'))) {
    t.true(readFileSync(join(TENANTS, file), 'utf8').startsWith('# yaml-language-server: $schema=schema.json\n'), file)
  }
})

test('the schema on disk is what the shape says now', t => {
  t.notThrows(() => execFileSync(process.execPath, [join(ROOT, 'scripts/schema.mjs'), '--check'], { stdio: 'pipe' }))
})

test('the schema is known by a name, not by an address', t => {
  t.regex(readFileSync(join(TENANTS, 'schema.json'), 'utf8'), /"\$id": "urn:p2pd:tenant"/)
})

interface Key {
  path: string
  schema: JSONSchema.BaseSchema
}

/** Every key of a manifest, the sections as well as what is in them. */
function keysOf ({ properties = {} }: JSONSchema.BaseSchema, prefix = ''): Key[] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    if (typeof schema !== 'object') return []
    const path = prefix + key
    return [{ path, schema }, ...keysOf(schema, `${path}.`)]
  })
}

test('every key has a description', t => {
  for (const { path, schema } of keysOf(manifestSchema())) t.truthy(schema.description, path)
})

function shownDefault (schema: JSONSchema.BaseSchema): string {
  const value: unknown = schema.default
  if (Array.isArray(value)) return `[${value.join(', ')}]`
  if (value === undefined) return /Left out: (.+)\.$/.exec(schema.description ?? '')?.[1]?.replaceAll('`', '') ?? 'required'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

test('the README has every key with its default', t => {
  const readme = readFileSync(join(TENANTS, 'README.md'), 'utf8')
  for (const { path, schema } of keysOf(manifestSchema())) {
    // The sections are in the table as what is in them; of app its two forms are in one row.
    if (schema.properties !== undefined || path.startsWith('app.')) continue
    const row = readme.split('\n').find(line => line.startsWith(`| \`${path}\` |`))
    t.is(row?.split('|')[2]?.replaceAll('`', '').trim(), shownDefault(schema), path)
  }
})
