/** The daemon and its hosts killed outright, as root with hosts of their own users: what is left of one does not hinder the next. */
import test, { type ExecutionContext } from 'ava'
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { P2PD } from '../../helpers/daemons.ts'
import { identify } from '../../helpers/requests.ts'
import { identityOf } from '../processes.ts'
import type { Program, World } from '../world.ts'
import { inWorld, killHost } from './helpers.ts'

const [FIRST, SECOND] = [41001, 41002]
const ROUNDS = 50
const host = { start: 'always' }
/** Many times what it takes: the machine may be busy. */
const TIMEOUT_MS = 300_000

test.serial(`threat 28: of ${ROUNDS} kills of the daemon and its hosts none changes an identity, and a second daemon beside it is refused`, async t => {
  t.timeout(TIMEOUT_MS)
  await inWorld(t, { tenants: { a: { uid: FIRST, host }, b: { uid: SECOND, host } } }, async world => {
    const programs: ReadonlyArray<readonly [string, Program]> = [['a', await world.program(FIRST)], ['b', await world.program(SECOND)]]
    const identities = new Map<string, Buffer>()
    for (const [name, program] of programs) identities.set(name, await whoIs(world, name, program))
    for (let round = 0; round < ROUNDS; round++) {
      const [name, program] = programs[round % 2] ?? programs[0]!
      if (round % 3 === 0) {
        await world.stop('SIGKILL') // rejects if one of its hosts outlives it
        t.true(statSync(world.socketOf(name)).isSocket(), 'what a killed daemon leaves')
        await world.serve()
      } else {
        await killHost(world, name)
        await world.ask('POST', `/v1/tenants/${name}/restart`)
      }
      t.deepEqual(await whoIs(world, name, program), identities.get(name), `after kill ${round}`)
      await isServiceUser(t, world, name)
      if (round % 10 === 5) isRefused(t, world)
    }
    for (const [name, program] of programs) t.deepEqual(await whoIs(world, name, program), identities.get(name))
  })
})

async function whoIs (world: World, tenant: string, program: Program): Promise<Buffer> {
  const { response, error } = await program.askOne(world.socketOf(tenant), identify())
  if (response?.identify === undefined) throw new Error(`IDENTIFY on ${tenant}: ${error}`)
  return Buffer.from(response.identify.id)
}

/** Neither root nor anybody's app. */
async function isServiceUser (t: ExecutionContext, world: World, tenant: string): Promise<void> {
  const { uids } = identityOf(await world.hostPid(tenant))
  t.is(new Set(uids).size, 1)
  t.false([0, FIRST, SECOND].includes(uids[0] ?? 0), `the host of ${tenant} runs as uid ${uids[0]}`)
}

/** On the same state, the same run directory, or both; and the first does not notice. */
function isRefused (t: ExecutionContext, world: World): void {
  const other = join(world.directory, 'other')
  for (const [state, run] of [[world.stateDir, world.runDir], [world.stateDir, `${other}-run`], [`${other}-state`, world.runDir]] as const) {
    const { status, stderr } = spawnSync(P2PD, ['serve', '--tenants', world.tenantsDir, '--policy', world.policyDir, '--state', state, '--run', run], { encoding: 'utf8', timeout: 20_000 })
    t.is(status, 1, stderr)
    t.regex(stderr, /in use by another p2pd|another p2pd has the keystore open/)
  }
}
