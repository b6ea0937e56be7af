/**
 * Writes tenants/schema.json and tenants/daemon.schema.json, the JSON Schemas of a tenant's manifest and of the daemon's own,
 * from the shapes that p2pd checks them with. With --check it writes nothing, and fails when a file is not what it would write.
 *
 *     node scripts/schema.mjs [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { daemonSchema } from '../src/config/daemonManifest.ts'
import { manifestSchema } from '../src/config/manifest.ts'

// A name, not an address: an editor finds the file beside the manifest and fetches nothing.
const schemas = [
  { name: 'schema.json', id: 'urn:p2pd:tenant', schema: manifestSchema() },
  { name: 'daemon.schema.json', id: 'urn:p2pd:daemon', schema: daemonSchema() }
]

for (const { name, id, schema: { $schema, ...schema } } of schemas) {
  const file = fileURLToPath(new URL(`../tenants/${name}`, import.meta.url))
  const text = `${JSON.stringify({ $schema, $id: id, ...schema }, null, 2)}\n`
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text)
  } else if (current(file) !== text) {
    console.error(`tenants/${name} is not current; run: node scripts/schema.mjs`)
    process.exitCode = 1
  }
}

function current (file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
