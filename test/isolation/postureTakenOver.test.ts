/**
 * A host that has been taken over, against its supervisor and its neighbours: what is said here is said on the real host's
 * own channel, whose descriptor root has taken from it (pidfd_getfd(2)).
 */
import test from 'ava'
import { closeSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import koffi from 'koffi'
import { LINK_FD, PASSING_FD, type FromHost } from '../../src/link.ts'
import { encodeFrame } from '../../src/wire/frames.ts'
import { until } from '../helpers/deadlines.ts'
import { identify } from '../helpers/requests.ts'
import { World, type Program } from './world.ts'

const [A, B] = [41001, 41002]
const TENANTS = { a: { uid: A, host: { start: 'always' } }, b: { uid: B, host: { start: 'always' } } }
/** Of every architecture alike. */
const [SYS_PIDFD_OPEN, SYS_PIDFD_GETFD] = [434, 438]

const call = koffi.load(null).func('long syscall(long number, long a, long b, long c)')

/** Another descriptor of what the process has open as `fd`. */
function take (pid: number, fd: number): Disposable & { readonly fd: number } {
  const process = Number(call(SYS_PIDFD_OPEN, pid, 0, 0))
  const taken = Number(call(SYS_PIDFD_GETFD, process, fd, 0))
  closeSync(process)
  if (taken < 0) throw new Error(`descriptor ${fd} of process ${pid} cannot be taken: errno ${koffi.errno()}`)
  return { fd: taken, [Symbol.dispose]: () => { closeSync(taken) } }
}

function say (fd: number, ...messages: FromHost[]): void {
  const bytes = Buffer.concat(messages.map(message => encodeFrame(Buffer.from(JSON.stringify(message)))))
  for (let sent = 0; sent < bytes.length;) {
    try {
      sent += writeSync(fd, bytes, sent)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error // the supervisor does not read on yet
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

async function isUnharmed (world: World, program: Program, pid: number): Promise<boolean> {
  return (await program.askOne(world.socketOf('b'), identify())).ok && await world.hostPid('b') === pid
}

test.serial('garbage on its channel ends that host and restarts it with its identity; its neighbour and the supervisor do not notice', async t => {
  await using world = await World.start({ tenants: TENANTS })
  const [pid, neighbour] = [await world.hostPid('a'), await world.hostPid('b')]
  const peerId = await world.peerIdOf('a')
  const program = await world.program(B)
  {
    using channel = take(pid, LINK_FD)
    writeSync(channel.fd, Buffer.from('garbage, and not the beginning of anything'))
  }
  await until('the end of that host', async () => (await world.tenant('a')).crashes === 1)
  await world.logged(/host ended unexpectedly/)
  t.regex(world.log, /it sent what is no message/)
  t.not(await world.hostPid('a'), pid)
  t.is(await world.peerIdOf('a'), peerId)
  t.true(await isUnharmed(world, program, neighbour))
})

test.serial('whatever path a host that was taken over asks to have dialled, it is not dialled with more rights than its app has, and nobody else gets a byte', async t => {
  await using world = await World.start({ tenants: TENANTS })
  const [root, victim, own] = [await world.program(0), await world.program(B), await world.program(A)]
  const at = (program: string): string => join(world.homeOf(program === 'own' ? A : B), program)
  await victim.listen('open', at('open'), 0o777)
  await victim.listen('closed', at('closed'), 0o600)
  await root.listen('root', join(world.directory, 'root'), 0o777)
  await root.listen('private', join(world.directory, 'private'), 0o600)
  await own.listen('own', at('own'), 0o600)
  using channel = take(await world.hostPid('a'), LINK_FD)
  const paths = [at('open'), at('closed'), join(world.directory, 'root'), join(world.directory, 'private'), world.admin, world.frontDesk, world.socketOf('a'), world.socketOf('b'), at('own')]
  // Ids that the host itself has not used: it knows nothing of the answers, and gives up what comes.
  say(channel.fd, ...paths.map((path, i): FromHost => ({ kind: 'dialHandler', id: 1_000_000 + i, path, tenant: 'a' })))
  await until('the dial of its own socket', async () => (await own.seen('own')).accepted === 1)
  for (const [program, id] of [[victim, 'open'], [victim, 'closed'], [root, 'root'], [root, 'private']] as const) {
    const { accepted, bytes } = await program.seen(id)
    t.is(bytes, 0, id)
    if (id === 'closed' || id === 'private') t.is(accepted, 0, id)
  }
  t.is((await world.tenant('b')).figures?.controlConnections, 0)
  t.is((await world.tenant('a')).crashes, 0)
})

test.serial('a host that asks for a hundred thousand dials has them done in its own time: the operator and its neighbour are answered as before', async t => {
  await using world = await World.start({ tenants: TENANTS })
  const [victim, neighbour] = [await world.program(B), await world.hostPid('b')]
  using channel = take(await world.hostPid('a'), LINK_FD)
  const burst = Array.from({ length: 1_000 }, (_, i): FromHost => ({ kind: 'dialHandler', id: 1_000_000 + i, path: `${'/proc/self/root'.repeat(6)}/nobody`, tenant: 'a' }))
  let longestMs = 0
  const deadline = performance.now() + 5_000
  while (performance.now() < deadline) {
    say(channel.fd, ...burst.slice(0, 100))
    const began = performance.now()
    await world.status()
    longestMs = Math.max(longestMs, performance.now() - began)
  }
  t.log(`the operator waited ${longestMs.toFixed(0)} ms at most`)
  t.true(longestMs < 1_500, `${longestMs} ms`) // a host that does not read its own channel is asked for figures in vain, for a second
  t.true(await isUnharmed(world, victim, neighbour))
})

test.serial('nothing comes to the supervisor over the way descriptors go', async t => {
  await using world = await World.start({ tenants: TENANTS })
  using way = take(await world.hostPid('a'), PASSING_FD)
  t.throws(() => writeSync(way.fd, 'x'), { code: 'EPIPE' })
  t.is((await world.tenant('a')).crashes, 0)
})
