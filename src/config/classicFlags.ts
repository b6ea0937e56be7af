/**
 * The command line of classic mode -> options, or every fault in it at once.
 *
 * Same flags and same results as go-libp2p-daemon, as far as classicTable.ts says `honoured`. Owns the judging of values;
 * the syntax is goFlags.ts, and what each flag may be is the table.
 */
import { ConfigError } from '../errors.ts'
import type { Fault } from '../errors.ts'
import { CLASSIC_FLAGS, FLAG_DEFAULTS, FLAG_TYPES } from './classicTable.ts'
import { parseControlAddr } from './controlAddr.ts'
import { parseGoFlags } from './goFlags.ts'
import type { GoValue } from './goValues.ts'
import { whyNoAnnounceAddr, whyNoListenAddr } from './hostAddrs.ts'
import { show } from './show.ts'

export interface ClassicOptions {
  /** Control socket, in Go's form: `/unix/tmp/p2pd.sock`, `/ip4/127.0.0.1/tcp/0`. */
  listen: string
  quiet: boolean
  /** Holds the PrivateKey protobuf; absent: an identity for this run only. */
  idFile?: string
  /** What the host listens on; empty with noListen. */
  hostAddrs: string[]
  /** Instead of those listened on; empty: those. */
  announceAddrs: string[]
  noListen: boolean
  echo: boolean
  /** Lines for stderr: what was asked for and is not done. */
  warnings: string[]
  /** Print the usage and end with 0, as Go does; all else is to be ignored. */
  help: boolean
}

/** Where the host listens when nothing is said: as go-libp2p, but TCP only. */
const DEFAULT_HOST_ADDRS = ['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/0']

export function parseClassicFlags (argv: readonly string[]): ClassicOptions {
  const { values, rest, help, faults } = parseGoFlags(argv, FLAG_TYPES)
  const warnings = judge(values, faults)
  const valueOf = (name: string): GoValue | undefined => values.get(name) ?? FLAG_DEFAULTS.get(name)
  const isOn = (name: string): boolean => valueOf(name) === true
  const text = (name: string): string => String(valueOf(name))
  const noListen = isOn('noListenAddrs')
  const control = parseControlAddr(text('listen'))
  if ('why' in control) faults.push({ file: 'argv', path: '-listen', what: `${control.why}, found ${show(text('listen'))}` })
  const hostAddrs = addresses('-hostAddrs', text('hostAddrs'), whyNoListenAddr, faults)
  const announceAddrs = addresses('-announceAddrs', text('announceAddrs'), whyNoAnnounceAddr, faults)
  if (noListen && hostAddrs.length > 0) warnings.push('-hostAddrs: has no effect with -noListenAddrs')
  if (rest.length > 0) {
    warnings.push(`everything from ${show(rest[0])} on is ignored: it is no flag, and ends them (a boolean is written -flag=false)`)
  }
  if (faults.length > 0 && !help) throw new ConfigError(faults)
  return {
    listen: 'addr' in control ? control.addr : '',
    quiet: isOn('q'),
    // As in Go, empty is the same as absent.
    ...text('id') !== '' && { idFile: text('id') },
    hostAddrs: noListen ? [] : hostAddrs.length > 0 ? hostAddrs : [...DEFAULT_HOST_ADDRS],
    announceAddrs,
    noListen,
    echo: isOn('echo'),
    warnings,
    help
  }
}

/** What the table says of the flags that were given: faults are added, warnings returned. */
function judge (values: ReadonlyMap<string, GoValue>, faults: Fault[]): string[] {
  const warnings: string[] = []
  for (const flag of CLASSIC_FLAGS) {
    const value = values.get(flag.name)
    if (flag.status === 'honoured' || flag.status === 'ignored' || value === undefined || value === flag.accepted) continue
    if (flag.status === 'refused') faults.push({ file: 'argv', path: `-${flag.name}`, what: flag.why })
    else warnings.push(`-${flag.name}: ${flag.why}`)
  }
  return warnings
}

function addresses (path: string, list: string, whyNot: (addr: string) => string | undefined, faults: Fault[]): string[] {
  const addrs = list === '' ? [] : list.split(',')
  for (const addr of addrs) {
    const why = whyNot(addr)
    if (why !== undefined) faults.push({ file: 'argv', path, what: `${why}, found ${show(addr)}` })
  }
  return addrs
}
