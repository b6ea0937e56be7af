/**
 * A disk that refuses, made of RLIMIT_FSIZE: no file of this process can grow beyond it, root or not (setrlimit(2)).
 * Plays the scene it is told on the state directory it is given; says what happened as one JSON line.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { P2pdError } from '../../../src/errors.ts'
import { Keystore } from '../../../src/keystore/keystore.ts'
import { libc, UNLIMITED } from '../world.ts'

const [, , scene, stateDir = ''] = process.argv
// Without a handler the signal ends the process before write(2) can fail.
process.on('SIGXFSZ', () => {})

const keystore = await Keystore.open({ stateDir, env: {} })
const outcome = async (work: Promise<unknown>): Promise<string> => await work.then(() => 'done', (error: unknown) =>
  error instanceof P2pdError ? `${error.code} ${error.message}` : String(error))
const before = await keystore.identity('kept')

const faults: string[] = []
const refused = async (work: Promise<unknown>): Promise<void> => { faults.push(await outcome(work)) }

if (scene === 'full') {
  libc.limitFileSize(0n)
  for (let count = 0; count < 100; count++) await refused(keystore.identity(`new-${count}`))
  await refused(keystore.renew('kept'))
  await refused(keystore.import('other', before.privateKey))
  await refused(keystore.remove('kept'))
}
if (scene === 'torn') {
  // The log can take half a record.
  const database = join(stateDir, 'keystore')
  const sizes = readdirSync(database).filter(name => name.endsWith('.log')).map(name => statSync(join(database, name)).size)
  libc.limitFileSize(BigInt(Math.max(...sizes) + 100))
  await refused(keystore.identity('new-0'))
  await refused(keystore.identity('new-1'))
}
if (scene === 'witness') {
  // So many names that the witness is longer than the log will be after the next record.
  for (let count = 0; count < 60; count++) await keystore.identity(`some-${count}`)
  await keystore.close()
  const again = await Keystore.open({ stateDir, env: {} })
  libc.limitFileSize(3000n)
  await refused(again.identity('new-0'))
  await refused(again.identity('new-0'))
  libc.limitFileSize(UNLIMITED)
  report({ after: [await again.identity('new-0')], list: await again.list() })
  await again.close()
} else {
  const meanwhile = [await keystore.identity('kept'), await keystore.list(), Buffer.from(await keystore.export('kept')).equals(before.privateKey)]
  libc.limitFileSize(UNLIMITED)
  const after = [await keystore.identity('new-0'), await keystore.identity('new-1'), await keystore.identity('kept')]
  report({ meanwhile, after, list: await keystore.list() })
  await keystore.close()
}

function report (findings: object): void {
  console.log(JSON.stringify({ before, refused: faults, ...findings }))
}
