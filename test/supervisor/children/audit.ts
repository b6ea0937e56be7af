/**
 * Writes an audit log in a process of its own: `audit.ts SCENE STATE-DIRECTORY`. `killed` ends by SIGKILL right after its
 * last event; `full` meets a disk that refuses, made of RLIMIT_FSIZE: no file of this process can grow beyond it, root or not.
 */
import { statSync } from 'node:fs'
import { auditPath } from '../../../src/audit.ts'
import { createLog } from '../../../src/log.ts'
import { openAuditLog } from '../../../src/supervisor/auditLog.ts'
import { FakeClock } from '../../helpers/fakeClock.ts'
import { UNLIMITED, libc } from '../../keystore/world.ts'

const [, , scene, stateDir = ''] = process.argv
const clock = new FakeClock()
const audit = openAuditLog({ stateDir, level: 'denials', log: createLog('test', 'info'), clock })
let recorded = 0
const record = (count: number): void => {
  for (let i = 0; i < count; i++) audit.record('chat', { event: 'denied', action: 'openStream', resource: `Protocol /${recorded++}` })
}

if (scene === 'killed') {
  record(100)
  process.kill(process.pid, 'SIGKILL')
}
if (scene === 'full') {
  // Without a handler the signal ends the process before write(2) can fail.
  process.on('SIGXFSZ', () => {})
  record(5)
  // Room for half a line.
  libc.limitFileSize(BigInt(statSync(auditPath(stateDir)).size + 50))
  record(5)
  clock.advance(60_000)
  record(5)
  libc.limitFileSize(UNLIMITED)
  record(5)
  clock.advance(60_000)
  record(5)
  audit[Symbol.dispose]()
}
