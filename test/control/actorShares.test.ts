/** What one tenant may use of the daemon's host: half, however much it asks for, and the other half is there for others. */
import test from 'ava'
import { ActorShares } from '../../src/control/actorShares.ts'
import { limitsOf } from '../../src/config/tenant.ts'
import { manifestShape } from '../../src/config/manifest.ts'

const limits = { ...limitsOf(manifestShape.parse({ name: 'x' }).limits), controlConnections: 10, requestsPerSecond: 20 }

test('a tenant has half of the connections, until one of its own ends', t => {
  const shares = new ActorShares({ limits })
  const held = Array.from({ length: 5 }, () => shares.begin('indexer'))
  t.throws(() => shares.begin('indexer'), { code: 'ERR_LIMIT', message: /limits\.controlConnections/ })
  t.notThrows(() => shares.begin('chat'))
  held[0]?.end()
  t.notThrows(() => shares.begin('indexer'))
})

test('its requests are counted over all of its connections, and nobody else\'s', t => {
  const shares = new ActorShares({ limits })
  const [one, two, other] = [shares.begin('indexer'), shares.begin('indexer'), shares.begin('chat')]
  const spend = (): void => { for (let i = 0; i < 15; i++) { one.ledger.requests.spend(); two.ledger.requests.spend() } }
  t.throws(spend, { code: 'ERR_LIMIT', message: /limits\.requestsPerSecond/ })
  t.notThrows(() => { other.ledger.requests.spend() })
})
