/** The daemon's side of the plugin kind `dht`: one question a stream, and what comes back until the plugin ends it. */
import type { ExecutionContext } from 'ava'
import { buffer } from 'node:stream/consumers'
import type { Socket } from 'node:net'
import { DHT_PLUGIN_PROTOCOL, P2pdClient, provideDht, type DhtPlugin, type DhtPluginOptions, type Handler } from '../../src/client/index.ts'
import { DHTResponseType, ResponseType, decodeDHTResponse, decodeResponse, encodeDHTRequest, type DHTRequest, type DHTResponse, type Response, type ResponseInit } from '../../src/wire/codec.ts'
import { FrameReader, encodeFrame } from '../../src/wire/frames.ts'
import { ADDRESS_BYTES, PEER_BYTES, type ScriptedDaemon } from './scriptedDaemon.ts'
import { waitingDaemon, type Queue } from './queue.ts'

export const CID = Uint8Array.of(1, 0x55, 0x12, 1, 7)
export const KEY = new TextEncoder().encode('/app/x')
export const VALUE = Uint8Array.of(1, 2, 3)

export interface Answer { response: Response, series: DHTResponse[] }

/** Asks, and does not read yet. */
export async function ask (queue: Queue, request: DHTRequest, caller: Uint8Array = PEER_BYTES): Promise<Socket> {
  return await askBytes(queue, encodeFrame(encodeDHTRequest(request)), caller)
}

export async function askBytes (queue: Queue, bytes: Uint8Array, caller: Uint8Array = PEER_BYTES): Promise<Socket> {
  const streamInfo = { peer: caller, addr: ADDRESS_BYTES, proto: DHT_PLUGIN_PROTOCOL }
  return await queue.give(bytes, { type: ResponseType.OK, streamInfo } satisfies ResponseInit)
}

/** All there is up to the plugin's end, and then the asker's. */
export async function answerOn (socket: Socket): Promise<Answer> {
  const reader = new FrameReader()
  reader.push(await buffer(socket))
  socket.end()
  const response = decodeResponse(reader.next() ?? new Uint8Array(0))
  const series: DHTResponse[] = []
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) series.push(decodeDHTResponse(frame))
  if (reader.bufferedBytes > 0) throw new Error('the answer ends in the middle of a message')
  return { response, series }
}

export async function answer (queue: Queue, request: DHTRequest, caller?: Uint8Array): Promise<Answer> {
  return await answerOn(await ask(queue, request, caller))
}

export interface World { daemon: ScriptedDaemon, queue: Queue, handler: Handler, errors: unknown[] }

/** A plugin that waits for questions. It and its client are gone when the test is over. */
export async function provided (t: ExecutionContext, plugin: DhtPlugin, options: DhtPluginOptions = {}): Promise<World> {
  const { daemon, queue } = await waitingDaemon(t)
  const client = new P2pdClient(daemon.address)
  t.teardown(async () => { await client.close() })
  const errors: unknown[] = []
  const handler = await provideDht(client, plugin, { onError: error => { errors.push(error) }, ...options })
  t.teardown(async () => { await handler.close() })
  return { daemon, queue, handler, errors }
}

export const single = (dht: Partial<Answer['series'][number]>): Answer => ({ response: { type: ResponseType.OK, peers: [], dht: { type: DHTResponseType.VALUE, ...dht } }, series: [] })
export const series = (...values: Array<Partial<Answer['series'][number]>>): Answer => ({
  response: { type: ResponseType.OK, peers: [], dht: { type: DHTResponseType.BEGIN } },
  series: [...values.map(value => ({ type: DHTResponseType.VALUE, ...value })), { type: DHTResponseType.END }]
})
export const fine: Answer = { response: { type: ResponseType.OK, peers: [] }, series: [] }
export const error = (msg: string): Answer => ({ response: { type: ResponseType.ERROR, peers: [], error: { msg } }, series: [] })
