/**
 * Asks the DHT of a tenant, with nothing but a protobuf library and proto/p2pd.proto, as a program in any language would:
 *
 *     node ask.ts ADDRESS put KEY VALUE
 *     node ask.ts ADDRESS get|search|closest KEY
 *     node ask.ts ADDRESS provide|providers CID       the CID in hexadecimal
 *     node ask.ts ADDRESS peer|publickey PEER
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'

interface Answer {
  readonly error?: { readonly msg: string }
  readonly dht?: Found
}
interface Found {
  readonly type: 'BEGIN' | 'VALUE' | 'END'
  readonly value?: Buffer
  readonly peer?: { readonly id: Buffer, readonly addrs?: readonly Buffer[] }
}

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

const text = (bytes: Buffer): string => bytes.toString()
const questions: Record<string, { ask: (first: string, second: string) => object, print: (value: Buffer) => string }> = {
  put: { ask: (key, value) => ({ type: 'PUT_VALUE', key: Buffer.from(key), value: Buffer.from(value) }), print: text },
  get: { ask: key => ({ type: 'GET_VALUE', key: Buffer.from(key) }), print: text },
  search: { ask: key => ({ type: 'SEARCH_VALUE', key: Buffer.from(key) }), print: text },
  closest: { ask: key => ({ type: 'GET_CLOSEST_PEERS', key: Buffer.from(key) }), print: base58 },
  provide: { ask: cid => ({ type: 'PROVIDE', cid: Buffer.from(cid, 'hex') }), print: text },
  providers: { ask: cid => ({ type: 'FIND_PROVIDERS', cid: Buffer.from(cid, 'hex') }), print: text },
  peer: { ask: peer => ({ type: 'FIND_PEER', peer: fromBase58(peer) }), print: text },
  publickey: { ask: peer => ({ type: 'GET_PUBLIC_KEY', peer: fromBase58(peer) }), print: bytes => bytes.toString('hex') }
}

const [address = '', command = '', first = '', second = ''] = process.argv.slice(2)
const question = questions[command]
const isCid = command === 'provide' || command === 'providers'
if (question === undefined || first === '' || (command === 'put' && second === '') || (isCid && !/^(?:[0-9a-f]{2})+$/i.test(first))) {
  process.stderr.write(`usage: node ask.ts ADDRESS put KEY VALUE | get|search|closest KEY | provide|providers CID | peer|publickey PEER\nCID is hexadecimal digits, two a byte\n`)
  process.exit(2)
}

const proto = await protobuf.load(fileURLToPath(new URL('../../proto/p2pd.proto', import.meta.url)))
const request = proto.lookupType('p2pd.pb.Request')
const socket = connect(address.replace(/^\/unix(?=\/)/, ''))
await once(socket, 'connect').catch((fault: Error) => {
  process.stderr.write(`${fault.message}\n`)
  process.exit(1)
})
socket.write(request.encodeDelimited(request.fromObject({ type: 'DHT', dht: question.ask(first, second) })).finish())

const answers = messages()
const { error, dht } = await next<Answer>('Response')
if (error !== undefined) {
  process.stderr.write(`${error.msg}\n`)
  process.exitCode = 1
} else if (dht?.type === 'BEGIN') {
  for (let found = await next<Found>('DHTResponse'); found.type !== 'END'; found = await next('DHTResponse')) print(found)
} else if (dht !== undefined) {
  print(dht)
}
socket.end()

function print ({ value, peer }: Found): void {
  if (value !== undefined) process.stdout.write(`${question?.print(value) ?? ''}\n`)
  if (peer !== undefined) process.stdout.write(`${base58(peer.id)} ${(peer.addrs ?? []).map(addr => `0x${addr.toString('hex')}`).join(' ')}\n`)
}

async function next<T> (name: string): Promise<T> {
  const { done, value } = await answers.next()
  if (done === true) throw new Error('the daemon ended the connection')
  const type = proto.lookupType(`p2pd.pb.${name}`)
  return type.toObject(type.decode(value), { enums: String }) as T
}

/** What stands between the lengths. */
async function * messages (): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0)
  for await (const chunk of socket) {
    rest = Buffer.concat([rest, chunk as Buffer])
    for (let end = endOfMessage(rest); end !== undefined && end <= rest.length; end = endOfMessage(rest)) {
      yield protobuf.Reader.create(rest).bytes()
      rest = rest.subarray(end)
    }
  }
}

/** Undefined until the length itself is whole. */
function endOfMessage (bytes: Buffer): number | undefined {
  if (bytes.every(byte => byte >= 0x80)) return undefined
  const reader = protobuf.Reader.create(bytes)
  return reader.uint32() + reader.pos
}

function base58 (bytes: Buffer): string {
  const zeros = bytes.findIndex(byte => byte !== 0)
  let digits = ''
  for (let left = BigInt(`0x${bytes.toString('hex')}`); left > 0n; left /= 58n) digits = (ALPHABET[Number(left % 58n)] ?? '') + digits
  return '1'.repeat(zeros) + digits
}

function fromBase58 (digits: string): Buffer {
  const zeros = digits.search(/[^1]|$/)
  const hex = Array.from(digits).reduce((sum, digit) => sum * 58n + BigInt(ALPHABET.indexOf(digit)), 0n).toString(16)
  return Buffer.from('00'.repeat(zeros) + (hex.length % 2 === 1 ? '0' : '') + hex, 'hex')
}
