/**
 * The same contract, held against go-libp2p-daemon v0.9.2: that it can be kept by what clients were written for, and that
 * what is said of the differences is so. Runs when P2PD_GO_DAEMON names that daemon's binary.
 */
import { readFileSync } from 'node:fs'
import test from 'ava'
import { GO_DAEMON } from '../helpers/daemons.ts'
import { controlContract } from './contract.ts'
import { GO_DIFFERENCES } from './differences.ts'
import { go } from './worlds.ts'

if (GO_DAEMON !== undefined) controlContract(test, 'go-libp2p-daemon', go, { differences: GO_DIFFERENCES })

test('proto/PROTOCOL.md lists every difference that is tested, and no other', t => {
  const document = readFileSync(new URL('../../proto/PROTOCOL.md', import.meta.url), 'utf8')
  const [, table = ''] = document.split('## Differences from go-libp2p-daemon v0.9.2, and why')
  const listed = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name)
  t.deepEqual(listed.toSorted(), [...GO_DIFFERENCES].toSorted())
})
