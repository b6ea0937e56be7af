/** The rows of the table: what each is called, its unit, and which way is better. Measuring is in measures.ts. */

export interface Row {
  title: string
  unit: string
  /** `neither` has no ratio: it says something about the run, not about the daemon. */
  better: 'more' | 'less' | 'neither'
  /** Runs are put together by their median, or by the worst of them: a loss in one run of five is a loss. */
  of: 'median' | 'worst'
  digits: number
  /** What p2pd is to keep below, in the row's unit. */
  most?: number
  /** What it is to reach between tenants of one machine, as a multiple of its own way over the network: at least or at most, as the row is better. */
  local?: number
}

type Extra = Partial<Pick<Row, 'of' | 'digits' | 'most' | 'local'>>

const MIB_IN_MB = 2 ** 20 / 1e6

const more = (title: string, unit: string, extra: Extra = {}): Row => ({ title, unit, better: 'more', of: 'median', digits: 0, ...extra })
const less = (title: string, unit: string, extra: Extra = {}): Row => ({ title, unit, better: 'less', of: 'median', digits: 0, ...extra })

export const rows = {
  stream1: more('1 stream, one way', 'MB/s', { local: 2 }),
  lost1: less('  bytes lost, worst run', 'MB', { of: 'worst', digits: 1 }),
  cpu1: less('  CPU of both daemons', 's/GB', { digits: 2 }),
  stream8: more('8 streams, one way', 'MB/s', { local: 2 }),
  lost8: less('  bytes lost, worst run', 'MB', { of: 'worst', digits: 1 }),
  cpu8: less('  CPU of both daemons', 's/GB', { digits: 2 }),
  peak: less('  resident, both, peak', 'MB'),
  end: less('  resident, both, 1 s after', 'MB'),
  privateEnd: less('  private, both, 1 s after', 'MB'),
  generator: { ...less('  CPU of the load generator', 's/GB', { digits: 2 }), better: 'neither' },

  rtt50: less('64-byte round trip, p50', 'us', { local: 1 }),
  rtt99: less('64-byte round trip, p99', 'us'),

  open1p50: less('open + first echo, 1 at a time, p50', 'ms', { digits: 2, local: 1 }),
  open1p99: less('open + first echo, 1 at a time, p99', 'ms', { digits: 2 }),
  open1rate: more('  opens', '1/s'),
  open1cpu: less('  CPU of both daemons', 'ms/open', { digits: 2 }),
  open1failed: less('  failed, worst run', '%', { of: 'worst', digits: 1 }),
  open16p50: less('open + first echo, 16 at a time, p50', 'ms', { digits: 2 }),
  open16p99: less('open + first echo, 16 at a time, p99', 'ms', { digits: 2 }),
  open16rate: more('  opens', '1/s'),
  open16cpu: less('  CPU of both daemons', 'ms/open', { digits: 2 }),
  open16failed: less('  failed, worst run', '%', { of: 'worst', digits: 1 }),

  keptRate: more('IDENTIFY, kept connection', '1/s'),
  keptP50: less('IDENTIFY, kept connection, p50', 'us'),
  freshRate: more('IDENTIFY, fresh connection', '1/s'),
  freshP50: less('IDENTIFY, fresh connection, p50', 'us'),

  idleAll: less('private, all processes, 2 idle hosts', 'MB', { digits: 1 }),
  idleHost: less('private, an idle host process', 'MB', { digits: 1, most: 45 * MIB_IN_MB }),
  idle0: less('  connected, 0 streams', 'MB', { digits: 1 }),
  idle1000: less('  connected, 1,000 idle streams', 'MB', { digits: 1 }),
  perStream: less('  for each idle stream held', 'kB', { digits: 1 }),
  held: more('  of 1,000 idle streams, held', ''),

  start: less('start of a tenant, to IDENTIFY', 'ms', { most: 200 }),
  startClassic: less('start of a classic daemon, to IDENTIFY', 'ms')
} satisfies Record<string, Row>

export type RowName = keyof typeof rows

/** What one run of one contender found for some rows; a measure that failed gives the reason for each. */
export type Sample = number | { failed: string }
export type Findings = Partial<Record<RowName, Sample>>
