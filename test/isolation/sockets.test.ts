/** Who gets through which socket, with real users. Needs root; without it every test here fails, and says so. */
import test from 'ava'
import { execFileSync } from 'node:child_process'
import { chmodSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { World, eventually } from '../integration/world.ts'

const CHILD = fileURLToPath(new URL('children/identifyAs.ts', import.meta.url))
const LISTEN = 'host:\n  listen: [/ip4/127.0.0.1/tcp/0]\n'
/** Users of nobody: the kernel needs no entry in /etc/passwd to keep uids apart. */
const UIDS = [41001, 41002, 41003, 41004, 41005, 41006, 41007, 41008]

interface Result { peerId?: string, error?: string }

test.before(t => {
  if (process.geteuid?.() !== 0) t.fail('this suite needs root: it becomes other users to attack what is theirs')
})

/** A service for all to reach by its paths: only the sockets themselves decide. */
async function worldOf (uids: Readonly<Record<string, number>>): Promise<World> {
  const world = new World(Object.fromEntries(Object.entries(uids).map(([name, uid]) => [name, `app: { uid: ${uid} }\n${LISTEN}`])))
  chmodSync(world.directory, 0o755)
  await world.start()
  return world
}

function identifyAs (uid: number, sockets: readonly string[]): Result[] {
  const output = execFileSync(process.execPath, [CHILD, String(uid), ...sockets], { encoding: 'utf8' })
  return output.trim().split('\n').map(line => JSON.parse(line) as Result)
}

test.serial('eight users and eight tenants: each gets its own peer ID on its own socket and at the front desk, and nothing elsewhere', async t => {
  const names = UIDS.map((_, i) => `t${i}`)
  await using world = await worldOf(Object.fromEntries(names.map((name, i) => [name, UIDS[i] ?? 0])))
  const sockets = names.map(name => world.socketOf(name))
  for (const [i, socket] of sockets.entries()) {
    const { uid, mode } = statSync(socket)
    t.is(uid, UIDS[i] ?? -1)
    t.is(mode & 0o777, 0o600)
  }
  const peerIds = (await world.tenants()).map(({ peerId }) => peerId)
  t.is(new Set(peerIds).size, UIDS.length)
  for (const [i, uid] of UIDS.entries()) {
    const results = identifyAs(uid, [...sockets, world.frontDesk])
    for (const [j, result] of results.slice(0, -1).entries()) {
      if (i === j) t.is(result.peerId, peerIds[i])
      else t.regex(result.error ?? '', /EACCES/)
    }
    t.is(results.at(-1)?.peerId, peerIds[i])
  }
})

test.serial('with the file modes taken away the credentials check alone refuses every other user, and logs it', async t => {
  await using world = await worldOf({ a: 41001, b: 41002 })
  chmodSync(world.socketOf('a'), 0o666)
  const [own] = identifyAs(41001, [world.socketOf('a')])
  t.truthy(own?.peerId)
  for (const uid of [41002, 41003, 65534]) {
    const [result] = identifyAs(uid, [world.socketOf('a')])
    t.regex(result?.error ?? '', new RegExp(`uid ${uid} may not use tenant a's socket`))
    t.false(JSON.stringify(result).includes(own?.peerId ?? 'nobody'))
    await eventually('log', () => world.log, log => new RegExp(`"uid":${uid}.*connection refused: wrong user`).test(log))
  }
})

test.serial('a user without a tenant is told so at the front desk; the admin socket is shut to all but the operator', async t => {
  await using world = await worldOf({ a: 41001 })
  const [desk, admin] = identifyAs(41009, [world.frontDesk, `${world.runDir}/admin.sock`])
  t.regex(desk?.error ?? '', /no tenant for uid 41009: an operator adds one/)
  t.regex(admin?.error ?? '', /EACCES/)
  chmodSync(`${world.runDir}/admin.sock`, 0o666)
  const [opened] = identifyAs(41001, [`${world.runDir}/admin.sock`])
  t.is(opened?.peerId, undefined)
  await eventually('log', () => world.log, log => log.includes('admin socket: refused, not the operator'))
})
