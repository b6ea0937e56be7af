/** The three tenants and the policies that p2pd comes with, as `npm start` serves them: what each may do, and what not. */
import test, { type ExecutionContext } from 'ava'
import { text } from 'node:stream/consumers'
import { P2pdClient } from '../../src/client/index.ts'
import { World } from './world.ts'

interface Program { readonly client: P2pdClient, readonly peerId: string, readonly addresses: string[] }

const world = new World('shipped')
const programs = new Map<string, Program>()

test.before(async () => {
  await world.start()
  for (const tenant of ['chat', 'indexer', 'sensor']) {
    const client = new P2pdClient(`/unix${world.socketOf(tenant)}`)
    programs.set(tenant, { client, ...await client.identify() })
  }
})

test.after.always(async () => {
  for (const { client } of programs.values()) await client.close()
  await world[Symbol.asyncDispose]()
})

function program (tenant: string): Program {
  const found = programs.get(tenant)
  if (found === undefined) throw new Error(`${tenant} has not started`)
  return found
}

/** A stream from one to the other, answered with what was sent. */
async function exchange (from: string, to: string, protocol: string): Promise<string> {
  const { peerId, addresses } = program(to)
  await program(from).client.connect(peerId, addresses)
  const { stream } = await program(from).client.openStream(peerId, protocol)
  stream.end(`from ${from}`)
  return await text(stream)
}

async function denied (t: ExecutionContext, call: Promise<unknown>, message: RegExp): Promise<void> {
  await t.throwsAsync(call, { message })
}

test.serial('the chat app says hello to the indexer and searches in it', async t => {
  const { client } = program('indexer')
  await using _ = await client.handle(['/hello/1.0.0', '/search/1.0.0'], ({ stream }) => { stream.pipe(stream) })
  t.is(await exchange('chat', 'indexer', '/hello/1.0.0'), 'from chat')
  t.is(await exchange('chat', 'indexer', '/search/1.0.0'), 'from chat')
})

test.serial('the sensor sends to the indexer, and the indexer takes measurements from nobody else', async t => {
  await using _ = await program('indexer').client.handle('/telemetry/1.0.0', ({ stream }) => { stream.pipe(stream) })
  t.is(await exchange('sensor', 'indexer', '/telemetry/1.0.0'), 'from sensor')
  await denied(t, exchange('chat', 'indexer', '/telemetry/1.0.0'), /openStream denied on Protocol \/telemetry\/1\.0\.0/)
})

test.serial('the sensor reaches nobody but its collector, and hears nobody', async t => {
  const { client } = program('sensor')
  const chat = program('chat')
  await denied(t, client.connect(chat.peerId, chat.addresses), /connect denied on Peer/)
  await denied(t, client.handle('/telemetry/1.0.0', () => {}), /handleStream denied on Protocol/)
  const sensor = program('sensor')
  await denied(t, chat.client.connect(sensor.peerId, sensor.addresses), /dial denied on Peer/)
})

test.serial('each registers for its own protocols only', async t => {
  await using _ = await program('chat').client.handle('/chat/1.0.0', () => {})
  await denied(t, program('chat').client.handle('/index/1.0.0', () => {}), /handleStream denied on Protocol \/index\/1\.0\.0/)
  await denied(t, program('indexer').client.handle('/chat/1.0.0', () => {}), /handleStream denied on Protocol \/chat\/1\.0\.0/)
})

test.serial('nobody dials into the private network, and a neighbour is reached without dialling, whatever address is named with it', async t => {
  const indexer = program('indexer')
  for (const address of ['/ip4/192.168.7.7/tcp/22', '/ip4/10.0.0.1/tcp/4001', '/ip6/fd00::1/tcp/4001']) {
    await denied(t, program('chat').client.connect('12D3KooWD4jcTQh3jA1tLtwNm1Yomp7vZZi5vYW68FWfEYKMg9Cv', [address]), /dial denied on Peer/)
    await program('sensor').client.disconnect(indexer.peerId)
    await program('sensor').client.connect(indexer.peerId, [address])
    t.deepEqual(await program('sensor').client.listPeers(), [{ peerId: indexer.peerId, addresses: ['/unix/p2pd/indexer'] }])
  }
})

test.serial('what was denied is in the audit log, with the tenant, the program and the policy', t => {
  const lines = world.audit().filter(({ event }) => event === 'denied')
  t.true(lines.some(line => line['tenant'] === 'sensor' && line['action'] === 'handleStream' && line['policy'] === 'sensor-deaf' && line['pid'] === process.pid))
  t.true(lines.some(line => line['tenant'] === 'chat' && line['action'] === 'dial' && line['policy'] === 'default deny'))
})
