import test from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { inheritedListeners } from '../../src/os/activation.ts'
import { listenTcp, listenUnix } from '../../src/os/listening.ts'
import { DatagramReceiver } from '../helpers/datagrams.ts'
import { within } from '../helpers/deadlines.ts'

const CHILD = fileURLToPath(new URL('children/activated.ts', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
let count = 0
const freshPath = (): string => join(directory, String(count++))
test.after.always(() => { rmSync(directory, { recursive: true, force: true }) })

interface Report { listeners: Array<[string, number]>, left: string[], again: number, toChild: number[], error?: string }

/** Starts the service as a manager does: descriptors from 3 on, and its own pid, which only the shell before it knows. */
async function activated (fds: readonly number[], names: string | undefined, { pid = '$$', number = String(fds.length) } = {}): Promise<Report> {
  const script = `LISTEN_PID=${pid} LISTEN_FDS=${number} ${names === undefined ? '' : `LISTEN_FDNAMES=${names}`} exec "$0" "$1"`
  const child = spawn('/bin/sh', ['-c', script, process.execPath, CHILD], { stdio: ['ignore', 'pipe', 'inherit', ...fds] })
  if (child.stdout === null) throw new Error('no stdout')
  return JSON.parse(await within('the end of the service', text(child.stdout))) as Report
}

test('a socket that was handed over is taken by its name, and a connect that waited is served', async t => {
  const path = freshPath()
  const fd = listenUnix(path, { mode: 0o600 })
  const waiting = connect(path)
  await once(waiting, 'connect')
  const { listeners, left, again, toChild } = await activated([fd], 'p2pd')
  t.deepEqual(listeners, [['p2pd', 3]])
  t.deepEqual(left, [], 'no child takes the variables for its own')
  t.is(again, 0)
  t.deepEqual(toChild, [], 'no child inherits the socket')
  t.is(await text(waiting), 'served')
  closeSync(fd)
})

test('several are told apart by their names; what has none is called unknown', async t => {
  const fds = [1, 2, 3].map(() => listenUnix(freshPath(), { mode: 0o600 }))
  t.deepEqual((await activated(fds.slice(0, 2), 'other:third')).listeners, [['other', 3], ['third', 4]])
  t.deepEqual((await activated(fds.slice(0, 1), undefined)).listeners, [['unknown', 3]])
  t.regex((await activated(fds.slice(0, 2), 'x:x')).error ?? '', /^ERR_CONFIG two sockets were handed over as "x": name them apart with FileDescriptorName=/)
  for (const fd of fds) closeSync(fd)
})

test('what was meant for another process is left alone', async t => {
  const fd = listenUnix(freshPath(), { mode: 0o600 })
  t.deepEqual(await activated([fd], 'p2pd', { pid: '1' }), { listeners: [], left: [], again: 0, toChild: [] })
  closeSync(fd)
  const env = { LISTEN_FDS: '1', LISTEN_FDNAMES: 'p2pd', OTHER: 'x' }
  t.is(inheritedListeners(env, process.pid).size, 0)
  t.deepEqual(env as Record<string, string>, { OTHER: 'x' })
  t.is(inheritedListeners({}, process.pid).size, 0)
})

test('what is no listening Unix stream socket is refused, by its name', async t => {
  const tcp = listenTcp('127.0.0.1', 0).fd
  t.regex((await activated([tcp], 'web')).error ?? '', /^ERR_CONFIG the socket "web" that was handed over as descriptor 3 is no Unix socket: wanted a Unix socket, ListenStream=\/path with Accept=no/)
  closeSync(tcp)
  const file = openSync('/dev/null', 'r')
  t.regex((await activated([file], 'null')).error ?? '', /is no Unix socket/)
  closeSync(file)
  using datagrams = new DatagramReceiver(freshPath())
  t.regex((await activated([datagrams.fd], 'log')).error ?? '', /is no stream socket/)
  const path = freshPath()
  const listener = listenUnix(path, { mode: 0o600 })
  const connected = connect(path)
  await once(connected, 'connect')
  t.regex((await activated([fdOf(connected)], 'one')).error ?? '', /does not listen/)
  connected.destroy()
  closeSync(listener)
})

for (const [what, number] of [['none at all', ''], ['no number', 'many'], ['a negative number', '-1'], ['a number far too large', '1000']] as const) {
  test(`${what} for the number of sockets is refused`, t => {
    t.throws(() => inheritedListeners({ LISTEN_PID: String(process.pid), LISTEN_FDS: number }, process.pid), { code: 'ERR_CONFIG', message: /^LISTEN_FDS is .*: must be a number up to 64$/ })
  })
}

test('a descriptor that is not open is refused', async t => {
  const fd = listenUnix(freshPath(), { mode: 0o600 })
  t.regex((await activated([fd], 'a', { number: '60' })).error ?? '', /descriptor \d+ is not open|is no Unix socket|is no stream socket/)
  closeSync(fd)
})

function fdOf (socket: ReturnType<typeof connect>): number {
  const { _handle: handle } = socket as typeof socket & { _handle: { fd: number } }
  return handle.fd
}
