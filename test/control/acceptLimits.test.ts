/** STREAM_ACCEPT and a tenant's limits: a protocol counts once, a connection that waits is a control connection until it is a stream. */
import test from 'ava'
import { P2pdClient } from '../../src/client/index.ts'
import { formatMultiaddr } from '../../src/wire/addresses.ts'
import { formatPeerId } from '../../src/wire/peers.ts'
import { message } from '../helpers/protobuf.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import * as requests from '../helpers/requests.ts'
import { until } from '../helpers/deadlines.ts'
import { World } from '../helpers/world.ts'

const accept = (protocol: string): Buffer => requests.request(100, [100, message([1, protocol])])

test('a protocol that is waited for counts once among the handlers, and not any more when nobody waits', async t => {
  await using world = await World.create()
  const daemon = await world.tenants({ a: { limits: { handlers: 1 } } })
  const control = daemon.control('a')
  const waiters = await Promise.all([1, 2, 3].map(async () => await RawConnection.to(control)))
  for (const waiter of waiters) t.is((await waiter.ask(accept('/one'))).type, 0)
  t.is((await daemon.status('a')).figures?.handlers, 1)
  using other = await RawConnection.to(control)
  const { type, error } = await other.ask(accept('/two'))
  t.is(type, 1)
  t.regex(error?.msg ?? '', /limits\.handlers/)
  for (const waiter of waiters) waiter.destroy()
  await until('room for another protocol', async () => (await other.ask(accept('/two'))).type === 0)
  t.is((await daemon.status('a')).figures?.handlers, 1)
})

test('a connection that waits counts among the control connections, and not any more when it is a stream', async t => {
  await using world = await World.create()
  const daemon = await world.tenants({ a: {}, b: { limits: { controlConnections: 2 } } })
  await using a = new P2pdClient(daemon.control('a'))
  using first = await RawConnection.to(daemon.control('b'))
  const { id = Buffer.alloc(0), addrs: [address = Buffer.alloc(0)] = [] } = (await first.ask(requests.identify())).identify ?? {}
  t.is((await first.ask(accept('/x'))).type, 0)
  using second = await RawConnection.to(daemon.control('b'))
  t.is((await second.ask(accept('/x'))).type, 0)
  using third = await RawConnection.to(daemon.control('b'))
  t.regex((await third.response()).error?.msg ?? '', /limits\.controlConnections/)

  const peer = formatPeerId(id)
  await a.connect(peer, [formatMultiaddr(address)])
  const { stream } = await a.openStream(peer, '/x')
  t.not((await first.response()).streamInfo, undefined)
  t.like((await daemon.status('b')).figures, { controlConnections: 1, streams: 1 })
  using fourth = await RawConnection.to(daemon.control('b'))
  t.is((await fourth.ask(accept('/x'))).type, 0)
  stream.destroy()
})
