/** Who gets through which socket, with real users. */
import test from 'ava'
import { chmodSync, statSync } from 'node:fs'
import { identify } from '../../helpers/requests.ts'
import { UIDS, World } from '../world.ts'

const tenants = Object.fromEntries(UIDS.map((uid, i) => [`t${i}`, { uid }]))
/** The kernel's name for users that a namespace does not know. */
const UNMAPPED_UID = 65534

test.serial('threat 9: eight users and eight tenants: each gets its own peer ID on its own socket and at the front desk, and nothing elsewhere', async t => {
  await using world = await World.start({ tenants })
  const rows = (await world.status()).tenants
  t.is(new Set(rows.map(({ peerId }) => peerId)).size, UIDS.length)
  for (const [i, uid] of UIDS.entries()) {
    const app = await world.program(uid)
    for (const [j, { name, peerId = '' }] of rows.entries()) {
      const socket = world.socketOf(name)
      t.deepEqual([statSync(socket).uid, statSync(socket).mode & 0o777], [UIDS[j], 0o600])
      const { response, error, raw } = await app.askOne(socket, identify())
      if (i === j) t.deepEqual(response?.identify?.id, await world.peerBytesOf(name))
      else t.regex(error, /EACCES/)
      if (i !== j) t.is(raw.length, 0)
      const desk = await app.askOne(world.frontDesk, identify())
      t.is(Buffer.from(desk.response?.identify?.id ?? []).equals(await world.peerBytesOf(name)), i === j, peerId)
    }
    t.regex((await app.askOne(world.admin, identify())).error, /EACCES/)
  }
})

test.serial('threat 9: with the file modes taken away the credentials check alone refuses every other user, says nothing of the tenant, and the audit log has it', async t => {
  await using world = await World.start({ tenants: { a: { uid: 41001 }, b: { uid: 41002 } } })
  const socket = world.socketOf('a')
  chmodSync(socket, 0o666)
  const own = await (await world.program(41001)).askOne(socket, identify())
  t.true(own.ok)
  const id = await world.peerIdOf('a')
  // In the owner's group, in root's group, a neighbour, nobody's: the uid decides.
  for (const [uid, gid] of [[41003, 41001], [41004, 0], [41002, 41002], [UNMAPPED_UID, UNMAPPED_UID]] as const) {
    const { ok, error, raw } = await (await world.program(uid, gid)).askOne(socket, identify())
    t.false(ok)
    t.regex(error, new RegExp(`uid ${uid} may not use tenant a's socket`))
    for (const form of [id, Buffer.from(own.response?.identify?.id ?? [])]) t.false(raw.includes(form))
    await world.audited(`uid ${uid} is refused`, line => line.event === 'denied' && line.tenant === 'a' && line.uid === uid)
  }
})

test.serial('threat 9: a user without a tenant is told so at the front desk; the admin socket is shut to all but the operator, also with its mode taken away', async t => {
  await using world = await World.start({ tenants: { a: { uid: 41001 } } })
  const [stranger, app] = await Promise.all([world.program(41009), world.program(41001)])
  t.regex((await stranger.askOne(world.frontDesk, identify())).error, /no tenant for uid 41009: an operator adds one/)
  t.regex((await stranger.askOne(world.admin, identify())).error, /EACCES/)
  chmodSync(world.admin, 0o666)
  const { ok, raw } = await app.askOne(world.admin, identify())
  t.false(ok)
  t.is(raw.length, 0)
  await world.logged(/admin socket: refused, not the operator/)
})
