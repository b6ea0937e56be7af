/**
 * The supervisor of many tenants, put together and taken apart: `p2pd serve`.
 *
 * It makes the sockets, keeps the keys, starts and stops the hosts and answers the operator. It is on no tenant's request
 * path and parses no tenant's bytes.
 */
import { join } from 'node:path'
import type { Settings } from '../config/settings.ts'
import { DEFAULT_SERVICE_UIDS } from '../config/uidRange.ts'
import { P2pdError, messageOf } from '../errors.ts'
import { Keystore } from '../keystore/keystore.ts'
import type { Logger } from '../log.ts'
import { inheritedListeners } from '../os/activation.ts'
import { Cgroups } from '../os/cgroup.ts'
import { takeLock } from '../os/lock.ts'
import { notifyReady, notifyReloading, notifyStopping } from '../os/notify.ts'
import { makeOwnDirectory } from '../os/ownDirectory.ts'
import { closeOnExec } from '../os/process.ts'
import { selfTest } from '../os/selfTest.ts'
import { VERSION } from '../version.ts'
import { openAuditLog } from './auditLog.ts'
import { Blessings } from './blessings.ts'
import { openAdmin, type DaemonStatus } from './admin.ts'
import { openFrontDesk } from './frontDesk.ts'
import { hardenSupervisor } from './harden.ts'
import { shownLimits } from './hostLimits.ts'
import { Roster } from './roster.ts'
import type { Changes, Row } from './rows.ts'
import { RunTree } from './runTree.ts'
import { ServiceUids } from './serviceUids.ts'

const ROOT_UID = 0

/** FileDescriptorName= of packaging/systemd/p2pd.socket. */
const FRONT_DESK_NAME = 'p2pd'

export interface ServeInit {
  readonly settings: Settings
  readonly log: Logger
  /** Called at each change of a tenant's state. */
  readonly onChange?: (row: Row) => void
}

export interface Supervisor extends AsyncDisposable {
  rows (): Row[]
  /** Applies the tenants directory as it is now. Rejects with a ConfigError, and then nothing has changed. */
  reload (): Promise<Changes>
  status (): DaemonStatus
}

/** Resolves when every socket accepts connects. Disposing stops all hosts and removes all sockets. */
export async function serve ({ settings, log, onChange = () => {} }: ServeInit): Promise<Supervisor> {
  const { tenantsDir, policyDir, stateDir, runDir, passphraseFile, auditLevel } = settings
  const uid = process.geteuid?.() ?? 0
  await using opened = new AsyncDisposableStack()
  hardenSupervisor()
  await selfTest()
  makeOwnDirectory(stateDir, 0o700)
  const keystore = opened.use(await Keystore.open({ stateDir, closeOnExec, ...passphraseFile !== undefined && { passphraseFile } }))
  opened.use(takeLock(join(stateDir, 'lock'), `the state directory ${stateDir}`))
  const serviceUids = uid === ROOT_UID ? await ServiceUids.open(stateDir, settings.serviceUids ?? DEFAULT_SERVICE_UIDS) : undefined
  const inherited = inheritedListeners(process.env, process.pid)
  const unknown = [...inherited.keys()].filter(name => name !== FRONT_DESK_NAME)
  if (unknown.length > 0) throw new P2pdError('ERR_CONFIG', `a socket was handed over as ${unknown.map(name => JSON.stringify(name)).join(' and ')}: p2pd takes one, FileDescriptorName=${FRONT_DESK_NAME} in its unit`)
  const hostLimits = Cgroups.open()
  if (hostLimits instanceof Cgroups) opened.use(hostLimits)
  const run = opened.use(new RunTree(runDir, inherited.get(FRONT_DESK_NAME)))
  const audit = opened.use(openAuditLog({ stateDir, level: auditLevel, log }))
  const blessings = opened.use(await Blessings.open({ stateDir, log, onChange: () => { roster.desk.onChange() }, audit: (tenant, event) => { audit.record(tenant, event) } }))
  const roster: Roster = new Roster({ tenantsDir, policyDir, run, keystore, blessings, uid, serviceUids, hostLimits, log, audit, auditAllowed: auditLevel === 'all', onChange })
  opened.defer(async () => { await roster.close() })
  await roster.reload()
  opened.use(openFrontDesk(await run.listenAtFrontDesk(), { candidates: caller => roster.candidates(caller), log }))
  const status = (): DaemonStatus => ({
    version: VERSION,
    pid: process.pid,
    uid,
    isolation: roster.isolation(),
    cgroups: shownLimits(hostLimits),
    policy: { directory: policyDir, ...roster.policy },
    tenantsDir,
    stateDir,
    runDir
  })
  opened.use(openAdmin(await run.listenForOperator(), { roster, blessings: roster.desk, keystore, status, log }))
  const stack = opened.move()
  const told = (): string => `${roster.rows().length} tenants, policy epoch ${roster.policy.epoch}`
  notifyReady(told())
  return {
    rows: () => roster.rows(),
    async reload () {
      notifyReloading()
      try {
        return await roster.reload()
      } finally {
        notifyReady(told())
      }
    },
    status,
    async [Symbol.asyncDispose] () {
      notifyStopping()
      await stack.disposeAsync().catch((error: unknown) => { log.error({ reason: messageOf(error) }, 'not everything could be closed') })
    }
  }
}
