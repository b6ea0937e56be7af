/** An end that does not read: nothing is held for it that has no bound, and nothing is lost. */
import test from 'ava'
import { setTimeout as delay } from 'node:timers/promises'
import { MiB, inWorld, privateMemoryOf } from './helpers.ts'
import { median } from './latency.ts'
import { Reader } from './reader.ts'

const [SENDER, TAKER] = [41001, 41002]
const SENT_BYTES = 384 * MiB
const PROTOCOL = '/paused/1'

test.serial('threat 15: an app that stops reading holds up its sender and no memory, and gets every byte when it reads on, across users', async t => {
  await inWorld(t, { tenants: { a: { uid: SENDER }, b: { uid: TAKER } } }, async world => {
    await using a = await Reader.start(SENDER, world.socketOf('a'))
    await using b = await Reader.start(TAKER, world.socketOf('b'))
    const peer = await b.identify()
    await b.handle(PROTOCOL, world.homeOf(TAKER), 64 * MiB)
    await a.connect(peer)
    // Warm: what a host holds for having streamed at all is not what it holds for a reader that sleeps.
    const warm = a.send(peer.peerId, PROTOCOL, 128 * MiB)
    await b.paused()
    await b.resume()
    const { sent, taken } = await warm
    t.deepEqual(taken, sent)

    const pids = [await world.hostPid('a'), await world.hostPid('b')]
    const before = pids.map(privateMemoryOf)
    const sending = a.send(peer.peerId, PROTOCOL, SENT_BYTES)
    await b.paused()
    const grown: number[][] = []
    for (let look = 0; look < 20; look++) {
      await delay(100)
      grown.push(pids.map((pid, i) => privateMemoryOf(pid) - (before[i] ?? 0)))
    }
    await b.resume()
    const whole = await sending
    t.deepEqual(whole.taken, whole.sent)
    t.is(whole.sent.bytes, SENT_BYTES)
    const [ofSender = Infinity, ofTaker = Infinity] = pids.map((_, i) => median(grown.map(each => each[i] ?? Infinity)))
    t.log(`${(ofSender / MiB).toFixed(1)} MiB more in the sender's host, ${(ofTaker / MiB).toFixed(1)} MiB in the reader's`)
    t.true(ofSender <= 8 * MiB && ofTaker <= 8 * MiB)
  })
})
