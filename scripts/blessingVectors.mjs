/**
 * Makes proto/blessings.json. With --check it writes nothing and exits 1 when what is committed is not what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatVectors, makeVectors } from '../test/blessing/vectors.ts'

const file = join(import.meta.dirname, '../proto/blessings.json')
const text = formatVectors(await makeVectors())

if (!process.argv.includes('--check')) {
  writeFileSync(file, text)
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('proto/blessings.json is not what scripts/blessingVectors.mjs makes: run it')
  process.exitCode = 1
}
