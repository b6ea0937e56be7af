/**
 * One manifest -> one tenant, on this machine.
 *
 * Owns what TenantSpec promises: everything is filled in, the app is a uid that the kernel can vouch for. The keys and
 * their bounds are manifest.ts; reading the directory and what two manifests may not share are loadTenants.ts.
 */
import type { Fault } from '../errors.ts'
import { blessedSpecOf, type BlessedSpec } from './blessed.ts'
import type { Manifest } from './manifest.ts'
import { DEFAULT_IDLE_STOP, manifestShape } from './manifest.ts'
import { milliseconds } from './quantities.ts'
import { shapeFaults } from './shapeFaults.ts'
import { show } from './show.ts'
import { parseYaml } from './yaml.ts'

export interface TenantSpec {
  name: string
  /** Who may connect. `user` is there when the manifest names one; what counts is the uid. */
  app: { uid: number, user?: string }
  host: {
    listen: string[]
    /** Whether tenants of this machine reach it without the network stack. */
    local: boolean
    start: 'on-demand' | 'always'
    /** 0: never; always 0 when `start` is `always`. */
    idleStopMs: number
  }
  groups: string[]
  /** What its app may do in the daemon's name, as its manifest says. */
  blessed: BlessedSpec[]
  limits: LimitsSpec
}

/** Every number filled in. Rates are a second's, sizes bytes. */
export interface LimitsSpec {
  connections: number
  streams: number
  handlers: number
  controlConnections: number
  requestsPerSecond: number
  dialsPerSecond: number
  streamsPerSecond: number
  /** 0: as fast as it goes. */
  bytesPerSecond: number
  buffered: number
  descriptors: number
  memoryBytes: number
  inbound: { streams: number, streamsPerPeer: number, connectionsPerPeer: number, connectionsPerSubnet: number, reserved: number }
}

/** What a manifest depends on besides its own text. */
export interface Machine {
  /** The uid p2pd runs as. */
  uid: number
  /** Users by name. A function, because most manifests name none and then nothing has to be read. */
  users: () => ReadonlyMap<string, number>
}

/** The tenant a manifest declares, or everything that is wrong with it. */
export type TenantOrFaults = { spec: TenantSpec } | { faults: Fault[] }

/** What the kernel shows in place of a uid it cannot map: user_namespaces(7), /proc/sys/kernel/overflowuid. */
const OVERFLOW_UID = 65534

const ROOT_UID = 0

/** What a host has open besides its connections: Node's own, listening sockets, and handshakes that have not finished. */
const HOST_DESCRIPTORS = 256

/**
 * @param base name of the file without .yaml, which the tenant's has to be
 */
export function parseTenant (text: string, file: string, base: string, machine: Machine): TenantOrFaults {
  const { value, faults } = parseYaml(text, file)
  if (faults.length > 0) return { faults }
  if (value === null) return { faults: [{ file, path: '', what: `is empty; a manifest begins with \`name: ${base}\`` }] }
  const parsed = manifestShape.safeParse(value, { reportInput: true })
  if (!parsed.success) faults.push(...shapeFaults(file, parsed.error.issues))
  // These two read the bare value, so that what is wrong elsewhere in the file does not hide what is wrong with them.
  const { name, app } = partsOf(value)
  if (name !== undefined && name !== base) {
    faults.push({ file, path: 'name', what: `must be what the file is called; rename one of them, found ${show(name)}` })
  }
  const resolved = resolveApp(app, machine)
  if ('what' in resolved) faults.push({ file, ...resolved })
  if (!parsed.success || 'what' in resolved || faults.length > 0) return { faults }
  return { spec: specOf(parsed.data, resolved) }
}

function specOf ({ name, host, groups, blessed, limits }: Manifest, app: TenantSpec['app']): TenantSpec {
  return { name, app, host: hostOf(host), groups, blessed: blessed.map(blessedSpecOf), limits: limitsOf(limits) }
}

export function hostOf ({ listen, local, start, idleStop }: Manifest['host']): TenantSpec['host'] {
  const idleStopMs = start === 'always' ? 0 : idleStop ?? milliseconds(DEFAULT_IDLE_STOP)
  return { listen, local, start, idleStopMs }
}

/** What is left out follows from what is there. */
export function limitsOf ({ memory, bytesPerSecond = 0, descriptors, inbound, ...counts }: Manifest['limits']): LimitsSpec {
  const { connections, streams, controlConnections } = counts
  return {
    ...counts,
    bytesPerSecond,
    memoryBytes: memory,
    descriptors: descriptors ?? HOST_DESCRIPTORS + connections + streams + controlConnections,
    inbound: {
      ...inbound,
      streams: inbound.streams ?? Math.ceil(streams * 3 / 4),
      streamsPerPeer: inbound.streamsPerPeer ?? Math.ceil(streams / 2),
      connectionsPerSubnet: inbound.connectionsPerSubnet ?? Math.ceil(connections / 2),
      reserved: inbound.reserved ?? Math.floor(connections / 8)
    }
  }
}

/** Name and app of something that may be no manifest at all; each undefined when it is absent or its own shape is wrong. */
function partsOf (value: unknown): Pick<Partial<Manifest>, 'name' | 'app'> {
  const parts: Pick<Partial<Manifest>, 'name' | 'app'> = {}
  if (typeof value !== 'object' || value === null) return parts
  const name = manifestShape.shape.name.safeParse('name' in value ? value.name : undefined)
  const app = manifestShape.shape.app.safeParse('app' in value ? value.app : undefined)
  if (name.success) parts.name = name.data
  if (app.success && app.data !== undefined) parts.app = app.data
  return parts
}

function resolveApp (app: Manifest['app'], machine: Machine): TenantSpec['app'] | Omit<Fault, 'file'> {
  const path = app === undefined ? 'app' : app.user === undefined ? 'app.uid' : 'app.user'
  const uid = app === undefined ? machine.uid : app.uid ?? machine.users().get(app.user ?? '')
  if (uid === undefined) {
    return { path, what: `there is no user ${show(app?.user)} in /etc/passwd; create the user, or write its number: app: { uid: 1000 }` }
  }
  if (uid === OVERFLOW_UID) {
    return { path, what: `uid ${uid} is what the kernel shows for everyone it does not know, so nobody can be told by it` }
  }
  if (machine.uid !== ROOT_UID && uid !== machine.uid) {
    return { path, what: `needs p2pd to run as root; without root only its own user (uid ${machine.uid}) can be an app, found ${show(app?.user ?? uid)}` }
  }
  return app?.user === undefined ? { uid } : { uid, user: app.user }
}
