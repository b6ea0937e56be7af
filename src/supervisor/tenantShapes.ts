/** What a tenant is made of and what is told of it; what it does is tenant.ts. */
import type { Audit } from '../audit.ts'
import type { HostFigures, HostStart, Registration } from '../link.ts'
import type { Logger } from '../log.ts'
import type { PolicyDocument } from '../policy/document.ts'
import type { BackOff } from './backOff.ts'
import type { HostProcess } from './hostProcess.ts'
import type { Tenant } from './tenant.ts'

export type TenantState =
  /** No host; the next connect starts one. */
  | 'stopped'
  | 'starting'
  | 'running'
  | 'stopping'
  /** Crashed; starts again by itself. */
  | 'backing-off'
  /** Crashed too often; an operator has to look. */
  | 'parked'
  /** Cannot be started until what is wrong is mended; connects are told. */
  | 'failed'

export interface TenantInit {
  readonly name: string
  /** Listening; owned and closed by whoever made it. */
  readonly controlFd: number
  readonly always: boolean
  readonly memoryBytes: number
  readonly start: Omit<HostStart, 'registrations' | 'policy' | 'serviceUid'>
  /** Asked at each start: what is in force then. Absent in classic mode. */
  readonly policy?: () => PolicyDocument
  readonly audit?: Audit
  /** Asked at each start, so that no key is held while no host runs. Rejects with what is wrong and its mend. */
  readonly identity: () => Promise<{ readonly privateKey: Uint8Array, readonly peerId: string }>
  /** Asked at each start: the user its host becomes. Absent where hosts stay the user they are. */
  readonly serviceUid?: () => Promise<number>
  /** See HostProcessInit. */
  readonly actorUid?: (tenant: string) => number | undefined
  /**
   * Its host wants a connection to that of another peer of this machine. `reached` or `notReached` is for the very process that
   * asked: the next one counts its questions from the beginning.
   */
  readonly onReach?: (id: number, peerId: string, asker: HostProcess) => void
  /** Called with the pid of each host as soon as there is one. */
  readonly onSpawn?: (pid: number) => void
  readonly log: Logger
  /** Called at each change of state. */
  readonly onChange?: (tenant: Tenant) => void
  /** Handlers of an earlier host of the same tenant. */
  readonly registrations?: readonly Registration[]
  readonly backOff?: BackOff
}

export interface TenantStatus {
  readonly state: TenantState
  /** Why it is parked, failed or backing off. */
  readonly reason?: string
  readonly pid?: number
  readonly crashes: number
  readonly figures?: HostFigures
}
