/**
 * Says that it is loaded, waits for the path of a state directory on stdin, then changes identities in it as fast as it can until it is killed.
 * Says what it is about to do, and that it is done: one JSON line each, written before it goes on.
 */
import { randomInt } from 'node:crypto'
import { writeSync } from 'node:fs'
import { once } from 'node:events'
import { Keystore, type Identity } from '../../../src/keystore/keystore.ts'
import { generateEd25519 } from '../../../src/keystore/privateKey.ts'

const say = (event: object): void => { writeSync(1, `${JSON.stringify(event)}\n`) }

say({ begin: 'open', name: '' })
const [line] = await once(process.stdin, 'data')
const keystore = await Keystore.open({ stateDir: String(line).trim(), env: {} })

say({ done: 'open', name: '' })
const names = (await keystore.list()).map(({ name }) => name)

for (;;) {
  const known = names[randomInt(names.length + 1)]
  const fresh = `t${randomInt(2 ** 40)}`
  const key = await generateEd25519()
  const change = async (what: string, name: string, work: () => Promise<Identity | void>, peerId?: string): Promise<void> => {
    say({ begin: what, name, peerId })
    const identity = await work()
    say({ done: what, name, ...identity === undefined ? {} : { id: identity.id, peerId: identity.peerId } })
  }
  const dice = randomInt(10)
  if (known === undefined || dice < 4) {
    await change('enrol', fresh, async () => await keystore.identity(fresh))
    names.push(fresh)
  } else if (dice < 6) {
    await change('import', fresh, async () => await keystore.import(fresh, key.bytes), key.peerId)
    names.push(fresh)
  } else if (dice < 7) {
    await change('replace', known, async () => await keystore.import(known, key.bytes, { replace: true }), key.peerId)
  } else if (dice < 8) {
    await change('renew', known, async () => await keystore.renew(known))
  } else if (dice < 9) {
    await change('ask', known, async () => await keystore.identity(known))
  } else {
    await change('remove', known, async () => { await keystore.remove(known) })
    names.splice(names.indexOf(known), 1)
  }
}
