/** A DNS server of the test's own (RFC 1035): answers for a few names, never for the same time twice. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4, isIPv6 } from 'node:net'

const TYPE = { A: 1, TXT: 16, AAAA: 28 } as const
const HEADER_BYTES = 12
/** The question's name, by where it stands. */
const NAME = Buffer.from([0xc0, HEADER_BYTES])

export class DnsServer implements AsyncDisposable {
  readonly #socket: Socket
  readonly #names: Readonly<Record<string, ReadonlyArray<readonly string[]>>>
  readonly #asked = new Map<string, number>()

  private constructor (socket: Socket, names: DnsServer['names']) {
    this.#socket = socket
    this.#names = names
    socket.on('message', (question, { port, address }) => { socket.send(this.#answer(question), port, address) })
  }

  /** On port 53 of 127.0.0.1. Of several answers to a name each question gets the next, whatever its type. */
  static async open (names: DnsServer['names']): Promise<DnsServer> {
    const socket = createSocket('udp4')
    socket.bind(53, '127.0.0.1')
    await once(socket, 'listening')
    return new DnsServer(socket, names)
  }

  get names (): Readonly<Record<string, ReadonlyArray<readonly string[]>>> { return this.#names }

  /** How often the name was asked for. */
  asked (name: string): number { return this.#asked.get(name) ?? 0 }

  async [Symbol.asyncDispose] (): Promise<void> {
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }

  #answer (question: Buffer): Buffer {
    const labels: string[] = []
    let at = HEADER_BYTES
    for (let length = question.readUInt8(at++); length > 0; length = question.readUInt8(at++)) labels.push(question.toString('latin1', at, at += length))
    const name = labels.join('.').toLowerCase().replace(/^_dnsaddr\./, '')
    const type = question.readUInt16BE(at)
    const number = this.#asked.get(name) ?? 0
    this.#asked.set(name, number + 1)
    const answers = this.#names[name]
    const records = (answers?.[number % answers.length] ?? []).flatMap(ip => record(type, ip))
    const header = Buffer.alloc(HEADER_BYTES)
    question.copy(header, 0, 0, 2)
    header.writeUInt16BE(answers === undefined ? 0x8183 : 0x8180, 2) // a response, no such name in the first case
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(records.length, 6)
    return Buffer.concat([header, question.subarray(HEADER_BYTES, at + 4), ...records])
  }
}

/** None where the address is not of that type. Its time to live is 0. */
function record (type: number, ip: string): Buffer[] {
  const text = `dnsaddr=/${isIPv4(ip) ? 'ip4' : 'ip6'}/${ip}/tcp/7000`
  const data = type === TYPE.A && isIPv4(ip) ? Buffer.from(ip.split('.').map(Number))
    : type === TYPE.AAAA && isIPv6(ip) ? bytesOf(ip)
      : type === TYPE.TXT ? Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
        : undefined
  if (data === undefined) return []
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(1, 2)
  fixed.writeUInt16BE(data.length, 8)
  return [Buffer.concat([NAME, fixed, data])]
}

/** Of IPv6, also with an IPv4 address at its end. */
function bytesOf (ip: string): Buffer {
  const hex = ip.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number)
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  })
  const [head = '', tail = ''] = hex.split('::')
  const [left, right] = [head, tail].map(part => part.split(':').filter(group => group !== '')) as [string[], string[]]
  const groups = [...left, ...new Array<string>(8 - left.length - right.length).fill('0'), ...right]
  return Buffer.concat(groups.map(group => { const two = Buffer.alloc(2); two.writeUInt16BE(parseInt(group, 16)); return two }))
}
