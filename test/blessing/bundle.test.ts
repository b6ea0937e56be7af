/** The verifier as the package gives it away: dist/verifyBlessing.js, for programs that are not p2pd and need not run on Node. */
import test from 'ava'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Vectors } from './right.ts'

const root = join(import.meta.dirname, '../..')
const VECTORS = join(root, 'proto/blessings.json')

test('it is one file, and imports nothing', t => {
  const text = readFileSync(join(root, 'dist/verifyBlessing.js'), 'utf8')
  t.true(text.includes('verifyBlessing'))
  t.deepEqual(text.match(/^\s*(?:import\b|export\b.*\bfrom\b).*|\bimport\(.*|\brequire\(["'].*|["']node:.*/gm) ?? [], [])
})

test('where there is nothing of Node\'s it says the same about every vector', async t => {
  const { valid, invalid } = JSON.parse(readFileSync(VECTORS, 'utf8')) as Vectors
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'children/anywhere.ts'), VECTORS], { maxBuffer: 1024 * 1024 })
  t.deepEqual(JSON.parse(stdout), [...valid.map(({ name }) => [name, 'holds']), ...invalid.map(({ name, reason }) => [name, reason])])
})
