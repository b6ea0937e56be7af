import test from 'ava'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { peerCredentials } from '../../src/os/credentials.ts'
import { hasHungUp } from '../../src/os/hangup.ts'
import { clearStaleSocket, duplicate, listenTcp, listenUnix, onConnectWaiting } from '../../src/os/listening.ts'
import { takeLock } from '../../src/os/lock.ts'
import { selfTest } from '../../src/os/selfTest.ts'

const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
let count = 0
const freshPath = (): string => join(directory, String(count++))
test.after.always(() => { rmSync(directory, { recursive: true, force: true }) })

async function connected (path: string): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true })
  await once(socket, 'connect')
  return socket
}

test('the self-test passes here', async t => {
  await t.notThrowsAsync(selfTest())
})

test('a socket is made inside its own directory, and needs no right to write beside it', t => {
  // The root of a file system of its own: what is made beside it cannot be renamed into it.
  const path = `/dev/shm/p2pd-${process.pid}.sock`
  t.teardown(() => { rmSync(path, { force: true }) })
  closeSync(listenUnix(path, { mode: 0o600 }))
  t.true(statSync(path).isSocket())
})

test('a socket is made with its mode, and nothing is left of its making', t => {
  const inner = freshPath()
  mkdirSync(inner)
  const path = join(inner, 's')
  const fd = listenUnix(path, { mode: 0o600 })
  t.is(statSync(path).mode & 0o777, 0o600)
  t.deepEqual(readdirSync(inner), ['s'])
  closeSync(fd)
})

test('a path over the limit is refused, and nothing is left of the attempt', t => {
  const inner = freshPath()
  mkdirSync(inner)
  t.throws(() => listenUnix(join(inner, 'x'.repeat(120)), { mode: 0o600 }))
  t.deepEqual(readdirSync(inner), [])
})

test('a connect waits while nobody accepts, is noticed, and is served by whoever accepts next', async t => {
  const path = freshPath()
  const fd = listenUnix(path, { mode: 0o600 })
  const noticed = Promise.withResolvers<void>()
  using _ = onConnectWaiting(fd, noticed.resolve)
  const client = await connected(path)
  client.write('hello')
  await noticed.promise
  const server = createServer().listen({ fd: duplicate(fd) })
  const [accepted] = await once(server, 'connection') as [Socket]
  const [data] = await once(accepted, 'data') as [Buffer]
  t.is(data.toString(), 'hello')
  client.destroy()
  accepted.destroy()
  server.close()
  closeSync(fd)
})

test('what was disposed of does not call back', async t => {
  const path = freshPath()
  const fd = listenUnix(path, { mode: 0o600 })
  const waiting = onConnectWaiting(fd, () => { t.fail() })
  waiting[Symbol.dispose]()
  const client = await connected(path)
  await new Promise(resolve => { setImmediate(resolve) })
  client.destroy()
  closeSync(fd)
  t.pass()
})

test('the kernel names who connected and who listens', async t => {
  const path = freshPath()
  const server = createServer().listen(path)
  await once(server, 'listening')
  const arriving = once(server, 'connection') as Promise<[Socket]>
  const client = await connected(path)
  const [accepted] = await arriving
  for (const socket of [client, accepted]) {
    const { pid, uid, gid } = peerCredentials(socket)
    t.deepEqual([pid, uid, gid], [process.pid, process.geteuid?.(), process.getegid?.()])
  }
  client.destroy()
  accepted.destroy()
  t.throws(() => peerCredentials(client), { code: 'ERR_CLOSED' })
  server.close()
})

test('an end that only stopped writing is told from one that has gone', async t => {
  const path = freshPath()
  const server = createServer({ allowHalfOpen: true }).listen(path)
  await once(server, 'listening')
  const arriving = once(server, 'connection') as Promise<[Socket]>
  const client = await connected(path)
  const [accepted] = await arriving
  t.false(hasHungUp(accepted))
  client.end()
  await once(accepted.resume(), 'end')
  t.false(hasHungUp(accepted))
  client.destroy()
  await once(client, 'close')
  t.true(hasHungUp(accepted))
  accepted.destroy()
  await once(accepted, 'close')
  t.false(hasHungUp(accepted))
  server.close()
})

test('a dead socket makes room, a live one and a file do not', async t => {
  const dead = freshPath()
  closeSync(listenUnix(dead, { mode: 0o600 }))
  await clearStaleSocket(dead)
  t.is(statSync(dead, { throwIfNoEntry: false }), undefined)
  const live = freshPath()
  const fd = listenUnix(live, { mode: 0o600 })
  await t.throwsAsync(clearStaleSocket(live), { code: 'ERR_OCCUPIED', message: /another program listens on it/ })
  closeSync(fd)
  const file = freshPath()
  writeFileSync(file, 'mine')
  await t.throwsAsync(clearStaleSocket(file), { code: 'ERR_OCCUPIED', message: /is no socket/ })
  t.is(statSync(file).size, 4)
})

test('a TCP socket takes a free port and names it; a port in use is refused', t => {
  for (const host of ['127.0.0.1', '::1']) {
    const { fd, port } = listenTcp(host, 0)
    t.true(port > 0)
    t.throws(() => listenTcp(host, port), { code: 'ERR_OCCUPIED' })
    closeSync(fd)
  }
})

test('a lock is held by one, who is named to the next, until it is let go', t => {
  const path = freshPath()
  const lock = takeLock(path, 'the thing')
  t.throws(() => takeLock(path, 'the thing'), { code: 'ERR_OCCUPIED', message: new RegExp(`the thing is in use by another p2pd \\(pid ${process.pid}\\)`) })
  lock[Symbol.dispose]()
  t.notThrows(() => { takeLock(path, 'the thing')[Symbol.dispose]() })
})
