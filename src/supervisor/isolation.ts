/**
 * How far the kernel keeps tenants apart, said truthfully: nothing here makes it so.
 *
 * L0: all under one uid, the kernel separates nothing. L1: the service has a uid of its own. L2: and each app has its own.
 * L3: and each host has its own service uid.
 */
export interface IsolationLevel { readonly level: 'L0' | 'L1' | 'L2', readonly why: string }

const ROOT_UID = 0

export function isolationOf (uid: number, appUids: readonly number[]): IsolationLevel {
  if (appUids.includes(uid)) return { level: 'L0', why: `an app runs as uid ${uid}, as p2pd itself does: the kernel separates nothing; only accidents are kept apart` }
  const distinct = new Set(appUids).size === appUids.length
  const hosts = uid === ROOT_UID ? 'hosts run as root, not yet under uids of their own' : 'hosts share p2pd\'s uid'
  if (!distinct) return { level: 'L1', why: `some apps share a uid; ${hosts}` }
  return { level: 'L2', why: `every app has its own uid; ${hosts}` }
}
