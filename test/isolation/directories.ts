/**
 * The directories of one daemon in the root suite: what is declared there, users' homes beside them, and the audit log.
 */
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditLine } from '../../src/audit.ts'
import { until } from '../helpers/deadlines.ts'

/** Everything is allowed that the daemon itself does not forbid: what is refused then is refused by construction. */
export const ALLOW_ALL = 'permit (principal, action, resource);\n'

export interface TenantInit {
  readonly uid: number
  readonly groups?: readonly string[]
  /** Beside what is there by default: a loopback address to listen on. */
  readonly host?: object
  readonly limits?: object
}

export class Directories {
  readonly directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
  readonly tenantsDir = join(this.directory, 'tenants')
  readonly policyDir = join(this.directory, 'policy')
  readonly stateDir = join(this.directory, 'state')
  readonly runDir = join(this.directory, 'run')
  readonly admin = join(this.runDir, 'admin.sock')
  readonly frontDesk = join(this.runDir, 'p2pd.sock')
  readonly auditFile = join(this.stateDir, 'audit.jsonl')

  constructor (tenants: Readonly<Record<string, TenantInit>>, policies: Readonly<Record<string, string>>) {
    chmodSync(this.directory, 0o755) // everybody gets to the daemon's own directories: what they let through is under test
    for (const directory of [this.tenantsDir, this.policyDir]) mkdirSync(directory)
    for (const [name, tenant] of Object.entries(tenants)) this.declare(name, tenant)
    for (const [file, cedar] of Object.entries(policies)) this.writePolicy(file, cedar)
  }

  /** Writes a manifest; a reload applies it. */
  declare (name: string, { uid, host = {}, ...rest }: TenantInit): void {
    const manifest = { name, app: { uid }, host: { listen: ['/ip4/127.0.0.1/tcp/0'], ...host }, ...rest } // JSON is YAML
    writeFileSync(join(this.tenantsDir, `${name}.yaml`), `${JSON.stringify(manifest)}\n`)
  }

  undeclare (name: string): void { rmSync(join(this.tenantsDir, `${name}.yaml`)) }

  /** Writes a file of policies; a reload applies it. */
  writePolicy (file: string, cedar: string): void { writeFileSync(join(this.policyDir, file), cedar) }

  socketOf (tenant: string): string { return join(this.runDir, tenant, 'p2pd.sock') }

  /** A directory of that user's own, in an ordinary place with an ordinary mode. */
  homeOf (uid: number): string {
    const home = join(this.directory, `u${uid}`)
    if (existsSync(home)) return home
    mkdirSync(home, { mode: 0o755 })
    chownSync(home, uid, uid)
    return home
  }

  /** Every line so far, oldest first; each has to be JSON. */
  audit (): AuditLine[] {
    if (!existsSync(this.auditFile)) return []
    return readFileSync(this.auditFile, 'utf8').split('\n').filter(line => line !== '').map(line => JSON.parse(line) as AuditLine)
  }

  /** The first line that fits, once it is there. */
  async audited (what: string, fits: (line: AuditLine) => boolean, deadlineMs?: number): Promise<AuditLine> {
    return await until(`an audit line: ${what}`, () => this.audit().find(fits), deadlineMs)
  }

  remove (): void { rmSync(this.directory, { recursive: true, force: true }) }
}
