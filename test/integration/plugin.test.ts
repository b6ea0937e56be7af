/** A plugin: an app that answers the DHT requests of tenants, while it is there, while it is not, and while it comes back. */
import test from 'ava'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { P2pdClient, provideDht, type Handler } from '../../src/client/index.ts'
import { DHTRequestType, DHTResponseType, RequestType, ResponseType, decodeDHTResponse, encodeRequest, type DHTRequest, type Response } from '../../src/wire/codec.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import { World, eventually } from './world.ts'

const MANIFEST = 'host: { listen: [] }\n'
const EXAMPLE = fileURLToPath(new URL('../../examples/dht-plugin/main.ts', import.meta.url))

const SLOW = fileURLToPath(new URL('children/slowPlugin.ts', import.meta.url))

/** A plugin that has gone is waited for ten seconds, should it be coming back. */
const PATIENCE_MS = 20_000

async function machine (tenants: readonly string[]): Promise<World> {
  const world = new World(Object.fromEntries(['store', ...tenants].map(name => [name, MANIFEST])))
  await world.start()
  await world.bless('store', ['provideService'], ['/p2pd/plugin/dht/1.0.0'])
  return world
}

async function ask (connection: RawConnection, dht: DHTRequest): Promise<Response> {
  return await connection.ask(Buffer.from(encodeRequest({ type: RequestType.DHT, dht })), PATIENCE_MS)
}

const put = (key: string, value: string): DHTRequest => ({ type: DHTRequestType.PUT_VALUE, key: Buffer.from(key), value: Buffer.from(value) })
const get = (key: string): DHTRequest => ({ type: DHTRequestType.GET_VALUE, key: Buffer.from(key) })

