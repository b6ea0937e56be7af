import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { JSONSchema } from 'zod/v4/core'
import { daemonSchema } from '../../src/config/daemonManifest.ts'
import { loadDeclarations } from '../../src/config/loadTenants.ts'
import { manifestSchema } from '../../src/config/manifest.ts'
import { makeDir } from './world.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TENANTS = join(ROOT, 'tenants')

for (const uid of new Set([0, 1000, process.getuid?.() ?? 0])) {
  test(`the sample tenants load for uid ${uid}, and differ`, t => {
    const { tenants, daemon } = loadDeclarations(TENANTS, { runDir: '/run/p2pd', uid })
    t.like(tenants, [
      { name: 'chat', app: { uid }, host: { start: 'on-demand', idleStopMs: 600_000 }, groups: ['messaging'] },
      { name: 'indexer', app: { uid }, host: { start: 'always', idleStopMs: 0 }, limits: { streams: 4096, memoryBytes: 2 ** 30 } },
      { name: 'sensor', app: { uid }, host: { listen: ['/ip4/127.0.0.1/tcp/0'] }, limits: { handlers: 4, memoryBytes: 64 * 2 ** 20 } }
    ])
    t.deepEqual(daemon, loadDeclarations(makeDir(t), { runDir: '/run/p2pd', uid }).daemon, 'the sample says what is so without it')
  })
}

test('an editor is told where the schema of a sample is', t => {
  for (const file of readdirSync(TENANTS).filter(name => name.endsWith('.yaml'))) {
    const schema = file === 'daemon.yaml' ? 'daemon.schema.json' : 'schema.json'
    t.true(readFileSync(join(TENANTS, file), 'utf8').startsWith(`# yaml-language-server: $schema=${schema}\n`), file)
  }
})

test('the schemas on disk are what the shapes say now', t => {
  t.notThrows(() => execFileSync(process.execPath, [join(ROOT, 'scripts/schema.mjs'), '--check'], { stdio: 'pipe' }))
})

test('a schema is known by a name, not by an address', t => {
  t.regex(readFileSync(join(TENANTS, 'schema.json'), 'utf8'), /"\$id": "urn:p2pd:tenant"/)
  t.regex(readFileSync(join(TENANTS, 'daemon.schema.json'), 'utf8'), /"\$id": "urn:p2pd:daemon"/)
})

interface Key {
  path: string
  schema: JSONSchema.BaseSchema
  required: boolean
}

/** Every key of a manifest, the sections and lists as well as what is in them. */
function keysOf ({ properties = {}, required = [] }: JSONSchema.BaseSchema, prefix = ''): Key[] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    if (typeof schema !== 'object') return []
    const path = prefix + key
    const items = typeof schema.items === 'object' && !Array.isArray(schema.items) ? keysOf(schema.items, `${path}[].`) : []
    return [{ path, schema, required: required.includes(key) }, ...keysOf(schema, `${path}.`), ...items]
  })
}

test('every key has a description', t => {
  for (const { path, schema } of [...keysOf(manifestSchema()), ...keysOf(daemonSchema())]) t.truthy(schema.description, path)
})

function shownDefault ({ schema, required }: Key): string {
  if (required) return 'required'
  const value: unknown = schema.default
  if (Array.isArray(value)) return `[${value.join(', ')}]`
  if (value === undefined) return /Left out: (.+)\.$/.exec(schema.description ?? '')?.[1]?.replaceAll('`', '') ?? 'none'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

test('the README has every key with its default', t => {
  const readme = readFileSync(join(TENANTS, 'README.md'), 'utf8')
  for (const key of keysOf(manifestSchema())) {
    const { path, schema } = key
    // The sections are in the table as what is in them; of app its two forms are in one row.
    if (schema.properties !== undefined || path.startsWith('app.')) continue
    const row = readme.split('\n').find(line => line.startsWith(`| \`${path}\` |`))
    t.is(row?.split('|')[2]?.replaceAll('`', '').trim(), shownDefault(key), path)
  }
})

test('the README has every default of the daemon that is not a tenant\'s, and no other', t => {
  const table = readFileSync(join(TENANTS, 'README.md'), 'utf8').split('| Key of `daemon.yaml` | Default |\n')[1]?.split('\n\n')[0] ?? ''
  const shown = table.split('\n').slice(1).map(row => row.split('|').slice(1, 3).map(cell => cell.replaceAll('`', '').trim()))
  const tenants = new Map(keysOf(manifestSchema()).map(key => [key.path, shownDefault(key)]))
  const own = keysOf(daemonSchema()).filter(key => key.schema.properties === undefined && key.path !== 'name' && tenants.get(key.path) !== shownDefault(key))
  t.deepEqual(shown, own.map(key => [key.path, shownDefault(key)]))
  t.deepEqual(keysOf(daemonSchema()).filter(({ path }) => !tenants.has(path)), [])
})
