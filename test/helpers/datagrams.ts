/** A Unix datagram socket that keeps what it is sent until it is asked: what a service manager has for its services. */
import { closeSync } from 'node:fs'
import koffi from 'koffi'

const libc = koffi.load(null)
const socket = libc.func('int socket(int domain, int type, int protocol)')
const bind = libc.func('int bind(int fd, const uint8_t *address, uint32_t length)')
const recv = libc.func('long recv(int fd, _Out_ uint8_t *bytes, size_t length, int flags)')

const AF_UNIX = 1
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000

export class DatagramReceiver implements Disposable {
  readonly fd: number

  /** A path, or with `@` for its first character a name that is no file's: unix(7). */
  constructor (name: string) {
    this.fd = socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0) as number
    const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(name)])
    if (name.startsWith('@')) address[2] = 0
    if (bind(this.fd, address, address.length) !== 0) throw new Error(`${name}: cannot be bound, errno ${koffi.errno()}`)
  }

  /** The next one; undefined if there is none. */
  next (): string | undefined {
    const bytes = Buffer.alloc(64 * 1024)
    const length = recv(this.fd, bytes, bytes.length, 0) as number
    return length < 0 ? undefined : bytes.toString('utf8', 0, length)
  }

  [Symbol.dispose] (): void { closeSync(this.fd) }
}
