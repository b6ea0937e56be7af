/**
 * Who runs before whom on the machine of the benchmark.
 *
 * The generator runs before everything else, so that its clock shows what a daemon takes and not how long the generator itself
 * waited for a processor; that needs root. What belongs to the attacker and not to p2pd (its programs, the peer that helps it)
 * gets only what nobody else wants: a program that is busy takes processor time from all others, with or without a daemon, and
 * that is not what is being measured.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

/** util-linux, everywhere. */
const FIRST = ['chrt', '--rr', '1']
const LAST = ['chrt', '--idle', '0']

/** Lowest weight of a session: sched(7), the autogroup feature. */
const LAST_NICE = '19'

const works = ([program = '', ...args]: readonly string[]): boolean => spawnSync(program, [...args, 'true']).status === 0

let able: boolean | undefined

export function canBeFirst (): boolean {
  able ??= works(FIRST)
  return able
}

export const first = (command: readonly string[]): readonly string[] => canBeFirst() ? [...FIRST, ...command] : command

export const last = (command: readonly string[]): readonly string[] => [...LAST, ...command]

/** Where Linux shares processors out among sessions first, the priority of a process says nothing outside of its own. */
export function makeSessionLast (leader: number): void {
  try {
    writeFileSync(`/proc/${leader}/autogroup`, LAST_NICE)
  } catch {
    // No such feature in this kernel, or switched off: then the priority of the process is what counts.
  }
}
