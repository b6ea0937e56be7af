/**
 * What `p2pd -help` prints of classic mode: generated from the table, so it cannot promise what is refused.
 */
import type { ClassicFlag } from './classicTable.ts'
import { CLASSIC_FLAGS } from './classicTable.ts'
import type { GoType } from './goValues.ts'

const EXAMPLES = `Classic mode: one host behind one control socket, with the flags of go-libp2p-daemon.

Examples:
  p2pd                                        control socket /tmp/p2pd.sock, any free port
  p2pd -listen /unix/tmp/my.sock -id my.key   another socket, a lasting identity
  p2pd -listen /ip4/127.0.0.1/tcp/0 -hostAddrs /ip4/0.0.0.0/tcp/4001
`

/** After a flag: a boolean needs nothing. */
const ARGUMENT: Readonly<Record<GoType, string>> = {
  bool: '',
  string: ' TEXT',
  int: ' NUMBER',
  uint: ' NUMBER',
  duration: ' DURATION'
}

export function classicUsage (): string {
  const of = (...statuses: ReadonlyArray<ClassicFlag['status']>): ClassicFlag[] => CLASSIC_FLAGS.filter(({ status }) => statuses.includes(status))
  return [
    EXAMPLES,
    section('Flags:', of('honoured')),
    section('Refused unless the value is the one shown:', of('refused')),
    section('Accepted with a warning:', of('warned')),
    section('Accepted, and nothing is lost:', of('ignored'))
  ].join('\n')
}

function section (title: string, flags: readonly ClassicFlag[]): string {
  return [title, ...flags.map(line), ''].join('\n')
}

function line (flag: ClassicFlag): string {
  const left = flag.status === 'refused' ? `-${flag.name}=${flag.accepted}` : `-${flag.name}${ARGUMENT[flag.type]}`
  const right = flag.status === 'honoured' ? flag.help + defaultOf(flag) : flag.why
  return `  ${left.padEnd(40)} ${right}`
}

function defaultOf ({ value }: ClassicFlag): string {
  return value === '' || value === false ? '' : ` (default ${value})`
}
