/** What may come from a host: every message is looked at, because a host may have been taken over. */
import test from 'ava'
import { spawn } from 'node:child_process'
import { PassThrough } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { isFromHost, writeStart, type HostStart } from '../src/link.ts'

const REGISTRATION = { protocol: '/a', targets: [{ address: '/unix/tmp/a', uid: 1000 }] }

for (const message of [
  { kind: 'ready', peerId: '12D3', addresses: ['/ip4/127.0.0.1/tcp/4001'] },
  { kind: 'unable', reason: 'the port is in use' },
  { kind: 'figures', id: 0, figures: { addresses: [], connections: 0, streams: 0, handlers: 0, controlConnections: 0, memoryBytes: 1, limitsReached: { 'inbound.streams': 3 } } },
  { kind: 'handlers', registrations: [REGISTRATION, { protocol: '/b', targets: [] }] },
  { kind: 'adopted', id: 0 },
  { kind: 'declined', id: 0 },
  { kind: 'alive' },
  { kind: 'dialHandler', id: 0, path: '/tmp/a', tenant: 'chat' },
  { kind: 'reach', id: 0, peerId: '12D3' },
  { kind: 'figures', id: 0, figures: { addresses: [], services: [{ name: 'a', proto: '/a', owner: 'chat', callers: 0 }] } },
  { kind: 'epoch', epoch: 1, revoked: 0 },
  { kind: 'audit', event: { event: 'denied' } },
  { kind: 'idle' }
]) {
  test(`${JSON.stringify(message).slice(0, 60)} is a message`, t => { t.true(isFromHost(message)) })
}

for (const message of [
  undefined, null, 1, 'idle', [], {}, { kind: 7 }, { kind: '__proto__' }, { kind: 'toString' }, { kind: 'stop' },
  { kind: 'ready', peerId: 1, addresses: [] },
  { kind: 'ready', peerId: 'x'.repeat(129), addresses: [] },
  { kind: 'ready', peerId: 'x', addresses: { length: 1 } },
  { kind: 'ready', peerId: 'x', addresses: ['x'.repeat(1_025)] },
  { kind: 'ready', peerId: 'x', addresses: Array.from({ length: 257 }, () => 'x') },
  { kind: 'unable', reason: 'x'.repeat(4_097) },
  { kind: 'reach', id: 0, peerId: 'x'.repeat(129) }, { kind: 'dialHandler', id: 0, path: '/a' }, { kind: 'dialHandler', id: 0, path: '/a', tenant: 'x'.repeat(33) },
  { kind: 'figures', id: 1, figures: { addresses: [], services: Array.from({ length: 1_001 }, () => ({ name: 'a', proto: '/a', owner: 'chat', callers: 0 })) } },
  { kind: 'figures', id: 2, figures: { addresses: [], services: [{ name: 'a', proto: '/a', owner: 'chat', callers: -1 }] } },
  { kind: 'adopted', id: -1 }, { kind: 'adopted', id: 1e300 }, { kind: 'adopted', id: 0.5 }, { kind: 'adopted', id: '0' },
  { kind: 'figures', id: 0, figures: null },
  { kind: 'figures', id: 0, figures: { addresses: [], memoryBytes: '1' } },
  { kind: 'figures', id: 0, figures: { addresses: [], memoryBytes: -1 } },
  { kind: 'figures', id: 0, figures: { addresses: [], limitsReached: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, 1])) } },
  { kind: 'handlers', registrations: { length: 1, 0: REGISTRATION } },
  { kind: 'handlers', registrations: [{ ...REGISTRATION, protocol: 'x'.repeat(257) }] },
  { kind: 'handlers', registrations: [{ ...REGISTRATION, targets: [{ address: 1 }] }] },
  { kind: 'handlers', registrations: [{ ...REGISTRATION, targets: [{ address: 'x', uid: -1 }] }] },
  { kind: 'handlers', registrations: [{ ...REGISTRATION, targets: Array.from({ length: 65 }, () => ({ address: 'x' })) }] },
  { kind: 'dialHandler', id: 0, path: 7 },
  { kind: 'dialHandler', id: 0, path: 'x'.repeat(108) },
  { kind: 'epoch', epoch: -1, revoked: 0 },
  { kind: 'audit', event: { event: 'reload' } },
  { kind: 'audit', event: { event: 'denied', more: 'x' } }
]) {
  test(`${(JSON.stringify(message) ?? 'nothing').slice(0, 80)} is none`, t => { t.false(isFromHost(message)) })
}

test('a start document of megabytes is read whole, however slowly it comes', async t => {
  const program = 'const { readStart } = await import("./src/link.ts"); const { start, privateKey } = readStart(0); process.stdout.write(JSON.stringify([start.tenant, start.listen.length, start.listen.at(-1), Buffer.from(privateKey).toString("hex")]))'
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'], cwd: new URL('..', import.meta.url) })
  const listen = Array.from({ length: 100_000 }, (_, i) => `/ip4/127.0.0.1/tcp/${i}`)
  const whole = new PassThrough()
  writeStart(whole, { tenant: 'chat', listen } as unknown as HostStart, Buffer.from('key'))
  const bytes = await buffer(whole)
  t.true(bytes.length > 2 * 1024 * 1024)
  const said = text(child.stdout)
  for (let at = 0; at < bytes.length; at += 300_000) {
    child.stdin.write(bytes.subarray(at, at + 300_000))
    await new Promise(resolve => { setTimeout(resolve, 10) }) // the reader has it by then, and finds nothing
  }
  child.stdin.end()
  t.deepEqual(JSON.parse(await said), ['chat', 100_000, '/ip4/127.0.0.1/tcp/99999', Buffer.from('key').toString('hex')])
})
