/** Reads the audit log in the directory it is given as a user who may not, and prints what that says. */
import { AuditTrail } from '../../../src/cli/auditTrail.ts'
import { P2pdError } from '../../../src/errors.ts'

if (process.geteuid?.() === 0) process.setuid?.(65534)
try {
  console.log([...new AuditTrail(process.argv[2] ?? '').unread()])
} catch (error) {
  console.log(error instanceof P2pdError ? `${error.code} ${error.message}` : String(error))
}
