/**
 * A host that has been taken over: it is started as a host is, and does to its supervisor what its tenant's name says.
 */
import { writeSync } from 'node:fs'
import { LINK_FD, readStart, type FromHost } from '../../../src/link.ts'
import { LinkChannel } from '../../../src/linkChannel.ts'
import { encodeFrame } from '../../../src/wire/frames.ts'
import { Socket } from 'node:net'

const { start } = readStart(0)
const frame = (message: unknown): Uint8Array => encodeFrame(Buffer.from(JSON.stringify(message)))
const READY: FromHost = { kind: 'ready', peerId: 'nobody', addresses: [] }
/** For as long as the supervisor lets it; it blocks while the supervisor does not read. */
const forEver = (bytes: Uint8Array): never => { for (;;) for (let sent = 0; sent < bytes.length;) sent += writeSync(LINK_FD, bytes, sent) }
const wait = (): void => { setInterval(() => {}, 60_000) }

/** Answers as a host does, and says this before. */
function serve (...before: object[]): void {
  const channel = new LinkChannel({
    socket: new Socket({ fd: LINK_FD }),
    maxInBytes: 1024 * 1024,
    maxOutBytes: 1024 * 1024,
    onMessage: message => {
      const { kind, id } = message as { kind: string, id: number }
      if (kind === 'beat') channel.send({ kind: 'alive' })
      if (kind === 'report') channel.send({ kind: 'figures', id, figures: { addresses: [], connections: 0, streams: 0, handlers: 0, controlConnections: 0, memoryBytes: 1, limitsReached: {} } })
      if (kind === 'adopt') channel.send({ kind: start.tenant === 'declines' ? 'declined' : 'adopted', id })
      if (kind === 'notDialled') channel.send({ kind: 'audit', event: { event: 'denied', reason: (message as { code: string }).code } })
      if (kind === 'stop') process.exit(0)
    },
    onEnd: () => { process.exit(0) }
  })
  for (const message of before) channel.send(message)
  channel.send(READY)
}

const dial = (): void => { serve({ kind: 'dialHandler', id: 7, path: start.listen[0], tenant: start.tenant }) }

const parts: Record<string, () => void> = {
  daemon: dial,
  dials: dial,
  well: () => { serve() },
  /** Has no descriptor left, whenever one comes. */
  declines: () => { serve() },
  answers: () => { serve({ kind: 'adopted', id: 7 }, { kind: 'declined', id: 7 }, { kind: 'figures', id: 7, figures: { addresses: [] } }, { kind: 'alive' }) },
  wrongShape: () => { serve({ kind: 'ready', peerId: 1, addresses: {} }) },
  garbage: () => { forEver(Buffer.from('this is not a frame of anything\n')) },
  /** Announces a gigabyte, and sends it. */
  longFrame: () => {
    writeSync(LINK_FD, Buffer.from([0x80, 0x80, 0x80, 0x80, 0x04]))
    forEver(Buffer.alloc(64 * 1024, 'x'))
  },
  /** A frame as long as it may be, that never ends. */
  halfFrame: () => {
    writeSync(LINK_FD, Buffer.from([0xff, 0xff, 0x3f]))
    writeSync(LINK_FD, Buffer.alloc(1024 * 1024 - 2, ' '))
    wait()
  },
  noJson: () => { writeSync(LINK_FD, encodeFrame(Buffer.from('{"kind": "idle"'))); wait() },
  deepJson: () => { writeSync(LINK_FD, encodeFrame(Buffer.alloc(1024 * 1024 - 8, '['))); wait() },
  endless: () => {
    writeSync(LINK_FD, frame(READY))
    forEver(Buffer.concat(Array.from({ length: 1_000 }, () => frame({ kind: 'alive' }))))
  },
  endlessLong: () => {
    writeSync(LINK_FD, frame(READY))
    forEver(frame({ kind: 'alive', padding: Array.from({ length: 100_000 }, () => 'x') }))
  },
  manyHandlers: () => {
    writeSync(LINK_FD, frame(READY))
    for (let i = 0; i < 1_000; i++) writeSync(LINK_FD, frame({ kind: 'handlers', registrations: [{ protocol: `/${i}`, targets: [{ address: '/unix/x' }] }] }))
    wait()
  },
  silent: () => { writeSync(LINK_FD, frame(READY)); wait() },
  /** Says that it is ready, goes away without its channel, and stays. */
  closed: () => {
    writeSync(LINK_FD, frame(READY))
    new Socket({ fd: LINK_FD }).destroy()
    wait()
  }
}

parts[start.tenant]?.()
