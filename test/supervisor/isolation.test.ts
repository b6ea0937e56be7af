import test from 'ava'
import { isolationOf } from '../../src/supervisor/isolation.ts'

for (const { title, uid, apps, level, why } of [
  { title: 'an app that runs as p2pd does is kept apart by nothing', uid: 1000, apps: [1000], level: 'L0', why: /as p2pd itself does/ },
  { title: 'one such app is enough', uid: 0, apps: [1000, 0], level: 'L0', why: /uid 0/ },
  { title: 'apps that share a uid are not kept apart from each other', uid: 0, apps: [1000, 1000], level: 'L1', why: /some apps share a uid/ },
  { title: 'apps with uids of their own are', uid: 0, apps: [1000, 1001], level: 'L2', why: /hosts run as root/ }
] as const) {
  test(title, t => {
    const found = isolationOf(uid, apps)
    t.is(found.level, level)
    t.regex(found.why, why)
  })
}
