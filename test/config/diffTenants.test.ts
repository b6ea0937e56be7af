import test from 'ava'
import { diffTenants } from '../../src/config/diffTenants.ts'
import type { TenantSpec } from '../../src/config/tenant.ts'

function spec (name: string, streams = 512): TenantSpec {
  return {
    name,
    app: { uid: 1000 },
    host: { listen: ['/ip4/0.0.0.0/tcp/0'], local: true, start: 'on-demand', idleStopMs: 0 },
    groups: ['a'],
    blessed: [],
    limits: {
      connections: 1, streams, handlers: 1, controlConnections: 1, requestsPerSecond: 1, dialsPerSecond: 1, streamsPerSecond: 1, bytesPerSecond: 0, buffered: 1,
      descriptors: 1, memoryBytes: 1, inbound: { streams: 1, streamsPerPeer: 1, connectionsPerPeer: 1, connectionsPerSubnet: 1, reserved: 0 }
    }
  }
}

test('a reload touches only what has changed', t => {
  const before = [spec('changed'), spec('gone'), spec('same')]
  const after = [spec('changed', 7), spec('new'), spec('same')]
  t.deepEqual(diffTenants(before, after), {
    added: [spec('new')],
    removed: [spec('gone')],
    changed: [{ before: spec('changed'), after: spec('changed', 7) }],
    same: [spec('same')]
  })
})

test('any difference deep inside is a change', t => {
  const other = { ...spec('a'), host: { ...spec('a').host, listen: ['/ip4/127.0.0.1/tcp/0'] } }
  t.is(diffTenants([spec('a')], [other]).changed.length, 1)
  t.is(diffTenants([spec('a')], [{ ...spec('a'), app: { uid: 1000, user: 'alice' } }]).changed.length, 1)
})

test('the first load adds everything, and equal loads change nothing', t => {
  t.deepEqual(diffTenants([], [spec('a')]), { added: [spec('a')], removed: [], changed: [], same: [] })
  t.deepEqual(diffTenants([spec('a')], [spec('a')]).same, [spec('a')])
})

test('a change of blessings alone touches no tenant', t => {
  const blessed = { ...spec('a'), blessed: [{ actions: ['openStream'], resources: ['/x/'], seconds: 60 }] }
  t.deepEqual(diffTenants([spec('a')], [blessed]), { added: [], removed: [], changed: [], same: [blessed] })
})
