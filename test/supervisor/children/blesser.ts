/**
 * Gives and takes back blessings until it is killed, and says of each before and after. Reads the state directory from stdin,
 * and then the manifests' blessings as JSON.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { DeclaredBlessings } from '../../../src/supervisor/blessingsRules.ts'
import { Blessings } from '../../../src/supervisor/blessings.ts'

/** More than one process lives for. */
const MAX_GIVEN = 12

// In the pipe when it returns: what was said has been said, whenever the kill comes.
const say = (line: object): void => { writeSync(1, `${JSON.stringify(line)}\n`) }

say({ ready: true })
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const [stateDir, manifests] = [(await lines.next()).value as string, JSON.parse((await lines.next()).value as string) as DeclaredBlessings[]]
const blessings = await Blessings.open({ stateDir, onChange: () => {} })
say({ begin: 'declare' })
await blessings.declare(manifests)
say({ done: 'declare', epoch: blessings.epoch })
for (let count = 0; ; count++) {
  const standing = blessings.standing()
  const grant = standing[Math.floor(Math.random() * standing.length)]
  if (grant !== undefined && (standing.length >= MAX_GIVEN || Math.random() < 0.4)) {
    say({ begin: 'revoke', id: grant.id, resource: grant.resources[0] })
    const [ended] = await blessings.revoke(grant.tenant, grant.id)
    say({ done: 'revoke', id: grant.id, resource: grant.resources[0], epoch: ended?.epoch })
  } else {
    const resource = `/given/${process.pid}/${count}`
    say({ begin: 'give', resource })
    const { id, epoch } = await blessings.give({ tenant: 'chat', tenantId: 'id-of-chat', actions: ['openStream'], resources: [resource], seconds: 3_600 })
    say({ done: 'give', id, resource, epoch })
  }
}
