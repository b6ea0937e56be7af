/** `p2pctl audit`: who was refused what, and what else the daemon decided. Reads the files; no daemon has to run. */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { InvalidArgumentError, type Command } from 'commander'
import { auditPath } from '../../audit.ts'
import { ConfigError, P2pdError } from '../../errors.ts'
import { AuditTable } from '../auditTable.ts'
import { AuditTrail } from '../auditTrail.ts'
import { contextOf, type Context } from '../context.ts'
import { findDaemon } from '../daemon.ts'
import { examples } from '../help.ts'
import { print } from '../output.ts'
import { untilTold } from '../untilTold.ts'

interface Options { follow?: boolean, tenant?: string, denied?: boolean, since?: string, lines?: number }

/** A line of the log that has been read: anything an object can hold, if something else wrote it. */
type Entry = Readonly<Record<string, unknown>>

interface Found { readonly line: string, readonly entry: Entry }

/** One screen. */
const DEFAULT_LINES = 50
/** Printed at once: enough for columns to be as wide as they have to be, and little to hold. */
const BATCH_LINES = 500
/** How soon a new line is shown. Looking costs two system calls. */
const LOOK_MS = 200

export function audit (parent: Command): void {
  parent.command('audit')
    .summary('who was refused what, and what else was decided')
    .description('Shows the audit log, the newest lines last. Reads it from the state directory, whether p2pd runs or not; that takes ' +
      'root, or the user p2pd runs as. A line with `×N` stands for N events; `daemon (by NAME)` is what that tenant did in the daemon\'s name.')
    .option('-f, --follow', 'go on with lines as they come, until Ctrl-C')
    .option('--tenant <name>', 'only what concerns this tenant, or what it did in the daemon\'s name')
    .option('--denied', 'only what was refused, closed or over a limit')
    .option('--since <time>', 'only what is not older, such as 10m, 2h or 7d')
    .option('--lines <count>', `the last so many that fit (default: ${DEFAULT_LINES}, with --since all)`, wholeNumber)
    .addHelpText('after', examples({
      'p2pctl audit': `the last ${DEFAULT_LINES} lines`,
      'p2pctl audit -f --tenant chat': 'what chat does, as it happens',
      'p2pctl audit --denied --since 1h': 'what was refused in the last hour',
      'p2pctl audit --since 7d --json | jq -r .tenant | sort | uniq -c': 'whose it is'
    }))
    .action(async (options: Options, command: Command) => {
      const context = contextOf(command)
      const fits = await filterOf(options)
      const stateDir = await stateDirOf(context)
      using trail = new AuditTrail(stateDir)
      const shown = new Shown(context, fits)
      shown.last(trail, options.lines ?? (options.since === undefined ? DEFAULT_LINES : Infinity))
      if (options.follow === true) return await follow(trail, shown)
      if (trail.unfinished !== '') shown.broken++
      shown.sayBroken()
      if (shown.read === 0) context.note({ event: 'empty', file: auditPath(stateDir) }, `nothing has been recorded yet in ${auditPath(stateDir)}`)
    })
}

/** Prints what fits, and counts what is no line. */
class Shown {
  read = 0
  broken = 0
  readonly #context: Context
  readonly #fits: (entry: Entry) => boolean
  readonly #table = new AuditTable()

  constructor (context: Context, fits: (entry: Entry) => boolean) {
    this.#context = context
    this.#fits = fits
  }

  /** Of all there is by now, the last `count` that fit. */
  last (trail: AuditTrail, count: number): void {
    if (count === Infinity) return this.next(trail)
    const kept: Found[] = []
    for (const found of this.#fitting(trail)) {
      kept.push(found)
      if (kept.length >= 2 * count + BATCH_LINES) kept.splice(0, kept.length - count)
    }
    this.#print(kept.slice(kept.length - Math.min(count, kept.length)))
  }

  /** What has come since, or all there is the first time. */
  next (trail: AuditTrail): void {
    let batch: Found[] = []
    for (const found of this.#fitting(trail)) {
      batch.push(found)
      if (batch.length < BATCH_LINES) continue
      this.#print(batch)
      batch = []
    }
    this.#print(batch)
  }

  sayBroken (): void {
    const { broken } = this
    if (broken > 0) this.#context.note({ event: 'broken', lines: broken }, `left out ${broken === 1 ? 'a line that is' : `${broken} lines that are`} not whole: p2pd ended, or its disk was full, in the middle of writing`)
    this.broken = 0
  }

  * #fitting (trail: AuditTrail): Generator<Found> {
    for (const line of trail.unread()) {
      this.read++
      const entry = entryOf(line)
      if (entry === undefined) this.broken++
      else if (this.#fits(entry)) yield { line, entry }
    }
  }

  #print (found: readonly Found[]): void {
    for (let from = 0; from < found.length; from += BATCH_LINES) {
      const batch = found.slice(from, from + BATCH_LINES)
      print(this.#context.json ? batch.map(({ line }) => `${harmless(line)}\n`).join('') : this.#table.rows(batch.map(({ entry }) => entry)))
    }
  }
}

async function follow (trail: AuditTrail, shown: Shown): Promise<void> {
  const stopped = new AbortController()
  // Whoever reads no further (`| head`) has what they want.
  void Promise.race([untilTold(), once(process.stdout, 'close'), once(process.stdout, 'error')]).catch(() => {}).then(() => { stopped.abort() })
  while (!stopped.signal.aborted) {
    shown.sayBroken()
    await delay(LOOK_MS, undefined, { signal: stopped.signal }).catch(() => {})
    shown.next(trail)
  }
}

/** The running daemon's own, unless another is named. One that does not answer, or not to this user, is no reason not to read. */
async function stateDirOf (context: Context): Promise<string> {
  if (context.named.stateDir !== undefined) return context.named.stateDir
  const daemon = await findDaemon(context).catch((error: unknown) => {
    if (error instanceof ConfigError || !(error instanceof P2pdError)) throw error
    return undefined
  })
  return daemon?.status.stateDir ?? context.settings.stateDir
}

async function filterOf ({ tenant, denied = false, since }: Options): Promise<(entry: Entry) => boolean> {
  const sinceMs = since === undefined ? -Infinity : Date.now() - await milliseconds(since)
  return entry => (tenant === undefined || entry['tenant'] === tenant || entry['actor'] === tenant) &&
    (!denied || entry['decision'] === 'deny') &&
    Date.parse(String(entry['time'])) >= sinceMs
}

/** Loaded only here: what understands durations understands manifests too. */
async function milliseconds (text: string): Promise<number> {
  const { duration } = await import('../../config/quantities.ts')
  const parsed = duration({ min: '1ms', max: '3650d' }).safeParse(text)
  if (parsed.success) return parsed.data
  throw new P2pdError('ERR_CONFIG', `option '--since <time>' argument '${text}' is invalid: name a time such as 90s, 10m, 2h or 7d`)
}

function wholeNumber (text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Wanted a whole number.')
  return Number(text)
}

/** Undefined where it is no line of the log. */
function entryOf (line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && 'time' in value && !Number.isNaN(Date.parse(String(value.time))) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** The line as it is; but should it hold what plays tricks on a terminal, that as the escapes JSON has for it. */
function harmless (line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, text => text.split('').map(unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''))
}
