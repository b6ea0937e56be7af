/**
 * How far the kernel keeps a tenant apart, said truthfully: nothing here makes it so, and the uid of a host that runs is what
 * the kernel says of it.
 *
 * L0: the app has the service's uid, so the kernel separates nothing. L1: the service has a uid of its own. L2: and so has
 * this app. L3: and so has its host.
 */
export type Level = 'L0' | 'L1' | 'L2' | 'L3'

export interface IsolationLevel { readonly level: Level, readonly why: string }

export interface TenantUsers {
  readonly name: string
  readonly appUid: number
  /** As it is, of a host that runs; undefined when none does. */
  readonly hostUid: number | undefined
}

export interface Posture {
  /** The user p2pd itself runs as. */
  readonly daemonUid: number
  /** Whether hosts are given users of their own when they start. */
  readonly givesUids: boolean
  readonly tenants: readonly TenantUsers[]
}

const ROOT_UID = 0

/** Of the tenant called `name`, which has to be one of them. */
export function isolationOf (name: string, { daemonUid, givesUids, tenants }: Posture): IsolationLevel {
  const others = tenants.filter(tenant => tenant.name !== name)
  const { appUid, hostUid } = tenants.find(tenant => tenant.name === name) ?? { appUid: daemonUid, hostUid: daemonUid }
  const sharing = others.filter(other => other.appUid === appUid).map(other => other.name)
  const isHostApart = hostUid !== undefined && hostUid !== daemonUid && hostUid !== ROOT_UID &&
    tenants.every(tenant => tenant.appUid !== hostUid) && others.every(other => other.hostUid !== hostUid)
  const host = hostOf(hostUid, isHostApart, givesUids)
  if (appUid === daemonUid) return { level: 'L0', why: `its app runs as uid ${appUid}, as p2pd itself does: the kernel keeps nothing from it; ${host}` }
  if (sharing.length > 0) return { level: 'L1', why: `its app runs as uid ${appUid}, and so does that of ${shown(sharing)}: the kernel keeps p2pd from them and not them from each other; ${host}` }
  const isApart = isHostApart || (hostUid === undefined && givesUids)
  return { level: isApart ? 'L3' : 'L2', why: `uid ${appUid} is its app's alone; ${host}` }
}

/** The least of them, and whose; undefined where there is no tenant. */
export function least (levels: ReadonlyArray<IsolationLevel & { name: string }>): IsolationLevel | undefined {
  const [lowest] = levels.toSorted((a, b) => a.level < b.level ? -1 : 1)
  if (lowest === undefined) return undefined
  const names = levels.filter(({ level }) => level === lowest.level).map(({ name }) => name)
  return { level: lowest.level, why: names.length === levels.length ? `of every tenant; ${lowest.name}: ${lowest.why}` : `of ${shown(names)}; ${lowest.name}: ${lowest.why}` }
}

function hostOf (uid: number | undefined, isApart: boolean, givesUids: boolean): string {
  if (uid === undefined) return givesUids ? 'no host of it runs, and the next gets a uid of its own' : 'no host of it runs, and the next runs as p2pd does'
  return isApart ? `its host runs as uid ${uid}, which is nobody else's` : `its host runs as uid ${uid}, which it shares`
}

/** Names of some, so that a hundred tenants make no line of a hundred names. */
function shown (names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
}