/** The shipped example, as its README starts it. */
async function example (world: World): Promise<ChildProcess> {
  const child = spawn(process.execPath, [EXAMPLE, `/unix${world.socketOf('store')}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

async function killed (child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

test('twenty tenants without a DHT use it at once; killed in the middle it is missed clearly, and used again when it is back', async t => {
  const names = Array.from({ length: 20 }, (_, i) => `app${i}`)
  await using world = await machine(names)
  let plugin = await example(world)
  const connections = await Promise.all(names.map(async name => await RawConnection.to({ path: world.socketOf(name) })))
  const found = async (): Promise<string[]> => await Promise.all(connections.map(async (connection, i) => {
    const { type, error } = await ask(connection, put(`/app/${names[i]}`, `value of ${names[i]}`))
    if (type !== ResponseType.OK) return error?.msg ?? ''
    const { dht, error: refused } = await ask(connection, get(`/app/${names[(i + 1) % 20]}`))
    return dht?.value === undefined ? refused?.msg ?? '' : Buffer.from(dht.value).toString()
  }))
  await found()
  t.deepEqual(await found(), names.map((_, i) => `value of ${names[(i + 1) % 20]}`))

  await killed(plugin)
  const missed = await eventually('a clear error for everybody', found, messages => messages.every(message => message.includes('no provider')), 40_000)
  t.true(missed.every(message => message === 'the DHT is not available: no provider: nobody serves /p2pd/plugin/dht/1.0.0 in the daemon\'s name now'), missed[0])

  plugin = await example(world)
  await found()
  t.deepEqual(await found(), names.map((_, i) => `value of ${names[(i + 1) % 20]}`), 'on the very same connections')
  for (const connection of connections) connection[Symbol.dispose]()
  await killed(plugin)
})

interface Probe { readonly asked: string[], readonly cancelled: string[] }

/** A plugin whose answers the test holds back. */
async function slowPlugin (client: P2pdClient, probe: Probe, values: number): Promise<Handler> {
  return await provideDht(client, {
    getValue: async ({ caller, signal }) => {
      probe.asked.push(caller)
      await once(signal, 'abort')
      probe.cancelled.push(caller)
      throw signal.reason
    },
    findProviders: async function * ({ signal }) {
      for (let i = 0; i < values && !signal.aborted; i++) yield { peerId: '12D3KooWD4jcTQh3jA1tLtwNm1Yomp7vZZi5vYW68FWfEYKMg9Cv', addresses: [] }
    }
  })
}

test('a plugin that is killed while it answers: a question is told so, and a series ends', async t => {
  await using world = await machine(['asker'])
  const child = spawn(process.execPath, [SLOW, world.socketOf('store')], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  await once(child.stdout, 'data')
  using one = await RawConnection.to({ path: world.socketOf('asker') })
  using series = await RawConnection.to({ path: world.socketOf('asker') })
  const answer = ask(one, get('/k'))
  t.is((await ask(series, { type: DHTRequestType.SEARCH_VALUE, key: Buffer.from('/k') })).dht?.type, DHTResponseType.BEGIN)
  t.is(Buffer.from(decodeDHTResponse(await series.readFrame()).value ?? []).toString(), 'first')
  await killed(child)
  t.is((await answer).error?.msg, 'the DHT: what provides it went away before it answered: ask again')
  t.is(decodeDHTResponse(await series.readFrame()).type, DHTResponseType.END)
})

test('the plugin knows who asks; a program that goes, and a time that runs out, cancel the question', async t => {
  await using world = await machine(['chat'])
  await using store = new P2pdClient({ path: world.socketOf('store') })
  await using chat = new P2pdClient({ path: world.socketOf('chat') })
  const { peerId } = await chat.identify()
  const probe: Probe = { asked: [], cancelled: [] }
  await using _ = await slowPlugin(store, probe, 0)

  const gone = await RawConnection.to({ path: world.socketOf('chat') })
  await gone.send(Buffer.from(encodeRequest({ type: RequestType.DHT, dht: get('/app/x') })))
  await eventually('asked', () => probe.asked, ({ length }) => length === 1)
  gone[Symbol.dispose]()
  await eventually('cancelled', () => probe.cancelled, ({ length }) => length === 1, 5_000)

  using late = await RawConnection.to({ path: world.socketOf('chat') })
  const since = performance.now()
  const { type, error } = await ask(late, { ...get('/app/x'), timeout: 1 })
  t.is(type, ResponseType.ERROR)
  t.regex(error?.msg ?? '', /no answer within 1 s|not within 1 s|within 1/)
  t.true(performance.now() - since < 3_000)
  await eventually('cancelled', () => probe.cancelled, ({ length }) => length === 2, 5_000)
  t.deepEqual(probe.asked, [peerId, peerId])
  t.is((await late.ask(Buffer.from(encodeRequest({ type: RequestType.IDENTIFY })))).type, ResponseType.OK, 'the connection goes on')
})

test('values stream one by one behind BEGIN, as many as were asked for, and END is behind the last', async t => {
  await using world = await machine(['chat'])
  await using store = new P2pdClient({ path: world.socketOf('store') })
  await using _ = await slowPlugin(store, { asked: [], cancelled: [] }, 1_000)
  using connection = await RawConnection.to({ path: world.socketOf('chat') })
  const cid = Buffer.from('0155122000', 'hex')
  for (const [count, values] of [[undefined, 20], [3, 3], [500, 500]] as const) {
    const { dht } = await ask(connection, { type: DHTRequestType.FIND_PROVIDERS, cid, ...count !== undefined && { count } })
    t.is(dht?.type, DHTResponseType.BEGIN)
    const types: number[] = []
    while (types.at(-1) !== DHTResponseType.END) types.push(decodeDHTResponse(await connection.readFrame()).type)
    t.deepEqual(types, [...Array<number>(values).fill(DHTResponseType.VALUE), DHTResponseType.END])
  }
  t.is((await connection.ask(Buffer.from(encodeRequest({ type: RequestType.IDENTIFY })))).type, ResponseType.OK)
})

test('what policy denies the plugin does not hear', async t => {
  const policy = `
    permit (principal, action, resource) unless { principal == Tenant::"chat" };
    permit (principal == Tenant::"chat", action in Action::"inspect", resource);
    permit (principal == Tenant::"chat", action == Action::"dhtRead", resource in DhtNamespace::"/app/");`
  await using world = new World({ store: MANIFEST, chat: MANIFEST }, { 'all.cedar': policy })
  await world.start()
  await world.bless('store', ['provideService'])
  await using store = new P2pdClient({ path: world.socketOf('store') })
  const heard: string[] = []
  await using _ = await provideDht(store, {
    getValue: async ({ key }) => { heard.push(Buffer.from(key).toString()); return Buffer.from('value') },
    putValue: async ({ key }) => { heard.push(`put ${Buffer.from(key).toString()}`) }
  })
  using connection = await RawConnection.to({ path: world.socketOf('chat') })
  t.is((await ask(connection, get('/app/x'))).type, ResponseType.OK)
  t.is((await ask(connection, get('/other/x'))).error?.msg, 'dhtRead denied on DhtKey /other/x')
  t.is((await ask(connection, put('/app/x', 'y'))).error?.msg, 'dhtWrite denied on DhtKey /app/x')
  t.is((await ask(connection, { type: DHTRequestType.GET_VALUE, key: Buffer.from([0x2f, 0x61, 0x70, 0x70, 0x2f, 0xff]) })).error?.msg, 'dhtRead denied on DhtKey 0x2f6170702fff')
  t.deepEqual(heard, ['/app/x'])
})
