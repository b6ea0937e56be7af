/** An inbound stream on its way to a program that is dialled: what it hears of who calls, when that is taken back meanwhile. */
import test from 'ava'
import { closeSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { listenUnix } from '../../src/os/listening.ts'
import type { SocketAddress } from '../../src/wire/addresses.ts'
import { until, within } from '../helpers/deadlines.ts'
import type { Stream } from '@libp2p/interface'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { AuditEvent } from '../../src/audit.ts'
import { Delivery, type DeliveryInit } from '../../src/control/delivery.ts'
import type { RemoteStream } from '../../src/control/host.ts'
import { Receivers, type AddressTarget } from '../../src/control/receivers.ts'
import { createLog } from '../../src/log.ts'
import type { Policy } from '../../src/policy/ask.ts'
import { Judge } from '../../src/policy/judge.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import { AppListener } from '../helpers/appListener.ts'

const PROTOCOL = '/search/1.0.0'

const all: Policy = { decide: () => ({ allowed: true, policy: 'all', epoch: 1 }) }
const nothing: Policy = { decide: () => ({ allowed: false, policy: 'nothing', epoch: 2 }) }

/** A stream that can be aborted, and no more: what goes through it is the pipe's. */
class Inbound extends EventTarget {
  status = 'open'

  abort (): void {
    this.status = 'aborted'
    this.dispatchEvent(new Event('close'))
  }
}

class World implements AsyncDisposable {
  readonly audited: AuditEvent[] = []
  readonly judge = new Judge({ tenant: 'daemon', policy: all, audit: event => { this.audited.push(event) } })
  readonly inbound = new Inbound()
  readonly app: AppListener
  readonly delivery: Delivery

  private constructor (app: AppListener, uid: number, address: SocketAddress = app.address) {
    this.app = app
    const target: AddressTarget = { address, tenant: 'indexer', uid, gid: 0, shares: false }
    const init = {
      tenant: 'daemon',
      own: { directories: [], paths: [], supervisorPid: 1, ports: () => [] },
      daemon: { isHere: true },
      judge: this.judge,
      audit: (event: AuditEvent) => { this.audited.push(event) },
      ledger: { descriptors: { take () {}, release () {} } } as unknown as DeliveryInit['ledger'],
      pipes: { join: async socket => { socket.end() }, expect: () => ({ [Symbol.dispose]: () => {} }) } as Partial<DeliveryInit['pipes']> as DeliveryInit['pipes'],
      log: createLog('test', 'silent'),
      maxPipes: 1,
      signal: new AbortController().signal,
      absentees: undefined
    }
    this.delivery = new Delivery(init, () => new Receivers([target]))
  }

  /** @param uid who registered the program */
  static async create (uid = process.geteuid?.() ?? 0, address?: SocketAddress): Promise<World> {
    return new World(await AppListener.open({ host: '127.0.0.1', port: 0 }), uid, address)
  }

  async deliver (): Promise<void> {
    const peer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    const remote: RemoteStream = { stream: this.inbound as unknown as Stream, peer, address: multiaddr('/ip4/192.0.2.1/tcp/4001'), protocol: PROTOCOL, whose: '' }
    const delivered = this.delivery.deliver(remote)
    this.onDial()
    await delivered
  }

  /** While the program is dialled. */
  onDial: () => void = () => {}

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.app[Symbol.asyncDispose]()
  }
}

test('a program is told who calls', async t => {
  await using world = await World.create()
  await world.deliver()
  t.is((await (await world.app.next()).streamInfo()).proto, PROTOCOL)
})

test('a program that may no longer serve when it has been dialled hears of no caller, and the stream ends at once', async t => {
  await using world = await World.create()
  world.onDial = () => {
    world.judge.replace(nothing)
    t.is(world.inbound.status, 'aborted')
  }
  await world.deliver()
  // Whether it was dialled before that was given up or not: the next connection is the one that is made here.
  const probe = await RawConnection.to(world.app.address)
  for (let connection = await world.app.next(); ; connection = await world.app.next()) {
    if (connection.socket.remotePort === probe.socket.localPort) break
    t.is((await connection.readToEnd()).length, 0)
  }
  probe[Symbol.dispose]()
  t.deepEqual(world.audited.map(({ event, action, resource, actor }) => ({ event, action, resource, actor })), [{ event: 'revoked', action: 'provideService', resource: `Service ${PROTOCOL}`, actor: 'indexer' }])
})

test('a program that is not its registrant\'s is recorded as a service that is denied', async t => {
  await using world = await World.create(4_242)
  await world.deliver()
  t.like(world.audited, [{ event: 'denied', action: 'provideService', resource: `Service ${PROTOCOL}`, actor: 'indexer', onBehalfOf: 'daemon', uid: 4_242 }])
  t.is(world.inbound.status, 'aborted')
})

test('a stream that is given up while its program is dialled holds no place any more', async t => {
  // A program that listens and never accepts, with as many waiting as may.
  const path = join(mkdtempSync(join(tmpdir(), 'p2pd-')), 's')
  const fd = listenUnix(path, { mode: 0o600 })
  t.teardown(() => { closeSync(fd); rmSync(dirname(path), { recursive: true }) })
  const filling: Socket[] = []
  for (let isFull = false; !isFull;) {
    const socket = connect(path)
    filling.push(socket)
    isFull = await new Promise(resolve => { socket.once('connect', () => { resolve(false) }).once('error', () => { resolve(true) }) })
  }
  await using world = await World.create(undefined, { path })
  const delivered = world.deliver()
  await until('its place', () => world.delivery.pipes === 1)
  world.inbound.status = 'reset'
  world.inbound.dispatchEvent(new Event('close'))
  await within('its end', delivered, 2_000)
  t.is(world.delivery.pipes, 0)
  for (const socket of filling) socket.destroy()
})
