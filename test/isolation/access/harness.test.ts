/** The harness itself: programs are who they should be, streams arrive whole, and nothing is left. */
import test from 'ava'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { connect, identify, streamHandler, streamOpen } from '../../helpers/requests.ts'
import { unix } from '../../helpers/addresses.ts'
import { groupMembers, identityOf } from '../processes.ts'
import { World } from '../world.ts'

test('programs of two users exchange bytes through their own tenants, and leaving the world leaves neither process nor file', async t => {
  let left: World
  {
    await using world = left = await World.start({ tenants: { a: { uid: 41001 }, b: { uid: 41002 } } })
    const [a, b] = await Promise.all([world.program(41001), world.program(41002)])
    t.deepEqual(identityOf(b.pid), { uids: new Array(4).fill(41002), gids: new Array(4).fill(41002), groups: [], capabilities: 0n, noNewPrivileges: false })
    const { response } = await b.askOne(world.socketOf('b'), identify())
    const { id = Buffer.alloc(0), addrs = [] } = response?.identify ?? {}
    const path = join(world.homeOf(41002), 'h')
    await b.listen('h', path)
    t.true((await b.askOne(world.socketOf('b'), streamHandler(unix(path), '/x'))).ok)
    t.true((await a.askOne(world.socketOf('a'), connect(id, addrs))).ok)
    const { opened, sent, text, end } = await a.exchange(world.socketOf('a'), streamOpen(id, '/x'), 300_000)
    t.is(opened.error, '')
    t.is(end, 'end')
    t.deepEqual(JSON.parse(text), sent)
    t.true((await b.seen('h')).bytes > 300_000)
    t.is((await a.attempt('fs.readFileSync', join(world.stateDir, 'keystore.key'))).code, 'EACCES')
    t.deepEqual(groupMembers(world.pid).toSorted(), world.pids.toSorted(), 'what is looked for at the end is found now')
    t.is(world.pids.length, 3)
  }
  t.false(existsSync(left.directory))
})
