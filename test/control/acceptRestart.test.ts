/** STREAM_ACCEPT and a host that dies: what is registered at an address comes back with the next host, and those that wait beside it, too. */
import test from 'ava'
import { text } from 'node:stream/consumers'
import { P2pdClient } from '../../src/client/index.ts'
import { AppListener } from '../helpers/appListener.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import * as requests from '../helpers/requests.ts'
import { isPendingAfter, until } from '../helpers/deadlines.ts'
import { World } from '../helpers/world.ts'

test('a program that waits beside an address that shares its protocol waits beside it again after the host was killed', async t => {
  await using world = await World.create()
  const daemon = await world.tenants({ a: {}, b: {} })
  await using a = new P2pdClient(daemon.control('a'))
  await using b = new P2pdClient(daemon.control('b'))
  const errors: unknown[] = []
  await using _ = await b.handle('/x', ({ stream }) => { stream.end('waited') }, { onError: error => { errors.push(error) } })
  await using listener = await AppListener.open({ path: world.path('h') })
  using registering = await RawConnection.to(daemon.control('b'))
  t.is((await registering.ask(requests.streamHandler(listener.bytes, '/x', true))).type, 0)

  const receivers = async (): Promise<Set<string>> => {
    const { peerId, addresses } = await b.identify()
    await a.connect(peerId, addresses)
    const found = new Set<string>()
    for (let i = 0; i < 4; i++) {
      const { stream } = await a.openStream(peerId, '/x')
      stream.end()
      const heard = text(stream)
      found.add(await until('a receiver', async () => {
        if (listener.waiting === 0) return await isPendingAfter(10, heard) ? undefined : await heard
        const inbound = await listener.next()
        await inbound.streamInfo()
        inbound.end()
        await heard
        return 'dialled'
      }))
    }
    return found
  }
  t.deepEqual(await receivers(), new Set(['waited', 'dialled']))
  const { pid = 0 } = await daemon.status('b')
  process.kill(pid, 'SIGKILL')
  await until('the next host', async () => { const row = await daemon.status('b'); return row.state === 'running' && row.pid !== pid }, 20_000)
  await until('both', async () => (await receivers()).size === 2, 20_000)
  t.deepEqual(errors, [])
})
