/**
 * Running the generator before everything else on the machine, so that its clock shows what a daemon takes and not how long
 * the generator itself waited for a processor. Needs root and util-linux.
 */
import { spawnSync } from 'node:child_process'

const CHRT = ['chrt', '--rr', '1']

let able: boolean | undefined

export function canRealTime (): boolean {
  able ??= spawnSync(CHRT[0] ?? '', [...CHRT.slice(1), 'true']).status === 0
  return able
}

export const realTime = (command: readonly string[]): readonly string[] => canRealTime() ? [...CHRT, ...command] : command
