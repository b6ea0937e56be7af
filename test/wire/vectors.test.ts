/** Runs proto/vectors.json both ways, and holds the generated code and the enums against p2pd.proto. */
import test from 'ava'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FrameReader, encodeFrame } from '../../src/wire/frames.ts'
import { decodeMultiaddr, formatMultiaddr, parseMultiaddr } from '../../src/wire/addresses.ts'
import { p2pd } from '../../src/wire/generated/p2pd.js'
import * as codec from '../../src/wire/codec.ts'

interface Vector { name: string, hex: string, direction?: 'decode', error?: string }
interface Vectors {
  messages: Array<Vector & { message: keyof typeof codecs, value?: unknown }>
  frames: Array<Vector & { body?: string }>
  multiaddrs: Array<Vector & { text?: string, printed?: string }>
}

const root = join(import.meta.dirname, '../..')
const vectors = JSON.parse(readFileSync(join(root, 'proto/vectors.json'), 'utf8')) as Vectors

const codecs = {
  Request: [codec.encodeRequest, codec.decodeRequest],
  Response: [codec.encodeResponse, codec.decodeResponse],
  StreamInfo: [codec.encodeStreamInfo, codec.decodeStreamInfo],
  DHTResponse: [codec.encodeDHTResponse, codec.decodeDHTResponse],
  PSMessage: [codec.encodePSMessage, codec.decodePSMessage],
  PeerStoreRequest: [codec.encodePeerStoreRequest, codec.decodePeerStoreRequest],
  RemoveStreamHandlerRequest: [codec.encodeRemoveStreamHandlerRequest, codec.decodeRemoveStreamHandlerRequest],
  DHTRequest: [codec.encodeDHTRequest, codec.decodeDHTRequest],
  Blessing: [codec.encodeBlessing, codec.decodeBlessing],
  BlessingStatusRequest: [codec.encodeBlessingStatusRequest, codec.decodeBlessingStatusRequest],
  BlessingStatusResponse: [codec.encodeBlessingStatusResponse, codec.decodeBlessingStatusResponse]
} as const

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const hexOf = (value: Uint8Array): string => Buffer.from(value).toString('hex')

/** In the vectors, text that begins with 0x stands for bytes. */
function revived (value: unknown): unknown {
  if (typeof value === 'string' && value.startsWith('0x')) return bytes(value.slice(2))
  if (Array.isArray(value)) return value.map(revived)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, revived(field)]))
}

for (const { name, message, value, hex, direction, error } of vectors.messages) {
  test(`${message}: ${name}`, t => {
    const [encode, decode] = codecs[message] as [(value: unknown) => Uint8Array, (bytes: Uint8Array) => unknown]
    if (error !== undefined) {
      t.throws(() => decode(bytes(hex)), { name: 'P2pdError', code: error })
      return
    }
    t.deepEqual(decode(bytes(hex)), revived(value))
    if (direction !== 'decode') t.is(hexOf(encode(revived(value))), hex)
  })
}

for (const { name, hex, body, direction, error } of vectors.frames) {
  test(`frame: ${name}`, t => {
    const reader = new FrameReader()
    reader.push(bytes(hex))
    if (error !== undefined) {
      t.throws(() => reader.next(), { name: 'P2pdError', code: error })
      return
    }
    t.deepEqual(reader.next(), revived(body))
    t.is(reader.bufferedBytes, 0)
    if (direction !== 'decode') t.is(hexOf(encodeFrame(revived(body) as Uint8Array)), hex)
  })
}

for (const { name, hex, text = '', printed = text, error } of vectors.multiaddrs) {
  test(`multiaddr: ${name}`, t => {
    if (error !== undefined) {
      t.throws(() => decodeMultiaddr(bytes(hex)), { name: 'P2pdError', code: error })
      return
    }
    t.is(hexOf(parseMultiaddr(text).bytes), hex)
    t.is(formatMultiaddr(bytes(hex)), printed)
  })
}

test('every message has vectors to be read and vectors to be refused', t => {
  for (const message of Object.keys(codecs)) {
    const own = vectors.messages.filter(vector => vector.message === message)
    t.true(own.some(({ error }) => error === undefined) && own.some(({ error }) => error !== undefined), message)
  }
})

test('the generated code is what p2pd.proto gives', t => {
  t.notThrows(() => execFileSync(process.execPath, [join(root, 'scripts/proto.mjs'), '--check'], { stdio: 'pipe' }))
})

test('the numbers of the types are those of p2pd.proto', t => {
  const { Request, Response, DHTRequest, DHTResponse, ConnManagerRequest, PSRequest, PeerStoreRequest } = p2pd.pb
  const pairs: Array<[object, Readonly<Record<string, string | number>>]> = [
    [codec.RequestType, Request.Type],
    [codec.ResponseType, Response.Type],
    [codec.DHTRequestType, DHTRequest.Type],
    [codec.DHTResponseType, DHTResponse.Type],
    [codec.ConnManagerRequestType, ConnManagerRequest.Type],
    [codec.PSRequestType, PSRequest.Type],
    [codec.PeerStoreRequestType, PeerStoreRequest.Type]
  ]
  for (const [ours, theirs] of pairs) {
    // A generated enum also maps the numbers back to their names, as a TypeScript one does.
    t.deepEqual({ ...ours }, Object.fromEntries(Object.keys(theirs).filter(key => Number.isNaN(Number(key))).map(key => [key, theirs[key]])))
  }
})

test('a decoded field does not keep the bytes of its frame', t => {
  const frame = Buffer.alloc(1024 * 1024)
  const message = codec.encodeStreamInfo({ peer: bytes('0102'), addr: bytes('03'), proto: '/a' })
  frame.set(message)
  const { peer } = codec.decodeStreamInfo(frame.subarray(0, message.length))
  t.is(peer.buffer.byteLength, 2)
  frame.fill(0)
  t.deepEqual(peer, bytes('0102'))
})

test('absent is undefined: it may be said or left out', t => {
  const peer = bytes('01')
  t.deepEqual(
    codec.encodeRequest({ type: 1, connect: { peer, addrs: [], timeout: undefined }, disconnect: undefined }),
    codec.encodeRequest({ type: 1, connect: { peer, addrs: [] } })
  )
})
