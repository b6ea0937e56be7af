import test from 'ava'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkTarget, dialTarget, isAbsent } from '../../src/control/targets.ts'
import { Turns } from '../../src/control/turns.ts'
import { listenUnix } from '../../src/os/listening.ts'
import { P2pdError } from '../../src/errors.ts'
import type { SocketAddress } from '../../src/wire/addresses.ts'

const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
mkdirSync(join(directory, 'run'))
symlinkSync(join(directory, 'run'), join(directory, 'link'))
test.after.always(() => { rmSync(directory, { recursive: true, force: true }) })

const own = { directories: [join(directory, 'run')], paths: [join(directory, 'classic.sock')], supervisorPid: 1, ports: () => [40404] }
const signal = new AbortController().signal
const turns = new Turns()

for (const [target, rule] of [
  [{ path: '\0abstract' }, /abstract sockets have no owner/],
  [{ path: '@abstract' }, /abstract sockets have no owner/],
  [{ path: 'relative.sock' }, /not absolute/],
  [{ path: '/tmp/a\0b' }, /NUL/],
  [{ path: `/tmp/${'x'.repeat(110)}` }, /longer than the 107 bytes/],
  [{ path: join(directory, 'run', 'chat', 'p2pd.sock') }, /one of the daemon's own sockets/],
  [{ path: join(directory, 'classic.sock') }, /one of the daemon's own sockets/],
  [{ host: '192.168.1.1', port: 4001 }, /only loopback/],
  [{ host: '169.254.169.254', port: 8080 }, /only loopback/],
  [{ host: '0.0.0.0', port: 4001 }, /only loopback/],
  [{ host: '::', port: 4001 }, /only loopback/],
  [{ host: '::ffff:127.0.0.1', port: 4001 }, /only loopback/],
  [{ host: '127.0.0.1', port: 22 }, /ports below 1024/],
  [{ host: '127.0.0.1', port: 40404 }, /one of the daemon's own ports/]
] satisfies Array<[SocketAddress, RegExp]>) {
  test(`${JSON.stringify(target)} can be nobody's handler`, t => {
    t.throws(() => { checkTarget(target, own) }, { code: 'ERR_DENIED', message: rule })
  })
}

test('a link into the daemon\'s directory leads to the daemon all the same', t => {
  symlinkSync(directory, join(directory, 'up'))
  t.notThrows(() => { checkTarget({ path: join(directory, 'link-free.sock') }, own) })
  mkdirSync(join(directory, 'run', 'chat'))
  symlinkSync(join(directory, 'run', 'chat'), join(directory, 'chat'))
  t.notThrows(() => { checkTarget({ path: join(directory, 'chat', 'absent.sock') }, own) }, 'what is not there yet is judged on the dial')
})

test('a listener that is the daemon gets no byte, whatever path led there', async t => {
  const path = join(directory, 'ours.sock')
  const server = createServer().listen(path)
  await once(server, 'listening')
  const bytes: Buffer[] = []
  server.on('connection', socket => { socket.on('data', chunk => bytes.push(chunk)) })
  const uid = process.geteuid?.() ?? 0
  for (const supervisorPid of [process.pid, process.ppid]) { // the supervisor itself, and one of its hosts
    await t.throwsAsync(dialTarget({ path }, { own: { ...own, supervisorPid }, tenant: 'chat', uid, turns, signal }), { code: 'ERR_DENIED', message: /own sockets/ })
  }
  await t.throwsAsync(dialTarget({ path }, { own, tenant: 'chat', uid: uid + 1, turns, signal }), { code: 'ERR_DENIED', message: /uid \d+ listens there, and uid \d+ registered it/ })
  const socket = await dialTarget({ path }, { own, tenant: 'chat', uid, turns, signal })
  socket.destroy()
  t.deepEqual(bytes, [])
  server.close()
})

test('a handler that is not there is an error that names it', async t => {
  await t.throwsAsync(dialTarget({ path: join(directory, 'nobody.sock') }, { own, tenant: 'chat', uid: 0, turns, signal }), { code: 'ERR_PEER', message: /nobody\.sock cannot be reached/ })
})

test('a TCP handler is reached where its registrant listens, also when it listens for one connection only', async t => {
  const uid = process.geteuid?.() ?? 0
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer(socket => { server.close(); socket.end('hello') }).listen({ host, port: 0 })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const socket = await dialTarget({ host, port }, { own, tenant: 'chat', uid, turns, signal })
    t.is(String(await once(socket, 'data')), 'hello')
    socket.destroy()
    await t.throwsAsync(dialTarget({ host, port }, { own, tenant: 'chat', uid, turns, signal }), { code: 'ERR_PEER', message: /cannot be reached: nobody listens there/ })
  }
})

test('where another user listens no connection is made, and none where the port is the system\'s or the daemon\'s', async t => {
  let connections = 0
  const server = createServer(() => { connections++ }).listen({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const uid = process.geteuid?.() ?? 0
  await t.throwsAsync(dialTarget({ host: '127.0.0.1', port }, { own, tenant: 'chat', uid: uid + 1, turns, signal }), { code: 'ERR_DENIED', message: /uid \d+ listens there, and uid \d+ registered it/ })
  await t.throwsAsync(dialTarget({ host: '127.0.0.1', port }, { own: { ...own, ports: () => [port] }, tenant: 'chat', uid, turns, signal }), { code: 'ERR_DENIED', message: /one of the daemon's own ports/ })
  const mine = connect(port, '127.0.0.1')
  await once(server, 'connection')
  t.is(connections, 1)
  mine.destroy()
  server.close()
})

test('who is not there is told apart from what this process lacks', async t => {
  const failing = async (path: string, dialAsApp?: () => Promise<never>): Promise<unknown> => await dialTarget({ path }, { own: { ...own, ...dialAsApp !== undefined && { dialAsApp } }, tenant: 'chat', uid: 0, turns, signal }).catch((error: unknown) => error)
  t.true(isAbsent(await failing(join(directory, 'nobody.sock'))))
  t.true(isAbsent(new P2pdError('ERR_DENIED', 'another user listens there')))
  t.true(isAbsent(new P2pdError('ERR_PEER', 'nobody listens there')))
  for (const code of ['EMFILE', 'ENOBUFS']) t.false(isAbsent(new P2pdError('ERR_PEER', 'cannot be reached', { cause: Object.assign(new Error(code), { code }) })))
  t.true(isAbsent(new P2pdError('ERR_TIMEOUT', 'it did not accept within 10 s')))
  for (const error of [new P2pdError('ERR_CLOSED', 'the host is stopping'), new Error('what'), undefined]) t.false(isAbsent(error))
})

test('dials of a handler that has too many connects waiting come through in their order, once it accepts', async t => {
  const path = join(directory, 'busy.sock')
  const fd = listenUnix(path, { mode: 0o600 })
  const uid = process.getuid?.() ?? 0
  const filling = await fill(path)
  t.true(filling.length > 0)
  const order: number[] = []
  const dialling = Promise.all(Array.from({ length: 40 }, async (_, i) => {
    const socket = await dialTarget({ path }, { own: { ...own, supervisorPid: 1 }, tenant: 'chat', uid, turns, signal })
    order.push(i)
    socket.destroy()
  }))
  await new Promise(resolve => { setTimeout(resolve, 100) })
  t.deepEqual(order, [])
  t.true(turns.has(JSON.stringify(['chat', path])))
  const server = createServer(socket => { socket.resume() }).listen({ fd })
  await dialling
  t.deepEqual(order, Array.from({ length: 40 }, (_, i) => i))
  t.false(turns.has(JSON.stringify(['chat', path])))
  for (const socket of filling) socket.destroy()
  server.close()
})

/** Connects until no more may wait. */
async function fill (path: string): Promise<Socket[]> {
  for (const filling: Socket[] = []; ;) {
    const socket = connect(path)
    const code = await new Promise<string | undefined>(resolve => { socket.once('connect', () => { resolve(undefined) }).once('error', (error: NodeJS.ErrnoException) => { resolve(error.code) }) })
    if (code === 'EAGAIN') return filling
    if (code !== undefined) throw new Error(code)
    filling.push(socket)
  }
}
