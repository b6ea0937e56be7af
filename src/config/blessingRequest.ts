/**
 * A blessing that somebody asks for, on p2pctl's command line or at the admin socket -> a good one, or every fault in it.
 */
import { ConfigError, type Fault } from '../errors.ts'
import { blessedSpecOf, flagsShape, requestShape, type BlessedSpec } from './blessed.ts'
import { shapeFaults } from './shapeFaults.ts'

/** As the options of `p2pctl bless` say it. */
export interface BlessFlags {
  readonly actions: readonly string[]
  readonly resources: readonly string[]
  /** `1h` */
  readonly lifetime: string
}

const OPTIONS: Readonly<Record<string, string>> = { actions: '--action', resources: '--resource', lifetime: '--for' }

/** Throws a ConfigError, in which each fault names its option. */
export function parseBlessFlags (flags: BlessFlags): BlessedSpec {
  const parsed = flagsShape.safeParse(flags, { reportInput: true })
  if (parsed.success) return blessedSpecOf(parsed.data)
  throw new ConfigError(shapeFaults('argv', parsed.error.issues, { shape: flagsShape }).map(toOption))
}

/** Of anything. Throws a ConfigError, in which each fault names its field of the request. */
export function parseBlessing (value: unknown): BlessedSpec {
  const parsed = requestShape.safeParse(value, { reportInput: true })
  if (parsed.success) return parsed.data
  throw new ConfigError(shapeFaults('request', parsed.error.issues, { shape: requestShape }))
}

/** `actions[1]` -> `--action` */
function toOption ({ file, path, what }: Fault): Fault {
  const field = path.replace(/\[\d+\]$/, '')
  return { file, path: OPTIONS[field] ?? path, what }
}
