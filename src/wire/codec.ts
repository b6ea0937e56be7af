/**
 * Messages to bytes and back: proto2 as the other daemons and clients write it.
 *
 * Owns what a message on the wire may look like: fields ascending, `type` written also when it is 0, empty repeated fields
 * absent. Whether a message makes sense is the session's to judge, and its length frames.ts's.
 *
 * Decoding throws ERR_MESSAGE, also when a required field is missing. What it returns owns its bytes: a peer ID that is kept
 * does not keep the frame it came in. Unknown fields are dropped.
 */
import { p2pd } from './generated/p2pd.js'
import { P2pdError, messageOf } from '../errors.ts'
import type { Writer } from 'protobufjs/minimal.js'
import type * as messages from './messages.ts'

export * from './messages.ts'

const pb = p2pd.pb

/** A generated message as it comes out of `plain`: null is absence, and nothing of the library's own is left. */
type Plain<T> = T extends Uint8Array ? Uint8Array
  : T extends Array<infer Item> ? Array<Plain<Item>>
    : T extends object ? Optional<T> & Required<T>
      : T
type Optional<T> = { [K in keyof T as null extends T[K] ? K : never]?: Plain<NonNullable<T[K]>> }
type Required<T> = { [K in keyof T as null extends T[K] ? never : K extends `$${string}` ? never : K]: Plain<T[K]> }

interface Message<T, Init> {
  encode: (message: Init) => Writer
  decode: (bytes: Uint8Array) => T
}

function encoder<Init> ({ encode }: Message<unknown, Init>): (message: Init) => Uint8Array {
  return message => encode(message).finish()
}

function decoder<T> (name: string, { decode }: Message<T, never>): (bytes: Uint8Array) => Plain<T> {
  return bytes => {
    try {
      return plain(decode(bytes))
    } catch (error) {
      throw new P2pdError('ERR_MESSAGE', `these ${bytes.length} bytes are no ${name}: ${messageOf(error)}`, { cause: error })
    }
  }
}

/** Bytes are copied, so that no field holds on to its frame, and 64-bit integers become numbers. */
function plain<T> (value: T): Plain<T>
function plain (value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return value.map((item: unknown) => plain(item))
  // The types say that these are numbers already (--force-number), which is so only where the package `long` is not there.
  if ('low' in value && 'high' in value) return safeInteger(Number(value))
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field != null).map(([name, field]) => [name, plain(field)]))
}

/** Seconds and weights beyond 2^53 mean "very long" and "very much": nothing is lost by a number that is exact. */
function safeInteger (value: number): number {
  return Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
}

export const encodeRequest: (request: messages.Request) => Uint8Array = encoder(pb.Request)
export const decodeRequest: (bytes: Uint8Array) => messages.Request = decoder('Request', pb.Request)

export const encodeResponse: (response: messages.ResponseInit) => Uint8Array = encoder(pb.Response)
export const decodeResponse: (bytes: Uint8Array) => messages.Response = decoder('Response', pb.Response)

export const encodeStreamInfo: (info: messages.StreamInfo) => Uint8Array = encoder(pb.StreamInfo)
export const decodeStreamInfo: (bytes: Uint8Array) => messages.StreamInfo = decoder('StreamInfo', pb.StreamInfo)

/** The DHT's bare answers, after a Response that said BEGIN. */
export const encodeDHTResponse: (response: messages.DHTResponse) => Uint8Array = encoder(pb.DHTResponse)
export const decodeDHTResponse: (bytes: Uint8Array) => messages.DHTResponse = decoder('DHTResponse', pb.DHTResponse)

/** What a subscription delivers, bare. */
export const encodePSMessage: (message: messages.PSMessage) => Uint8Array = encoder(pb.PSMessage)
export const decodePSMessage: (bytes: Uint8Array) => messages.PSMessage = decoder('PSMessage', pb.PSMessage)

/** `Request.dialect` of a PEERSTORE_OR_UPGRADE. */
export const encodePeerStoreRequest: (request: messages.PeerStoreRequest) => Uint8Array = encoder(pb.PeerStoreRequest)
export const decodePeerStoreRequest: (bytes: Uint8Array) => messages.PeerStoreRequest = decoder('PeerStoreRequest', pb.PeerStoreRequest)

/** `Request.dialect` of a REMOVE_STREAM_HANDLER. */
export const encodeRemoveStreamHandlerRequest: (request: messages.RemoveStreamHandlerRequest) => Uint8Array = encoder(pb.RemoveStreamHandlerRequest)
export const decodeRemoveStreamHandlerRequest: (bytes: Uint8Array) => messages.RemoveStreamHandlerRequest = decoder('RemoveStreamHandlerRequest', pb.RemoveStreamHandlerRequest)

/** The DHT's question, as a plugin gets it: bare. */
export const encodeDHTRequest: (request: messages.DHTRequest) => Uint8Array = encoder(pb.DHTRequest)
export const decodeDHTRequest: (bytes: Uint8Array) => messages.DHTRequest = decoder('DHTRequest', pb.DHTRequest)

/** What a blessing's envelope holds. */
export const encodeBlessing: (blessing: messages.Blessing) => Uint8Array = encoder(pb.Blessing)
export const decodeBlessing: (bytes: Uint8Array) => messages.Blessing = decoder('Blessing', pb.Blessing)

export const encodeBlessingStatusRequest: (request: messages.BlessingStatusRequest) => Uint8Array = encoder(pb.BlessingStatusRequest)
export const decodeBlessingStatusRequest: (bytes: Uint8Array) => messages.BlessingStatusRequest = decoder('BlessingStatusRequest', pb.BlessingStatusRequest)

export const encodeBlessingStatusResponse: (response: messages.BlessingStatusResponse) => Uint8Array = encoder(pb.BlessingStatusResponse)
export const decodeBlessingStatusResponse: (bytes: Uint8Array) => messages.BlessingStatusResponse = decoder('BlessingStatusResponse', pb.BlessingStatusResponse)
