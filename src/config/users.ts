/**
 * Users of this machine, by name.
 *
 * Reads passwd(5) as text: Node has no getpwnam(), and starting a program to ask would make loading the configuration
 * depend on one. So users that come from a directory service have to be written by number; the fault says so.
 */
import { readFileSync } from 'node:fs'
import { ConfigError, messageOf } from '../errors.ts'

const PASSWD = '/etc/passwd'

/** The uid of every user in a passwd file. A machine without the file (a small container) has no users with names. */
export function readUsers (file = PASSWD): ReadonlyMap<string, number> {
  const users = new Map<string, number>()
  for (const line of textOf(file).split('\n')) {
    const [name = '', , uid = ''] = line.split(':')
    // Of two lines for one name the first counts, as for getpwnam().
    if (name !== '' && /^\d{1,10}$/.test(uid) && !users.has(name)) users.set(name, Number(uid))
  }
  return users
}

function textOf (file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw new ConfigError([{ file, path: '', what: `cannot be read (${messageOf(error)})` }])
  }
}
