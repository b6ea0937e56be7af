/** From the samples of all runs to one table, or to JSON. */
import { cpus, release, totalmem } from 'node:os'
import Table from 'cli-table3'
import type { Contender } from './contenders/contender.ts'
import { goVersion } from './go.ts'
import { median } from './measures.ts'
import { rows, type Findings, type Row, type RowName } from './rows.ts'

/** The contender that the aims are for, and the one without a network. */
const OURS = 'ours'
const LOCAL = 'local'

/** One cell: a number with its range over the runs, or why there is none. */
export interface Cell { value?: number, low?: number, high?: number, runs: number, failed?: string }

export type Cells = Partial<Record<RowName, Record<string, Cell>>>

/** Puts the findings of each contender (by name, one for each run) together. */
export function collect (found: ReadonlyMap<string, readonly Findings[]>): Cells {
  const cells: Cells = {}
  for (const [name, runs] of found) {
    for (const row of Object.keys(rows) as RowName[]) {
      const samples = runs.map(run => run[row]).filter(sample => sample !== undefined)
      if (samples.length === 0) continue
      const values = samples.filter(sample => typeof sample === 'number')
      const failure = samples.find(sample => typeof sample !== 'number')
      const cell: Cell = { runs: samples.length }
      if (failure !== undefined) cell.failed = failure.failed
      if (values.length > 0) {
        cell.low = Math.min(...values)
        cell.high = Math.max(...values)
        cell.value = together(rows[row], values)
      }
      (cells[row] ??= {})[name] = cell
    }
  }
  return cells
}

function together ({ of, better }: Row, values: readonly number[]): number {
  if (of === 'median') return median(values)
  return better === 'more' ? Math.min(...values) : Math.max(...values)
}

const grouped = (value: number, digits: number): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** A cell's text; the reason of a failure goes to the notes under the table, where there is room for it. */
function show (row: Row, cell: Cell | undefined, notes: string[]): string {
  if (cell === undefined) return '-'
  const value = cell.value === undefined ? '' : grouped(cell.value, row.digits)
  if (cell.failed === undefined) return value
  if (!notes.includes(cell.failed)) notes.push(cell.failed)
  return `${value} failed [${notes.indexOf(cell.failed) + 1}]`.trim()
}

/** `2.90 better`. The tilde says that the runs of both overlap, so that the difference may be noise. */
function ratio (row: Row, ours: Cell | undefined, theirs: Cell | undefined): string {
  if (row.better === 'neither' || ours?.value === undefined || theirs?.value === undefined) return ''
  if (ours.value === theirs.value) return 'same'
  if (ours.value === 0 || theirs.value === 0) return (ours.value > theirs.value) === (row.better === 'more') ? 'better' : 'worse'
  const better = (ours.value > theirs.value) === (row.better === 'more')
  const overlap = (ours.low ?? 0) <= (theirs.high ?? 0) && (theirs.low ?? 0) <= (ours.high ?? 0)
  return `${overlap ? '~' : ''}${grouped(ours.value / theirs.value, 2)} ${better ? 'better' : 'worse'}`
}

/** Which are divided by which: ours by the peers, and what tenants of one machine have by what the network gives. */
function pairsOf (contenders: readonly Contender[]): Array<[one: string, other: string]> {
  const names = contenders.map(({ name }) => name)
  const peers = names.filter(name => name !== OURS && name !== LOCAL)
  const over = (one: string, others: readonly string[]): Array<[string, string]> => names.includes(one) ? others.filter(other => names.includes(other)).map(other => [one, other]) : []
  return [...over(OURS, peers), ...over(LOCAL, [OURS, 'go'])]
}

export function table (cells: Cells, contenders: readonly Contender[]): string {
  const pairs = pairsOf(contenders)
  const drawn = new Table({
    head: ['measure', 'unit', 'good is', ...contenders.map(({ title }) => title), ...pairs.map(pair => pair.join('/'))],
    colAligns: ['left', 'left', 'left', ...contenders.map(() => 'right' as const), ...pairs.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true }
  })
  const notes: string[] = []
  for (const [name, row] of Object.entries(rows) as Array<[RowName, Row]>) {
    const of = cells[name]
    if (of === undefined) continue
    drawn.push([
      row.title, row.unit, row.better === 'neither' ? '' : row.better,
      ...contenders.map(contender => show(row, of[contender.name], notes)),
      ...pairs.map(([one, other]) => ratio(row, of[one], of[other]))
    ])
  }
  return [drawn.toString(), ...notes.map((note, n) => `[${n + 1}] failed: ${note}`)].join('\n')
}

/** Whether p2pd keeps below what it is to keep below; nothing where that was not measured. */
export function aims (cells: Cells): string[] {
  return Object.entries(rows as Record<RowName, Row>).flatMap(([name, row]) => {
    const of = cells[name as RowName]
    return [...aim(row, of?.[OURS]?.value), ...localAim(row, of?.[LOCAL]?.value, of?.[OURS]?.value)]
  })
}

function aim ({ title, unit, digits, most }: Row, value: number | undefined): string[] {
  if (most === undefined || value === undefined) return []
  const found = `${title.trim()}: ${grouped(value, digits)} ${unit}, the aim is ${grouped(most, digits)} ${unit} at most`
  return [value <= most ? `Aim holds: ${found}` : `MISSED, ${found}`]
}

function localAim ({ title, better, local }: Row, value: number | undefined, network: number | undefined): string[] {
  if (local === undefined || value === undefined || network === undefined) return []
  const times = value / network
  const found = `${title.trim()} between tenants of one machine: ${grouped(times, 2)} of what it is over TCP, the aim is ${local} at ${better === 'more' ? 'least' : 'most'}`
  return [(better === 'more' ? times >= local : times <= local) ? `Aim holds: ${found}` : `MISSED, ${found}`]
}

export function machine (): Record<string, string | number> {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 1e9),
    linux: release(),
    node: process.version,
    go: goVersion() ?? 'none'
  }
}
