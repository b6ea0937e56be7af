/** The daemon killed while identities are made and renewed: what was acknowledged is there, and nobody becomes another. */
import test from 'ava'
import { setTimeout as delay } from 'node:timers/promises'
import { identify } from '../../helpers/requests.ts'
import { inWorld } from './helpers.ts'

const [STEADY, RENEWED, ADDED] = [41001, 41002, 41010]
const KILLS = 100
/** The kills fall into the time that a renewal and an enrolment take beside each other, and half as long after it. */
const PART_OF_WORK = 1.5
const BACK_WITHIN_MS = 5_000
/** Tenants that were added are taken away again, or a start would have more and more of them to make sockets for. */
const KEPT = 4
/** Many times what it takes: the machine may be busy. */
const TIMEOUT_MS = 300_000

test.serial(`threat 32: of ${KILLS} kills of the daemon while tenants are added and keys renewed none changes an identity, and it is back within five seconds`, async t => {
  t.timeout(TIMEOUT_MS)
  await inWorld(t, { tenants: { a: { uid: STEADY }, r: { uid: RENEWED } } }, async world => {
    const program = await world.program(STEADY)
    /** name -> the identity that counts; absent while it is not known whether a renewal was done. */
    const known = new Map<string, string>([['a', await world.peerIdOf('a')], ['r', await world.peerIdOf('r')]])
    const cut = { before: 0, during: 0, after: 0 }
    let slowest = 0
    world.declare('first', { uid: ADDED - 1 })
    const worked = performance.now()
    await Promise.all([world.ask('POST', '/v1/keys/r/renew'), world.reload()])
    const longestWorkMs = (performance.now() - worked) * PART_OF_WORK
    known.delete('r')
    for (let kill = 0; kill < KILLS; kill++) {
      const name = `n${kill}`
      world.declare(name, { uid: ADDED + kill })
      if (kill >= KEPT) {
        world.undeclare(`n${kill - KEPT}`)
        known.delete(`n${kill - KEPT}`)
      }
      let renewed: string | undefined
      let isAdded = false
      const working = Promise.allSettled([
        world.ask<{ peerId: string }>('POST', '/v1/keys/r/renew').then(({ peerId }) => { renewed = peerId }),
        world.reload().then(() => { isAdded = true })
      ])
      await delay(Math.random() * longestWorkMs)
      const isAcknowledged = renewed !== undefined
      cut[isAcknowledged ? isAdded ? 'after' : 'during' : isAdded ? 'during' : 'before']++
      await world.stop('SIGKILL')
      await working
      if (renewed === undefined) known.delete('r')
      else known.set('r', renewed)

      const began = performance.now()
      await world.serve()
      for (const { name: tenant, peerId, state } of (await world.status()).tenants) {
        t.not(state, 'failed', tenant)
        t.is(peerId, known.get(tenant) ?? peerId, `${tenant} after kill ${kill}`)
        if (peerId !== undefined) known.set(tenant, peerId)
      }
      if (kill % 10 === 0) t.true((await program.askOne(world.socketOf('a'), identify())).ok)
      slowest = Math.max(slowest, performance.now() - began)
    }
    t.log(`killed ${cut.before} times before anything was acknowledged, ${cut.during} between, ${cut.after} after; back within ${(slowest / 1000).toFixed(1)} s`)
    t.true(slowest <= BACK_WITHIN_MS)
    t.true(cut.before > 0 && cut.during + cut.after > 0, 'the kills fell into the work')
  })
})
