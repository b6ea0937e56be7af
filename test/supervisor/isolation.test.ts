import test from 'ava'
import { isolationOf, least, type Level, type Posture } from '../../src/supervisor/isolation.ts'

const ROOT = { daemonUid: 0, givesUids: true }
const A = { name: 'a', appUid: 1000, hostUid: 2_100_000_000 }
const B = { name: 'b', appUid: 1001, hostUid: 2_100_000_001 }

for (const { title, posture, level, why } of [
  { title: 'an app that runs as p2pd does is kept apart by nothing', posture: { daemonUid: 1000, givesUids: false, tenants: [{ ...A, hostUid: 1000 }] }, level: 'L0', why: /as uid 1000, as p2pd itself does/ },
  { title: 'that is so for root, too', posture: { ...ROOT, tenants: [{ ...A, appUid: 0 }, B] }, level: 'L0', why: /uid 0.*its host runs as uid 2100000000, which is nobody else's/ },
  { title: 'apps that share a uid are not kept apart from each other', posture: { ...ROOT, tenants: [A, { ...B, appUid: 1000 }] }, level: 'L1', why: /and so does that of b/ },
  { title: 'an app with a uid of its own is', posture: { ...ROOT, tenants: [{ ...A, hostUid: 0 }, B] }, level: 'L2', why: /its host runs as uid 0, which it shares/ },
  { title: 'a host that another host can trace is not apart', posture: { ...ROOT, tenants: [A, { ...B, hostUid: A.hostUid }] }, level: 'L2', why: /which it shares/ },
  { title: 'a host that has the uid of some app is not apart', posture: { ...ROOT, tenants: [{ ...A, hostUid: 1001 }, B] }, level: 'L2', why: /which it shares/ },
  { title: 'a host with a uid of its own is', posture: { ...ROOT, tenants: [A, B] }, level: 'L3', why: /uid 1000 is its app's alone; its host runs as uid 2100000000, which is nobody else's/ },
  { title: 'a tenant without a host gets one of its own', posture: { ...ROOT, tenants: [{ ...A, hostUid: undefined }, B] }, level: 'L3', why: /no host of it runs, and the next gets a uid of its own/ },
  { title: 'where hosts get none, that is said', posture: { ...ROOT, givesUids: false, tenants: [{ ...A, hostUid: undefined }, B] }, level: 'L2', why: /the next runs as p2pd does/ }
] satisfies Array<{ title: string, posture: Posture, level: Level, why: RegExp }>) {
  test(title, t => {
    const found = isolationOf('a', posture)
    t.is(found.level, level)
    t.regex(found.why, why)
  })
}

test('a daemon is as apart as its least tenant, which is named', t => {
  t.is(least([]), undefined)
  const tenants = [A, B, { name: 'c', appUid: 0, hostUid: 2_100_000_002 }]
  const found = least(tenants.map(({ name }) => ({ name, ...isolationOf(name, { ...ROOT, tenants }) })))
  t.is(found?.level, 'L0')
  t.regex(found?.why ?? '', /^of c; c: its app runs as uid 0/)
})
