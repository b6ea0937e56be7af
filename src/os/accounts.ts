/** What passwd(5) says of uids. */
import { readFileSync } from 'node:fs'

/** The group of those who are in none: the usual number of `nogroup`, which owns nothing. */
const NO_GROUP = 65534

/** The primary group of a user; for one that has no entry, the group of nobody. */
export function primaryGroupOf (uid: number, file = '/etc/passwd'): number {
  try {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const [, , id, group] = line.split(':')
      if (id === String(uid) && group !== undefined && /^\d{1,10}$/.test(group)) return Number(group)
    }
  } catch {
    // A small container has no such file, and then no user has an entry.
  }
  return NO_GROUP
}
