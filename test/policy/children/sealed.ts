/** Decides where no file can be opened any more, once before which Cedar was loaded. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { createPolicy, preloadCedar } from '../../../src/policy/engine.ts'
import { ASKS, CALLER, CHAT, EVERYTHING, shown } from '../world.ts'

preloadCedar()
const refuse = (): never => { throw new Error('a file was opened') }
for (const name of ['readFileSync', 'openSync', 'readFile', 'open', 'createReadStream'] as const) Object.defineProperty(fs, name, { value: refuse })
Object.defineProperty(fs.promises, 'readFile', { value: refuse })
syncBuiltinESMExports()
const decisions = [1, 2].map(epoch => createPolicy({ epoch, tenant: CHAT, neighbours: [], policies: [{ id: 'all', file: 'a.cedar', line: 1, text: EVERYTHING }] }).decide(CALLER, ASKS.open()))
process.stdout.write(JSON.stringify(decisions.map(shown)))
