/** What one tenant may use of the daemon's host: half, however much it asks for, and the other half is there for others. */
import test from 'ava'
import { ActorShares } from '../../src/control/actorShares.ts'
import { limitsOf } from '../../src/config/tenant.ts'
import { manifestShape } from '../../src/config/manifest.ts'
import { Ledger } from '../../src/policy/ledger.ts'

const limits = { ...limitsOf(manifestShape.parse({ name: 'x' }).limits), controlConnections: 32, requestsPerSecond: 32 }
const blessed = { isBlessed: true }
const unblessed = { isBlessed: false }

test('a tenant has half of the connections, until one of its own ends', t => {
  const shares = new ActorShares(new Ledger({ limits }))
  const held = Array.from({ length: 16 }, () => shares.begin('indexer', blessed))
  t.throws(() => shares.begin('indexer', blessed), { code: 'ERR_LIMIT', message: /^limits\.controlConnections: in the daemon's name indexer may have 16 .*daemon\.yaml/ })
  t.notThrows(() => shares.begin('chat', blessed))
  held[0]?.end()
  t.notThrows(() => shares.begin('indexer', blessed))
})

test('without a blessing it has a sixteenth of them, and all such have half of them together', t => {
  const shares = new ActorShares(new Ledger({ limits }))
  for (let i = 0; i < 8; i++) {
    shares.begin(`t${i}`, unblessed)
    shares.begin(`t${i}`, unblessed)
    t.throws(() => shares.begin(`t${i}`, unblessed), { code: 'ERR_LIMIT', message: /may have 2 control connections/ })
  }
  t.throws(() => shares.begin('late', unblessed), { code: 'ERR_LIMIT', message: /may have 16 control connections/ })
  t.notThrows(() => shares.begin('indexer', blessed))
})

test('its requests are counted over all of its connections, and nobody else\'s', t => {
  const shares = new ActorShares(new Ledger({ limits }))
  const [one, two, other] = [shares.begin('indexer', blessed), shares.begin('indexer', blessed), shares.begin('chat', blessed)]
  const spend = (): void => { for (let i = 0; i < 20; i++) { one.ledger.requests.spend(); two.ledger.requests.spend() } }
  t.throws(spend, { code: 'ERR_LIMIT', message: /limits\.requestsPerSecond/ })
  t.notThrows(() => { other.ledger.requests.spend() })
})

test('its requests are counted over connections of which each has one', t => {
  const shares = new ActorShares(new Ledger({ limits }))
  const spend = (): void => {
    for (let i = 0; i < 100; i++) {
      const { ledger, end } = shares.begin('indexer', blessed)
      try {
        ledger.requests.spend()
      } finally {
        end()
      }
    }
  }
  t.throws(spend, { code: 'ERR_LIMIT', message: /limits\.requestsPerSecond/ })
})

test('a limit that is met is told, with whose it was', t => {
  const met: string[] = []
  const shares = new ActorShares(new Ledger({ limits }), (tenant, name) => { met.push(`${tenant} ${name}`) })
  t.throws(() => { for (let i = 0; i < 17; i++) shares.begin('indexer', blessed) })
  t.deepEqual(met, ['indexer controlConnections'])
})
