/**
 * Handlers at TCP addresses: a tenant's own loopback ports, and nothing else on this machine or beyond it.
 *
 * In a network of its own, where every address is this machine: what the daemon would send anywhere arrives, and is counted.
 */
import test from 'ava'
import { readFileSync } from 'node:fs'
import { tcp, tcpOf } from '../../helpers/addresses.ts'
import { enterOwnNamespaces, synsSent } from '../pressure/namespaces.ts'
import { Scene, whoIs } from './scene.ts'

test.before(() => { enterOwnNamespaces() })

/** What begins no connection on its own: the canary's address, as a dial from this machine would have it. */
function connectionsTo (port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return ['tcp', 'tcp6'].flatMap(table => readFileSync(`/proc/self/net/${table}`, 'utf8').split('\n')).filter(line => line.trim().split(/\s+/)[2]?.endsWith(suffix))
}

test.serial('threat 3: another user\'s loopback port is no handler: its listener sees no connection begin', async t => {
  await using scene = await Scene.start()
  const { mallory, victim } = scene
  const own = await mallory.listen('own', { host: '127.0.0.1', port: 0 })
  const canaries = await Promise.all([['4', '127.0.0.1'], ['6', '::1'], ['any', '0.0.0.0']].map(async ([id = '', host = '']) => {
    const at = await victim.listen(id, { host, port: 0 })
    return { id, host: host === '0.0.0.0' ? '127.0.0.1' : host, port: 'port' in at ? at.port : 0 }
  }))
  t.is((await scene.register(tcp('127.0.0.1', 'port' in own ? own.port : 0), '/own')).error, '')
  t.true(await scene.delivers('/own'))
  for (const { id, host, port } of canaries) {
    await scene.register(tcp(host, port), `/canary/${id}`)
    const before = synsSent()
    for (let i = 0; i < 10; i++) t.false(await scene.delivers(`/canary/${id}`))
    t.is(synsSent() - before, 0, `${host}:${port}`)
    t.deepEqual(await victim.seen(id), { accepted: 0, bytes: 0, announced: [] })
    t.deepEqual(connectionsTo(port), [])
    await scene.refusal(String(port))
  }
})

test.serial('threat 3: a port that was the tenant\'s own when it registered and is another user\'s by now is not dialled', async t => {
  await using scene = await Scene.start()
  const { mallory, victim } = scene
  const own = await mallory.listen('own', { host: '127.0.0.1', port: 0 })
  const port = 'port' in own ? own.port : 0
  t.is((await scene.register(tcp('127.0.0.1', port), '/moved')).error, '')
  t.true(await scene.delivers('/moved'))
  await mallory.unlisten('own')
  await victim.listen('moved', { host: '127.0.0.1', port })
  const before = synsSent()
  t.false(await scene.delivers('/moved'))
  t.is(synsSent() - before, 0)
  t.is((await victim.seen('moved')).accepted, 0)
})

test.serial('threat 3: addresses that are not loopback, ports of the system\'s, and hosts\' own ports are refused, and nothing is sent there', async t => {
  await using scene = await Scene.start()
  const { world, mallory, victim, peer } = scene
  // As root on every address: the worst there is to reach.
  const root = await world.program(0)
  for (const port of [80, 443, 1023, 6379]) await root.listen(String(port), { host: '::', port })
  const refused: Array<readonly [host: string, port: number]> = [
    ['169.254.169.254', 80], ['169.254.169.254', 6379], ['10.0.0.1', 6379], ['172.16.0.1', 6379], ['192.168.1.1', 6379],
    ['100.64.0.1', 6379], ['8.8.8.8', 443], ['8.8.8.8', 6379], ['0.0.0.0', 6379], ['::', 6379], ['255.255.255.255', 6379],
    ['224.0.0.1', 6379], ['::ffff:127.0.0.1', 6379], ['::ffff:10.0.0.1', 6379], ['::ffff:169.254.169.254', 80],
    ['127.0.0.1', 80], ['127.0.0.1', 1023], ['127.9.9.9', 443], ['::1', 80], ['127.0.0.1', 0]
  ]
  const programs = [['mallory', mallory], ['victim', victim], ['peer', peer]] as const
  const ids = await Promise.all(programs.map(async ([name, program]) => await whoIs(program, world.socketOf(name))))
  const ports = ids.flatMap(({ addrs }) => addrs).map(address => tcpOf(address).port)
  t.true(ports.length >= 3)
  for (const [i, [host, port]] of [...refused, ...ports.map(own => ['127.0.0.1', own] as const)].entries()) {
    const { ok, error } = await scene.register(tcp(host, port), `/far/${i}`)
    const before = synsSent()
    t.false(await scene.delivers(`/far/${i}`))
    t.is(synsSent() - before, 0, `${host}:${port}`)
    // The ports of other tenants' hosts are only known to be somebody else's when they are dialled.
    if (i < refused.length) t.false(ok, `${host}:${port}`)
    if (!ok) t.regex(error, /handleStream denied|is no socket address|is no multiaddr/)
  }
  for (const port of [80, 443, 1023, 6379]) t.is((await root.seen(String(port))).accepted, 0)
})
