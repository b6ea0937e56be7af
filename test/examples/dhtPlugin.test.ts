/** The example as it is run: its program serves a scripted daemon's questions, which its asking program brings. */
import test, { type ExecutionContext } from 'ava'
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { DHT_PLUGIN_PROTOCOL } from '../../src/client/index.ts'
import { decodePeerId } from '../../src/wire/peers.ts'
import { RequestType, ResponseType, encodeDHTRequest } from '../../src/wire/codec.ts'
import { encodeFrame } from '../../src/wire/frames.ts'
import { until } from '../helpers/deadlines.ts'
import { waitingDaemon, type Queue } from '../client/queue.ts'
import { ADDRESS_BYTES, PEER, PEER_BYTES, asStream, refused, type Asked, type ScriptedDaemon } from '../client/scriptedDaemon.ts'

const DIRECTORY = fileURLToPath(new URL('../../examples/dht-plugin', import.meta.url))

type Program = ChildProcessByStdio<null, Readable, Readable>

/** Gone when the test is over, whatever it does. */
function run (t: ExecutionContext, program: 'main.ts' | 'ask.ts', ...words: string[]): Program {
  const child = spawn(process.execPath, [`${DIRECTORY}/${program}`, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => { child.kill('SIGKILL') })
  return child
}

async function outcome (child: Program): Promise<{ code: number | null, out: string, err: string }> {
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return { code: child.exitCode, out, err }
}

/** What the daemon does with a DHT request: a stream of the asking tenant's to whoever provides the plugin, whose answer is passed on. */
async function pass ({ request, socket }: Asked, queue: Queue, caller: Uint8Array): Promise<void> {
  asStream(socket)
  const streamInfo = { peer: caller, addr: ADDRESS_BYTES, proto: DHT_PLUGIN_PROTOCOL }
  const question = encodeFrame(encodeDHTRequest(request.dht ?? { type: -1 }))
  const plugin = await queue.give(question, { type: ResponseType.OK, streamInfo })
  plugin.on('end', () => { plugin.end() }).pipe(socket, { end: false })
  socket.resume().on('end', () => { plugin.end(); socket.end() })
}

/** A daemon, the plugin that serves it, and a way to ask as one peer or another. */
async function served (t: ExecutionContext): Promise<{ daemon: ScriptedDaemon, queue: Queue, plugin: Program, ask: (caller: Uint8Array, ...words: string[]) => Promise<{ code: number | null, out: string, err: string }> }> {
  const { daemon, queue } = await waitingDaemon(t)
  let from = PEER_BYTES
  daemon.script = asked => { if (asked.request.type === RequestType.DHT) void pass(asked, queue, from); else queue.script(asked) }
  const plugin = run(t, 'main.ts', daemon.address)
  await queue.whole()
  const ask = async (caller: Uint8Array, ...words: string[]): Promise<{ code: number | null, out: string, err: string }> => {
    from = caller
    return await outcome(run(t, 'ask.ts', daemon.address, ...words))
  }
  return { daemon, queue, plugin, ask }
}

const OTHER_BYTES = Uint8Array.of(0, 36, 8, 1, 18, 32, ...new Uint8Array(32).fill(7))
const OTHER = decodePeerId(OTHER_BYTES).toString()
const CID = '015512022a2a'

test('what one tenant puts and provides, another gets and finds; and it ends with SIGTERM, having said nothing wrong', async t => {
  const { daemon, plugin, ask } = await served(t)
  t.deepEqual(await ask(PEER_BYTES, 'put', 'greeting', 'hello'), { code: 0, out: '', err: '' })
  t.deepEqual(await ask(OTHER_BYTES, 'get', 'greeting'), { code: 0, out: 'hello\n', err: '' })
  t.deepEqual(await ask(OTHER_BYTES, 'search', 'greeting'), { code: 0, out: 'hello\n', err: '' })
  t.deepEqual(await ask(OTHER_BYTES, 'search', 'nothing'), { code: 0, out: '', err: '' })
  t.deepEqual(await ask(OTHER_BYTES, 'get', 'nothing'), { code: 1, out: '', err: 'there is no value for the key\n' })
  t.deepEqual(await ask(OTHER_BYTES, 'put', 'greeting', 'mine'), { code: 1, out: '', err: `this key is ${PEER}'s: use one under /mine/${OTHER}/\n` })
  t.deepEqual(await ask(PEER_BYTES, 'provide', CID), { code: 0, out: '', err: '' })
  t.deepEqual(await ask(OTHER_BYTES, 'providers', CID), { code: 0, out: `${PEER} 0x${Buffer.from(ADDRESS_BYTES).toString('hex')}\n`, err: '' })
  t.deepEqual(await ask(OTHER_BYTES, 'closest', 'x'), { code: 0, out: `${PEER}\n`, err: '' })
  t.is((await ask(PEER_BYTES, 'peer', OTHER)).out.split(' ')[0], OTHER)
  t.is((await ask(PEER_BYTES, 'publickey', OTHER)).out, `${Buffer.from(OTHER_BYTES.subarray(2)).toString('hex')}\n`)
  plugin.kill('SIGTERM')
  t.deepEqual(await outcome(plugin), { code: 0, out: 'answering DHT requests\n', err: '' })
  await daemon.openAtMost(0)
})

test('a plugin that is killed and started again serves again; what was in its memory is gone', async t => {
  const { daemon, queue, plugin, ask } = await served(t)
  await ask(PEER_BYTES, 'put', 'greeting', 'hello')
  plugin.kill('SIGKILL')
  await outcome(plugin)
  await until('nobody who waits', () => queue.all.length === 0)
  run(t, 'main.ts', daemon.address)
  await queue.whole()
  t.deepEqual(await ask(PEER_BYTES, 'get', 'greeting'), { code: 1, out: '', err: 'there is no value for the key\n' })
  t.is((await ask(PEER_BYTES, 'put', 'greeting', 'hello')).code, 0)
})

test('a tenant that is not blessed is told so in the daemon’s words, and the program ends with 1', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  daemon.script = asked => { if (asked.request.type === RequestType.STREAM_ACCEPT) asked.answer(refused('no blessing of store covers this')); else queue.script(asked) }
  t.deepEqual(await outcome(run(t, 'main.ts', daemon.address)), { code: 1, out: '', err: 'no blessing of store covers this\n' })
})

test('SIGTERM before the daemon has answered is no failure', async t => {
  const { daemon } = await waitingDaemon(t)
  const asked = new Promise<void>(resolve => { daemon.script = () => { resolve() } })
  const plugin = run(t, 'main.ts', daemon.address)
  await asked
  plugin.kill('SIGTERM')
  t.deepEqual(await outcome(plugin), { code: 0, out: '', err: '' })
})

for (const words of [[], ['/nowhere'], ['/unix/a', '/unix/b']]) {
  test(`${words.length === 1 ? 'what is no address' : `${words.length} addresses`} is wrong usage`, async t => {
    const { code, out, err } = await outcome(run(t, 'main.ts', ...words))
    t.is(code, 2)
    t.is(out, '')
    t.regex(err, words.length === 1 ? /no multiaddr/ : /^usage: /)
  })
}

test('a daemon that is not there is said to be not there', async t => {
  const { code, err } = await outcome(run(t, 'main.ts', '/unix/nonexistent/p2pd.sock'))
  t.is(code, 1)
  t.regex(err, /^cannot reach the daemon: connect ENOENT/)
})
