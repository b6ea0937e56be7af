import test from 'ava'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { notifyReady, notifyReloading, notifyStatus, notifyStopping } from '../../src/os/notify.ts'
import { DatagramReceiver } from '../helpers/datagrams.ts'

const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
test.after.always(() => { rmSync(directory, { recursive: true, force: true }) })

// One after the other: the address is in the environment.
for (const [kind, name] of [['a path', join(directory, 'notify')], ['an abstract name', `@p2pd-test-${process.pid}`]] as const) {
  test.serial(`a manager at ${kind} is told when it is ready, reloads and stops, with a status`, t => {
    using manager = new DatagramReceiver(name)
    process.env['NOTIFY_SOCKET'] = name
    t.true(notifyReady())
    t.is(manager.next(), 'READY=1')
    t.true(notifyReady('3 tenants'))
    t.is(manager.next(), 'READY=1\nSTATUS=3 tenants')
    const before = process.hrtime.bigint() / 1000n
    t.true(notifyReloading())
    const [reloading = '', usec = ''] = (manager.next() ?? '').split('\nMONOTONIC_USEC=')
    t.is(reloading, 'RELOADING=1')
    t.true(BigInt(usec) >= before && BigInt(usec) <= process.hrtime.bigint() / 1000n)
    t.true(notifyStopping('by SIGTERM'))
    t.is(manager.next(), 'STOPPING=1\nSTATUS=by SIGTERM')
    t.true(notifyStatus('grüße'))
    t.is(manager.next(), 'STATUS=grüße')
    t.is(manager.next(), undefined)
  })
}

test.serial('a status cannot say more than a status, nor at any length', t => {
  const name = join(directory, 'status')
  using manager = new DatagramReceiver(name)
  process.env['NOTIFY_SOCKET'] = name
  t.true(notifyStatus('one\nSTOPPING=1\r\n\0two'))
  t.is(manager.next(), 'STATUS=one STOPPING=1 two')
  t.true(notifyStatus('x'.repeat(100_000)))
  t.is(manager.next()?.length, 'STATUS='.length + 256)
})

test.serial('where there is no manager nothing is said and nothing fails', async t => {
  const stream = join(directory, 'stream')
  const server = createServer().listen(stream)
  await once(server, 'listening')
  for (const name of [undefined, '', '@', '/', 'relative', 'vsock:2:1234', join(directory, 'nobody'), `/${'x'.repeat(200)}`, stream, directory]) {
    if (name === undefined) delete process.env['NOTIFY_SOCKET']
    else process.env['NOTIFY_SOCKET'] = name
    t.false(notifyReady('status'), String(name))
  }
  server.close()
})

test.serial('a manager that reads nothing is waited for, but not for ever', t => {
  const name = join(directory, 'stuck')
  using manager = new DatagramReceiver(name)
  process.env['NOTIFY_SOCKET'] = name
  const started = performance.now()
  let told = 0
  while (notifyStatus('x')) told++
  t.true(performance.now() - started < 10_000)
  t.true(told > 0)
  for (let i = 0; i < told; i++) t.is(manager.next(), 'STATUS=x')
  t.true(notifyReady())
})

test.serial('no descriptor stays open', t => {
  const name = join(directory, 'descriptors')
  using _ = new DatagramReceiver(name)
  process.env['NOTIFY_SOCKET'] = name
  const before = readdirSync('/proc/self/fd').length
  for (let i = 0; i < 5; i++) notifyStatus('x')
  process.env['NOTIFY_SOCKET'] = join(directory, 'nobody')
  for (let i = 0; i < 5; i++) notifyStatus('x')
  t.is(readdirSync('/proc/self/fd').length, before)
})
