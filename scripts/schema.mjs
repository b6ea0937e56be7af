/**
 * Writes tenants/schema.json, the JSON Schema of a manifest, from the shape that p2pd checks manifests with.
 * With --check it writes nothing, and fails when the file is not what it would write.
 *
 *     node scripts/schema.mjs [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { manifestSchema } from '../src/config/manifest.ts'

const file = fileURLToPath(new URL('../tenants/schema.json', import.meta.url))

// A name, not an address: an editor finds the file beside the manifest and fetches nothing.
const { $schema, ...schema } = manifestSchema()
const text = `${JSON.stringify({ $schema, $id: 'urn:p2pd:tenant', ...schema }, null, 2)}\n`

if (!process.argv.includes('--check')) {
  writeFileSync(file, text)
} else if (current() !== text) {
  console.error('tenants/schema.json is not current; run: node scripts/schema.mjs')
  process.exitCode = 1
}

function current () {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
