/**
 * Writes numbered lines to an audit log and rotates it often: `auditWriter.ts STATE-DIRECTORY COUNT MAX-BYTES FILES`.
 */
import { createLog } from '../../../src/log.ts'
import { openAuditLog } from '../../../src/supervisor/auditLog.ts'

const [stateDir = '', count, maxBytes, files] = process.argv.slice(2)
using audit = openAuditLog({ stateDir, level: 'denials', log: createLog('test'), maxBytes: Number(maxBytes), files: Number(files) })
// As many of one tenant as its limits let through.
for (let i = 0; i < Number(count); i++) audit.record(`t${Math.floor(i / 100)}`, { event: 'denied', resource: `/${i}` })
