/**
 * Runs the vectors through the package's verifier in a process that has lost what only Node has. Prints what came out:
 * [name, the reason or "holds"] for each.
 *
 *     node anywhere.ts VECTORS
 */
import { readFileSync } from 'node:fs'
import type { verifyBlessing } from '../../../src/blessing/verify.ts'
import type { InvalidVector, ValidVector, Vectors } from '../right.ts'

const { valid, invalid } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Vectors
const { stdout } = process

for (const name of ['Buffer', 'process', 'global', 'setImmediate', 'clearImmediate']) Reflect.deleteProperty(globalThis, name)

// By its name, as another program would; when this is compiled it may not have been built.
const specifier = 'p2pd/verify-blessing'
const verifier = await import(specifier) as { verifyBlessing: typeof verifyBlessing, readUnverifiedBlessing: (bytes: Uint8Array) => { verified: boolean } }

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], digits => Number.parseInt(digits, 16))

async function outcomeOf ({ hex, wanted }: ValidVector | InvalidVector): Promise<string> {
  try {
    const { verified } = await verifier.verifyBlessing(bytesOf(hex), wanted)
    return verified && !verifier.readUnverifiedBlessing(bytesOf(hex)).verified ? 'holds' : 'odd'
  } catch (error) {
    return (error as { reason?: string }).reason ?? String(error)
  }
}

const outcomes: Array<[string, string]> = []
for (const vector of [...valid, ...invalid]) outcomes.push([vector.name, await outcomeOf(vector)])
stdout.write(JSON.stringify(outcomes))
