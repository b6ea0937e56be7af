/**
 * The uids that hosts run under: a range of them, that nobody else on the machine may have a use for.
 *
 * Judges a range by what the machine says of users. Which tenant gets which uid is the supervisor's (serviceUids.ts).
 */
import { readFileSync } from 'node:fs'
import { readUsers } from './users.ts'

/** Both are in it. */
export interface UidRange { readonly first: number, readonly last: number }

/**
 * No system hands these out by itself: local users are below 65536, containers and sub-uids end at 1879048191, uids that SSSD and
 * FreeIPA make up for directory users at 2000200000, and what systemd reserves begins at 2147352576.
 */
export const DEFAULT_SERVICE_UIDS: UidRange = { first: 2_100_000_000, last: 2_100_009_999 }

/** Beyond it, one for each process id there can be: of the hosts of classic daemons, which keep no state. */
export function classicServiceUid (pid: number): number {
  return DEFAULT_SERVICE_UIDS.last + 1 + pid
}

/** Above it, uids are negative numbers for some programs. */
const MAX_UID = 2 ** 31 - 2
/** What the kernel shows for everyone it does not know. */
const OVERFLOW_UID = 65534

/** `FIRST-LAST`; a sentence about what is wrong with it otherwise. */
export function parseUidRange (text: string): UidRange | string {
  const [, first, last] = (/^(\d{1,10})-(\d{1,10})$/.exec(text) ?? []).map(Number)
  if (first === undefined || last === undefined || first > last || last > MAX_UID) return `must be FIRST-LAST, two uids up to ${MAX_UID}, found ${JSON.stringify(text.slice(0, 40))}`
  if (first === 0) return 'must not hold uid 0, root: hosts are never root'
  if (first <= OVERFLOW_UID && last >= OVERFLOW_UID) return `must not hold uid ${OVERFLOW_UID}, which the kernel shows for everyone it does not know`
  return { first, last }
}

export function isIn ({ first, last }: UidRange, uid: number): boolean {
  return uid >= first && uid <= last
}

export interface RangeSource {
  readonly passwd?: string
  readonly subordinate?: readonly string[]
  readonly mappings?: readonly string[]
}

/** Why hosts cannot have these uids on this machine; nothing if they can. */
export function whyNotThisRange (range: UidRange, { passwd, subordinate = ['/etc/subuid', '/etc/subgid'], mappings = ['/proc/self/uid_map', '/proc/self/gid_map'] }: RangeSource = {}): string[] {
  const mend = 'name another range with --service-uids FIRST-LAST'
  const found: string[] = []
  for (const [name, uid] of readUsers(passwd)) {
    if (isIn(range, uid)) found.push(`holds uid ${uid}, which is the user ${name}'s: ${mend}`)
  }
  for (const file of subordinate) {
    for (const [owner = '', first, count] of linesOf(file, ':')) {
      if (overlaps(range, Number(first), Number(count))) found.push(`holds uids that ${file} gives to ${owner}: ${mend}`)
    }
  }
  for (const file of mappings) {
    const lines = linesOf(file, /\s+/)
    const isMapped = lines.length === 0 || lines.some(([first, , count]) => range.first >= Number(first) && range.last < Number(first) + Number(count))
    if (!isMapped) found.push(`holds uids that do not exist in this container (${file}): ${mend}`)
  }
  return found
}

function overlaps ({ first, last }: UidRange, begin: number, count: number): boolean {
  return begin <= last && begin + count > first
}

function linesOf (file: string, separator: string | RegExp): string[][] {
  try {
    return readFileSync(file, 'utf8').split('\n').map(line => line.trim().split(separator)).filter(fields => fields.length === 3)
  } catch {
    return [] // no such file on this machine
  }
}
