/** Eight users, every request there is, every tenant's socket: what is to be denied is denied, and no answer tells of others. */
import test, { type ExecutionContext } from 'ava'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { encodePeerId, parsePeerId } from '../../../src/wire/peers.ts'
import type { TenantRow } from '../../helpers/daemons.ts'
import { UIDS, World, type Answer, type Program } from '../world.ts'
import { OF_ONESELF, everyRequest, type Row } from './requests.ts'
import { whoIs } from './scene.ts'

interface Tenant { readonly name: string, readonly uid: number, readonly app: Program, readonly socket: string, readonly id: Buffer, readonly addrs: Uint8Array[], readonly peerId: string }

const tenants = Object.fromEntries(UIDS.map((uid, i) => [`t${i}`, { uid }]))

/** Everybody may look at its own host, and nobody may do anything else. */
const LOOK_ONLY = 'permit (principal, action in Action::"inspect", resource) unless { action == Action::"disconnect" };\n'

async function everybody (world: World): Promise<Tenant[]> {
  return await Promise.all(Object.entries(tenants).map(async ([name, { uid }]) => {
    const app = await world.program(uid)
    const socket = world.socketOf(name)
    const { id, addrs } = await whoIs(app, socket)
    return { name, uid, app, socket, id: Buffer.from(id), addrs, peerId: await world.peerIdOf(name) }
  }))
}

function requestsAbout (other: Tenant, world: World, daemon: Uint8Array): Row[] {
  return everyRequest({ id: other.id, addrs: other.addrs, handler: join(world.homeOf(other.uid), 'h'), daemon })
}

/** The daemon's own host. */
async function daemonOf (world: World): Promise<TenantRow> {
  return (await world.ask<{ daemon: TenantRow }>('GET', '/v1/status')).daemon
}

async function daemonIdOf (world: World): Promise<Uint8Array> {
  return encodePeerId(parsePeerId((await daemonOf(world)).peerId ?? ''))
}

/** Whose IDs the answer holds, as bytes or as text. */
function named ({ raw, error }: Answer, all: readonly Tenant[]): string[] {
  return all.filter(({ id, peerId }) => raw.includes(id) || raw.includes(peerId) || error.includes(peerId)).map(({ name }) => name)
}

async function eachPair (all: readonly Tenant[], look: (caller: Tenant, other: Tenant) => Promise<void>): Promise<void> {
  for (const caller of all) {
    for (const other of all) if (other !== caller) await look(caller, other)
  }
}

/** What was not denied, or told of others; and how much was looked at. */
async function foreignSockets (t: ExecutionContext, world: World, all: readonly Tenant[], denial: (caller: Tenant, other: Tenant) => RegExp): Promise<number> {
  let asked = 0
  const wrong: string[] = []
  const daemon = await daemonIdOf(world)
  await eachPair(all, async (caller, other) => {
    for (const { name, bytes } of requestsAbout(other, world, daemon)) {
      const answer = await caller.app.askOne(other.socket, bytes)
      asked++
      if (answer.ok || !denial(caller, other).test(answer.error) || named(answer, all).length > 0) wrong.push(`${name} by ${caller.name} at ${other.name}: ${answer.error}`)
    }
  })
  t.deepEqual(wrong, [])
  return asked
}

test.serial('threats 6, 7, 9: the matrix, at others\' sockets: 100 % of all requests of eight users are denied, by the file\'s mode and by the credentials alone', async t => {
  t.timeout(300_000)
  await using world = await World.start({ tenants })
  const all = await everybody(world)
  const byMode = await foreignSockets(t, world, all, () => /EACCES/)
  for (const { socket } of all) chmodSync(socket, 0o666)
  const byCredentials = await foreignSockets(t, world, all, (caller, other) => new RegExp(`^uid ${caller.uid} may not use tenant ${other.name}'s socket`))
  t.log({ byMode, byCredentials })
  t.true(byMode > 56 * 30 && byMode === byCredentials)
})

test.serial('threats 6, 7, 9: the matrix, at one\'s own socket and at the front desk, with policy that lets everybody look at itself alone: the rest is denied, and others are named by nobody who did not name them', async t => {
  t.timeout(300_000)
  await using world = await World.start({ tenants, policies: { 'look.cedar': LOOK_ONLY } })
  const all = await everybody(world)
  const wrong: string[] = []
  let asked = 0
  const daemon = await daemonIdOf(world)
  await eachPair(all, async (caller, other) => {
    const rows = requestsAbout(other, world, daemon)
    for (const socket of [caller.socket, world.frontDesk]) {
      // All on one connection: a denial leaves it usable, so that the last row is answered as the first is.
      const answers = await caller.app.ask(socket, ...rows.map(({ bytes }) => bytes))
      for (const [i, answer] of answers.entries()) {
        const { name } = rows[i] ?? { name: '' }
        asked++
        const mayBeNamed = OF_ONESELF.includes(name) ? [caller.name] : [other.name]
        const leaks = named(answer, all).filter(tenant => !mayBeNamed.includes(tenant))
        if (leaks.length > 0) wrong.push(`${name} by ${caller.name} names ${leaks.join(', ')}`)
        if (answer.ok !== OF_ONESELF.includes(name)) wrong.push(`${name} by ${caller.name}: ${answer.ok ? 'allowed' : answer.error}`)
        if (!answer.ok && !/denied on|not available|unknown request type|missing parameters|^no blessing of t\d stands|is not this daemon/.test(answer.error)) wrong.push(`${name} by ${caller.name}: ${answer.error}`)
      }
    }
  })
  t.log({ asked })
  t.deepEqual(wrong, [])
  t.true(asked > 2 * 56 * 30)
  // No request has done anything: nobody is connected to anybody, and nobody handles anything.
  // But for the way to the daemon's own host, which was asked and has nothing of theirs either.
  for (const { figures } of (await world.status()).tenants) t.deepEqual([figures?.connections, figures?.handlers, figures?.streams], [1, 0, 0])
  const { figures, crashes } = await daemonOf(world)
  t.deepEqual([figures?.connections, figures?.handlers, figures?.streams, figures?.controlConnections, crashes], [all.length, 0, 0, 0, 0])
})
