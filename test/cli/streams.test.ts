/** `p2pctl dial` and `p2pctl listen`: streams by hand, between two tenants of one daemon. */
import test from 'ava'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isPendingAfter, until } from '../helpers/deadlines.ts'
import { openTerminal } from './terminal.ts'
import { World, type Ctl } from './world.ts'

const MEBIBYTE = 1024 * 1024
const PEER_ID = '12D3KooW\\w{44}'

async function served (...names: string[]): Promise<World> {
  return await new World(...names).serve()
}

async function listening (world: World, ...args: string[]): Promise<Ctl> {
  const listener = world.start(['listen', 'bob', '/p/1', ...args])
  await listener.said(/listens on \/p\/1 as 12D3|"event":"listening"/)
  return listener
}

function sha256 (bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

test('8 MiB go both ways whole, the second after the first direction was closed', async t => {
  await using world = await served('alice', 'bob')
  const [request, response] = [randomBytes(8 * MEBIBYTE), randomBytes(8 * MEBIBYTE)]
  const listener = await listening(world, '--once')
  const dialler = world.start(['dial', 'alice', 'bob', '/p/1'])
  dialler.stdin.end(request)

  const hash = createHash('sha256')
  let received = 0
  for await (const chunk of listener.stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    received += chunk.length
    if (received === request.length) break
  }
  t.is(hash.digest('hex'), sha256(request))
  // The dialler's stdin has ended: only now does the other direction begin.
  listener.stdin.end(response)
  t.is(sha256(await dialler.bytes()), sha256(response))
  t.is(await dialler.code(), 0)
  t.is((await listener.bytes()).length, 0, 'nothing came after what was sent')
  t.is(await listener.code(), 0)
  t.regex(dialler.stderr, new RegExp(`^connected to ${PEER_ID}\nstream to ${PEER_ID} on /p/1, at /unix/p2pd/bob\nstream ended, 8388608 bytes sent, 8388608 received\n$`))
  t.regex(listener.stderr, new RegExp(`^bob listens on /p/1 as ${PEER_ID}, at /ip4/\\S+\nstream from ${PEER_ID} on /p/1, at /unix/p2pd/alice\nstream ended, 8388608 bytes sent, 8388608 received\n$`))
  t.deepEqual(readdirSync(world.path('tmp')), [], 'the handler’s socket is gone')
})

test('both directions at once lose nothing, and no end comes before the other direction’s bytes', async t => {
  await using world = await served('alice', 'bob')
  const [there, back] = [randomBytes(8 * MEBIBYTE + 1), randomBytes(3)]
  const listener = await listening(world, '--once')
  // It ends long before the dialler has sent everything.
  listener.stdin.end(back)
  const dialler = world.start(['dial', 'alice', 'bob', '/p/1'])
  dialler.stdin.end(there)
  const [received, answer] = await Promise.all([listener.bytes(), dialler.bytes()])
  t.is(sha256(received), sha256(there))
  t.deepEqual(answer, back)
  t.deepEqual([await dialler.code(), await listener.code()], [0, 0])
})

test('what nobody reads is not taken', async t => {
  await using world = await served('alice', 'bob')
  const listener = await listening(world, '--once')
  const dialler = world.start(['dial', 'alice', 'bob', '/p/1'])
  await dialler.said(/stream to/)
  const total = 128 * MEBIBYTE
  let taken = 0
  const feed = (async () => {
    for (; taken < total; taken += MEBIBYTE) {
      if (!listener.stdin.write(Buffer.alloc(MEBIBYTE))) await once(listener.stdin, 'drain')
    }
    listener.stdin.end()
  })()
  // Until nothing moves any more: every buffer on the way is full.
  let before = -1
  await until('the sender is held up', async () => {
    const stands = before === taken
    before = taken
    return stands || (await isPendingAfter(300, feed) ? undefined : true)
  })
  t.true(taken < total / 2, `${taken} bytes were taken`)
  dialler.stdin.end()
  t.is((await dialler.bytes()).length, total)
  await feed
  t.deepEqual([await dialler.code(), await listener.code()], [0, 0])
})

test('streams are served one after another until it is told to stop', async t => {
  await using world = await served('alice', 'bob')
  const listener = await listening(world)
  listener.stdin.end()
  const output = listener.bytes()
  const first = world.start(['dial', 'alice', 'bob', '/p/1'])
  first.stdin.write('first ')
  await listener.said(/stream from/)
  const second = world.start(['dial', 'alice', 'bob', '/p/1'])
  second.stdin.end('second')
  await second.said(/stream to/)
  first.stdin.end('ends')
  t.deepEqual([await first.code(), await second.code()], [0, 0])
  await listener.said(/(stream ended[^]*){2}/)
  listener.signal('SIGTERM')
  t.is(await listener.code(), 0)
  t.is((await output).toString(), 'first endssecond')
  t.deepEqual(readdirSync(world.path('tmp')), [])
  const third = await world.ctl('dial', 'alice', 'bob', '/p/1')
  t.is(third.code, 1, 'the handler was taken off')
  t.regex(third.stderr, /\np2pctl: .*\/p\/1\n$/)
})

test('one stream that was waited for and did not come is a fault', async t => {
  await using world = await served('bob')
  const listener = await listening(world, '--once')
  listener.signal('SIGINT')
  t.is(await listener.code(), 1)
  t.regex(listener.stderr, /\np2pctl: stopped before a stream had come and ended\n$/)
})

test('a peer is also an ID with addresses, and one that is connected needs none', async t => {
  await using world = await served('alice', 'bob')
  const listener = await listening(world, '--json')
  listener.stdin.end()
  const { peerId, addresses: [address = ''] } = JSON.parse(listener.stderr) as { peerId: string, addresses: string[] }
  const first = await world.ctl('dial', 'alice', peerId, '/p/1', '--addr', `${address}/p2p/${peerId}`, '--json')
  t.is(first.code, 0)
  const events = first.stderr.trimEnd().split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
  t.deepEqual(events, [
    { event: 'connected', peerId },
    // Between tenants of one machine, whatever was said.
    { event: 'stream', peerId, address: '/unix/p2pd/bob', protocol: '/p/1' },
    { event: 'end', sentBytes: 0, receivedBytes: 0 }
  ])
  t.is((await world.ctl('dial', 'alice', peerId, '/p/1')).code, 0)
})

test('a dial that cannot succeed says why', async t => {
  await using world = await served('alice', 'bob')
  const stranger = '12D3KooWNZwZALgHSQh8hZbWH3Tk5XFnZYUzjk6m8qvW46fgyzEn'
  const rows: Array<[string[], number, RegExp]> = [
    [['alice', 'bob', '/none/1'], 1, /\np2pctl: .*\/none\/1\n$/],
    [['carol', 'bob', '/p/1'], 1, /^p2pctl: no tenant carol is served at \S+\/carol\/p2pd\.sock: `p2pctl tenant list` shows who is/],
    [['alice', 'carol', '/p/1'], 1, /^p2pctl: no tenant carol is served/],
    [['alice', 'Bob', '/p/1'], 2, /^p2pctl: "Bob" is no peer ID/],
    [['alice', stranger, '/p/1', '--addr', 'nowhere'], 2, /^p2pctl: "nowhere" is no multiaddr/],
    [['alice', stranger, '/p/1', '--addr', '/ip4/127.0.0.1/tcp/1'], 1, /^p2pctl: cannot connect .*ECONNREFUSED/]
  ]
  for (const [args, code, sentence] of rows) {
    const finished = await world.ctl('dial', ...args)
    t.is(finished.code, code, args.join(' '))
    t.is(finished.stdout, '')
    t.regex(finished.stderr, sentence)
  }
})

test('a stream that its reader has left is given up, and so is one whose daemon is gone', async t => {
  await using world = await served('alice', 'bob')
  const listener = await listening(world)
  const dialler = world.start(['dial', 'alice', 'bob', '/p/1'])
  dialler.stdout.destroy()
  listener.stdin.write(Buffer.alloc(MEBIBYTE))
  t.is(await dialler.code(), 1)
  t.regex(dialler.stderr, /\np2pctl: stdout: write EPIPE\n$/)

  const other = world.start(['dial', 'alice', 'bob', '/p/1'])
  other.stdout.resume() // what the listener was given and the first dialler did not take
  await other.said(/stream to/)
  await world.stop()
  // Sending to nobody, it finds out.
  const feed = setInterval(() => { other.stdin.write('x') }, 10)
  t.teardown(() => { clearInterval(feed) })
  t.is(await other.code(), 1)
  t.regex(other.stderr, /\np2pctl: the (stream broke off|other end closed)/)
})

test('at a terminal the other’s end is the end, and a private key is not shown', async t => {
  await using world = await served('alice', 'bob')
  using terminal = openTerminal()
  const listener = await listening(world, '--once')
  const dialler = world.start(['dial', 'alice', 'bob', '/p/1'], [terminal.fd, 'pipe', 'pipe'])
  listener.stdin.end('bye')
  t.is((await dialler.bytes()).toString(), 'bye')
  t.is(await dialler.code(), 0)
  t.is(await listener.code(), 0)

  const exported = world.start(['key', 'export', 'alice'], ['pipe', terminal.fd, 'pipe'])
  t.is(await exported.code(), 2)
  t.is(exported.stderr, 'argv: FILE: a private key is not printed on a terminal; name a file, or pipe it on\n')
})

test('a tenant that cannot run answers a listener with the reason', async t => {
  await using world = await served('bob', 'alice')
  await world.stop()
  rmSync(join(world.stateDir, 'keystore'), { recursive: true })
  await world.serve()
  const { code, stderr } = await world.ctl('listen', 'bob', '/p/1')
  t.is(code, 1)
  t.regex(stderr, /^p2pctl: this tenant cannot be started: bob: its key is missing.*p2pctl key import bob FILE/)
})
