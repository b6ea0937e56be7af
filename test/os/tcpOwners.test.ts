import test from 'ava'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { listenersInTable } from '../../src/os/procNetTcp.ts'
import { acceptorOf, listenersAt } from '../../src/os/tcpOwners.ts'

// One after the other: a free port of one address is not free of all.
const uid = process.geteuid?.() ?? 0
const WAYS = [['the kernel\'s lookup', listenersAt], ['its table', listenersInTable]] as const

async function listening (host: string): Promise<{ server: Server, port: number }> {
  const server = createServer().listen({ host, port: 0 })
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

for (const { host, reached, missed } of [
  { host: '127.0.0.1', reached: ['127.0.0.1'], missed: ['127.0.0.2', '::1'] },
  { host: '127.3.2.1', reached: ['127.3.2.1'], missed: ['127.1.2.3', '127.0.0.1', '::1'] },
  { host: '0.0.0.0', reached: ['127.0.0.1', '127.200.0.1'], missed: ['::1'] },
  { host: '::1', reached: ['::1'], missed: ['127.0.0.1'] },
  { host: '::', reached: ['::1', '127.0.0.1', '127.9.9.9'], missed: [] },
  { host: '::ffff:127.0.0.1', reached: ['127.0.0.1'], missed: ['127.0.0.2', '::1'] }
]) {
  for (const [way, find] of WAYS) {
    test.serial(`who listens on ${host} is found by ${way} for every address that reaches it, and for no other`, async t => {
      const { server, port } = await listening(host)
      for (const address of reached) t.deepEqual(find(address, port), [uid], address)
      for (const address of missed) t.deepEqual(find(address, port), [], address)
      server.close()
    })
  }
}

for (const [way, find] of WAYS) {
  test.serial(`connections to a port are not its listeners, and neither is one who has stopped, by ${way}`, async t => {
    const { server, port } = await listening('127.0.0.1')
    const client = connect(port, '127.0.0.1')
    const [[accepted]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(client, 'connect')])
    t.deepEqual(find('127.0.0.1', client.localPort ?? 0), [])
    server.close()
    t.deepEqual(find('127.0.0.1', port), [])
    client.destroy()
    accepted.destroy()
  })
}

for (const host of ['127.0.0.1', '::1']) {
  test.serial(`who has accepted a connection to ${host} is known, also when nobody listens there any more`, async t => {
    const { server, port } = await listening(host)
    const client = connect(port, host)
    const [[accepted]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(client, 'connect')])
    t.is(acceptorOf(client), uid)
    server.close()
    t.is(acceptorOf(client), uid)
    client.destroy()
    t.is(acceptorOf(client), undefined)
    accepted.destroy()
  })
}

test.serial('every address of this machine can be asked about, whatever its kind', async t => {
  const own = Object.values(networkInterfaces()).flatMap(addresses => addresses ?? []).filter(({ address, internal }) => !internal && !address.startsWith('fe80:'))
  for (const { address } of own) {
    const { server, port } = await listening(address)
    for (const [way, find] of WAYS) {
      t.deepEqual(find(address, port), [uid], `${address} by ${way}`)
      t.deepEqual(find('127.0.0.1', port), [], way)
      t.deepEqual(find('::1', port), [], way)
    }
    server.close()
  }
  t.throws(() => listenersAt('localhost', 1), { code: 'ERR_SYSTEM', message: /localhost is no literal IP address/ })
  t.deepEqual(listenersAt('2001:db8::1', 1), [])
})

test.serial('the kernel\'s lookup costs microseconds', async t => {
  const { server, port } = await listening('127.0.0.1')
  listenersAt('127.0.0.1', port)
  const began = performance.now()
  for (let i = 0; i < 1_000; i++) listenersAt('127.0.0.1', port)
  const us = performance.now() - began
  t.true(us < 500, `${us} us`)
  t.log(`${us.toFixed(1)} us`)
  server.close()
})
