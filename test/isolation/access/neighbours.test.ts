/** Tenants beside each other, each with every right in its own host: none overwrites, lists, ends or hears what is another's. */
import test from 'ava'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { unix } from '../../helpers/addresses.ts'
import { until } from '../../helpers/deadlines.ts'
import { connect, disconnect, identify, listPeers, removeStreamHandler, streamHandler, streamOpen } from '../../helpers/requests.ts'
import { UIDS, World, type Program } from '../world.ts'
import { whoIs } from './scene.ts'

interface Neighbour { readonly name: string, readonly uid: number, readonly app: Program, readonly socket: string, readonly id: Buffer, readonly addrs: Uint8Array[], readonly peerId: string }

async function neighbours (world: World): Promise<Neighbour[]> {
  return await Promise.all(Object.entries(tenants).map(async ([name, { uid }]) => {
    const app = await world.program(uid)
    const socket = world.socketOf(name)
    const { id, addrs } = await whoIs(app, socket)
    return { name, uid, app, socket, id: Buffer.from(id), addrs, peerId: await world.peerIdOf(name) }
  }))
}

const tenants = Object.fromEntries(UIDS.slice(0, 4).map((uid, i) => [`t${i}`, { uid, host: { local: false } }])) // peers of theirs like any other

/** As bytes, as text, and as text of bytes: however an answer could hold it. */
function holds (bytes: Buffer | string, { id, peerId }: Neighbour): boolean {
  return [id, Buffer.from(peerId), Buffer.from(id.toString('hex')), Buffer.from(id.toString('base64'))].some(form => Buffer.from(bytes).includes(form))
}

test.serial('threat 6: N tenants handle one protocol, and try to take each other\'s handlers through every socket there is: each stream comes to its own tenant\'s program', async t => {
  await using world = await World.start({ tenants })
  const all = await neighbours(world)
  const pathOf = ({ uid, name }: Neighbour): string => join(world.homeOf(uid), name)
  for (const each of all) {
    await each.app.listen('h', pathOf(each), 0o777)
    t.true((await each.app.askOne(each.socket, streamHandler(unix(pathOf(each)), '/shared'))).ok)
  }
  for (const { socket } of all) chmodSync(socket, 0o666)
  for (const owner of all) {
    for (const thief of all) {
      if (thief === owner) continue
      const [took, removed] = [streamHandler(unix(pathOf(thief)), '/shared'), removeStreamHandler(unix(pathOf(owner)), '/shared')]
      for (const request of [took, removed]) {
        const answer = await thief.app.askOne(owner.socket, request)
        t.false(answer.ok)
        t.regex(answer.error, new RegExp(`uid ${thief.uid} may not use tenant ${owner.name}'s socket`))
      }
      // In its own host it may do as it likes: to register again, and to take away what it never had.
      t.true((await thief.app.askOne(thief.socket, took)).ok)
      t.false((await thief.app.askOne(thief.socket, removed)).ok)
      t.true((await thief.app.askOne(world.frontDesk, took)).ok)
    }
  }
  for (const owner of all) {
    for (const [i, opener] of all.filter(other => other !== owner).entries()) {
      t.is((await opener.app.askOne(opener.socket, connect(owner.id, owner.addrs))).error, '')
      const { sent, text } = await opener.app.exchange(opener.socket, streamOpen(owner.id, '/shared'), 1000)
      t.is(text, JSON.stringify(sent))
      t.is((await owner.app.seen('h')).accepted, i + 1)
    }
  }
})

test.serial('threat 7: no answer, status line or log line of a tenant names another\'s peers, and listing, ending or asking for them does nothing to them', async t => {
  await using world = await World.start({ tenants, env: { P2PD_LOG: 'debug' } })
  const all = await neighbours(world)
  // Two pairs that know nothing of each other.
  const partnerOf = (i: number): Neighbour => all[i ^ 1] ?? t.fail()
  const strangersOf = (i: number): Neighbour[] => all.filter((_, j) => j >> 1 !== i >> 1)
  for (const i of [0, 2]) t.is((await all[i]?.app.askOne(all[i].socket, connect(partnerOf(i).id, partnerOf(i).addrs)))?.error, '')
  const hears = async (): Promise<void> => {
    for (const [i, { app, socket, name }] of all.entries()) {
      const answers = await app.ask(socket, identify(), listPeers())
      t.deepEqual(answers[1]?.response?.peers.map(({ id }) => Buffer.from(id).toString('hex')), [partnerOf(i).id.toString('hex')])
      t.true(holds(answers[1]?.raw ?? '', partnerOf(i)))
      const row = JSON.stringify(await world.tenant(name))
      for (const stranger of strangersOf(i)) {
        for (const { raw } of answers) t.false(holds(raw, stranger))
        t.false(holds(row, stranger), row)
      }
    }
  }
  await hears()
  // Before anybody has named a stranger itself: what it is told about, its host may log. A failure with its partner is logged.
  for (const [i, { app, socket, name }] of all.entries()) {
    t.false((await app.askOne(socket, streamOpen(partnerOf(i).id, '/none', 2))).ok)
    const ownLines = (): string[] => world.log.split('\n').filter(line => line.includes(`"name":"p2pd-host ${name}"`))
    await until('the host to log who it was', () => ownLines().some(line => holds(line, partnerOf(i))))
    for (const line of ownLines()) {
      for (const stranger of strangersOf(i)) t.false(holds(line, stranger), line)
    }
  }
  for (const [i, { app, socket }] of all.entries()) {
    for (const { id } of strangersOf(i)) {
      const asked = await app.ask(socket, disconnect(id), streamOpen(id, '/x', 2), connect(id, [], 2))
      t.deepEqual(asked.map(({ ok }) => ok), [true, false, false])
    }
  }
  await hears()
})
