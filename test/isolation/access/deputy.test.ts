/** The daemon dials what a tenant names: it is talked into reaching nobody else's sockets, and none of its own. */
import test from 'ava'
import { existsSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { unix } from '../../helpers/addresses.ts'
import { MALLORY, Scene, VICTIM } from './scene.ts'

/** Streams that met either socket, so that the swaps were felt. */
const ENOUGH = 50

test.serial('threat 1: another user\'s socket that everybody may open is no handler: it gets no byte, the stream is reset, the audit log says so', async t => {
  await using scene = await Scene.start()
  const { world, victim } = scene
  const path = join(world.homeOf(VICTIM), 'service')
  await victim.listen('service', path, 0o777)
  const link = join(world.homeOf(MALLORY), 'link')
  symlinkSync(path, link)
  await scene.handleOwn('/own')
  for (const [i, target] of [path, link].entries()) {
    const protocol = `/stolen/${i}`
    await scene.register(unix(target), protocol)
    const { received, text } = await scene.open(protocol)
    t.is(received?.bytes ?? 0, 0)
    t.is(text, '')
    const { bytes } = await victim.seen('service')
    t.is(bytes, 0)
    await scene.refusal(target)
  }
  t.true(await scene.delivers('/own'))
})

test.serial('threat 1: what the tenant\'s user may not open is not opened for it: the daemon dials with no more rights than the app has', async t => {
  await using scene = await Scene.start()
  const { world, mallory, victim } = scene
  const home = world.homeOf(VICTIM)
  for (const [i, mode] of [0o755, 0o700, 0o600, 0o770].entries()) {
    const path = join(home, `s${i}`)
    await victim.listen(`s${i}`, path, mode)
    await scene.register(unix(path), `/closed/${i}`)
    t.false(await scene.delivers(`/closed/${i}`))
    t.is((await victim.seen(`s${i}`)).accepted, 0)
  }
  // Nor what lies behind a directory that it may not pass.
  const hidden = join(home, 'hidden')
  await victim.listen('hidden', hidden, 0o777)
  await victim.attempt('fs.chmodSync', home, 0o700)
  await scene.register(unix(hidden), '/hidden')
  t.false(await scene.delivers('/hidden'))
  t.is((await victim.seen('hidden')).accepted, 0)
  // Where only the tenant's own user gets, the daemon gets for it.
  const own = await scene.handleOwn('/own')
  await mallory.attempt('fs.chmodSync', own, 0o600)
  await mallory.attempt('fs.chmodSync', world.homeOf(MALLORY), 0o700)
  t.true(await scene.delivers('/own'))
})

test.serial('threat 1: a socket of root\'s that everybody may open is no handler either', async t => {
  await using scene = await Scene.start()
  const root = await scene.world.program(0)
  const path = join(scene.world.directory, 'root')
  await root.listen('root', path, 0o777)
  await scene.register(unix(path), '/root')
  t.false(await scene.delivers('/root'))
  await scene.refusal(path)
  t.is((await root.seen('root')).bytes, 0)
})

test.serial('threat 2: no socket of the daemon\'s own is a handler, whatever name leads there: none answers a request', async t => {
  await using scene = await Scene.start()
  const { world, mallory } = scene
  const sockets = [...['mallory', 'victim', 'peer'].map(name => world.socketOf(name)), world.frontDesk, world.admin]
  const home = world.homeOf(MALLORY)
  // A name of her own for her own control socket: nothing in the path says whose it is.
  const hardLink = join(home, 'hard')
  t.deepEqual(await mallory.attempt('fs.linkSync', world.socketOf('mallory'), hardLink), { value: null })
  const spellings = sockets.flatMap((socket, i) => {
    const link = join(home, `link${i}`)
    symlinkSync(socket, link)
    return [socket, link, join('/proc/self/root', socket), socket.replace('/run/', '/run/../run/./')]
  })
  for (const [i, target] of [...spellings, hardLink].entries()) {
    t.true(existsSync(target))
    const protocol = `/daemon/${i}`
    await scene.register(unix(target), protocol)
    // The StreamInfo that goes first is no request: a control socket that took the stream would say so.
    const { text } = await scene.open(protocol)
    t.is(text, '', target)
  }
  t.regex((await scene.register(unix(world.admin), '/admin')).error, /one of the daemon's own sockets/)
  const { figures } = await world.tenant('victim')
  t.is(figures?.controlConnections, 0)
})

test.serial('threat 4: a path that is swapped between the tenant\'s socket and another\'s 10,000 times during dials never brings the other a byte', async t => {
  await using scene = await Scene.start()
  const { world, mallory, victim } = scene
  const path = join(world.homeOf(VICTIM), 'service')
  await victim.listen('service', path, 0o777)
  const link = join(world.homeOf(MALLORY), 'link')
  const own = await scene.handleOwn('/first')
  symlinkSync(own, link)
  t.is((await scene.register(unix(link), '/swapped')).error, '')
  const met = { delivered: 0, refused: 0 }
  const over = new AbortController()
  const swap = async (): Promise<void> => {
    // On a machine that has no time for the dials meanwhile, again: unless the other has got what it may not.
    do await mallory.swap(link, [path, own], 10_000)
    while (Math.min(met.delivered, met.refused) < ENOUGH && (await victim.seen('service')).bytes === 0)
  }
  const dial = async (): Promise<void> => {
    while (!over.signal.aborted) met[await scene.delivers('/swapped') ? 'delivered' : 'refused']++
  }
  await Promise.all([swap().finally(() => { over.abort() }), ...Array.from({ length: 4 }, dial)])
  t.log(met)
  t.is((await victim.seen('service')).bytes, 0)
  t.true(Math.min(met.delivered, met.refused) >= ENOUGH, 'both were met')
  t.is((await mallory.seen('own')).announced.length, met.delivered)
})
