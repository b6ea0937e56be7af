/** Requests that are right in form and absurd in size: whatever is said to them, nobody else waits meanwhile. */
import { tcp, unknownPeer, withPeer } from '../../helpers/addresses.ts'
import * as requests from '../../helpers/requests.ts'
import { isError, isOk, type Suite } from '../suite.ts'

/** What no program that shares the daemon may have to wait because of one request. */
const LONGEST_WAIT_MS = 1_000

const ADDRESS = tcp('127.0.0.1', 9)
const LONG_PEER = withPeer(ADDRESS, Buffer.alloc(64 * 1024, 0x12))
const repeated = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value)

const EXCESSES: Array<readonly [what: string, request: () => Buffer]> = [
  ['CONNECT with a peer ID of 64 KiB in an address', () => requests.connect(unknownPeer(), [LONG_PEER])],
  ['STREAM_HANDLER with a peer ID of 64 KiB in its address', () => requests.streamHandler(LONG_PEER, '/x')],
  ['CONNECT with an address of 4 MB', () => requests.connect(unknownPeer(), [Buffer.concat(repeated(500_000, ADDRESS))])],
  ['DISCONNECT with a peer ID of 4 MB', () => requests.disconnect(Buffer.alloc(4_000_000, 0x12))],
  ['STREAM_OPEN with 100,000 protocols', () => requests.streamOpen(unknownPeer(), repeated(100_000, '').map((_, i) => `/x/${i}`))],
  ['groups inside groups, four million deep', () => Buffer.concat([requests.identify(), Buffer.alloc(4_000_000, 0x0b)])],
  ['CONNECT with 100,000 addresses', () => requests.connect(unknownPeer(), repeated(100_000, ADDRESS))]
]

export function excess ({ test, differs }: Suite): void {
  differs('any-number-of-addresses', {
    ours: [['more than 256 addresses, and one of more than 1,024 bytes, are an ERROR, and the connection goes on', async (t, scene) => {
      // To a peer that is connected, which would otherwise be OK.
      const { id } = await scene.connected()
      const connection = await scene.dial()
      isError(t, await connection.ask(requests.connect(id, repeated(257, ADDRESS))), /256/)
      isError(t, await connection.ask(requests.connect(id, [Buffer.concat(repeated(129, ADDRESS))])), /1024/)
      isOk(t, await connection.ask(requests.connect(id, repeated(256, ADDRESS))))
      isOk(t, await connection.ask(requests.connect(id, [Buffer.concat(repeated(128, ADDRESS))])))
    }]],
    theirs: [['any number of addresses, of any length, is taken', async (t, scene) => {
      const { id } = await scene.connected()
      const connection = await scene.dial()
      isOk(t, await connection.ask(requests.connect(id, repeated(257, ADDRESS))))
      isOk(t, await connection.ask(requests.connect(id, [Buffer.concat(repeated(129, ADDRESS))])))
    }]]
  })

  for (const [what, request] of EXCESSES) {
    test(`nobody waits because of ${what}`, async (t, scene) => {
      const [connection, other] = [await scene.dial(), await scene.dial()]
      const asked = { isOver: false }
      const ended = connection.ask(request(), 60_000).then(() => {}, () => { /* a daemon may also hang up */ }).finally(() => { asked.isOver = true })
      let longestMs = 0
      while (!asked.isOver) {
        const start = performance.now()
        await other.ask(requests.identify(), 60_000)
        longestMs = Math.max(longestMs, performance.now() - start)
      }
      await ended
      t.true(longestMs < LONGEST_WAIT_MS, `IDENTIFY took ${Math.round(longestMs)} ms on another connection`)
    })
  }
}
