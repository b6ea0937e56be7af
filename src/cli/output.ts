/**
 * What commands print: tables for people, JSON where it was asked for, and nothing that could play tricks on a terminal.
 */
import Table from 'cli-table3'
import { safeText } from '../log.ts'

/** No sentence of ours is longer; what came from outside may be, and is not worth more of anybody's screen. */
const MAX_CHARACTERS = 4096

/** What safeText() leaves whole, in code points of up to two characters each. */
const PIECE = /.{1,128}/gsu

const MAX_WORDS = 5

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** A table without lines, readable and easy to cut. */
export function table (head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const border = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' }
  const output = new Table({ head: [...head], chars: border, style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 } })
  for (const row of rows) output.push([...row])
  return `${output.toString().split('\n').map(line => line.trimEnd()).join('\n')}\n`
}

/** Names and what they are, one a line. */
export function list (entries: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(entries).map(name => name.length))
  return Object.entries(entries).map(([name, what]) => `${name.padEnd(width)}  ${what}\n`).join('')
}

/** `a, b, c, d and 60 more`: no more than fit into a line. --json has them all. */
export function some (words: readonly string[]): string {
  const more = words.length - MAX_WORDS
  return sentence(`${words.slice(0, MAX_WORDS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`)
}

/** `64.2 MiB` */
export function size (bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1)
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`
}

/** A sentence that may repeat text from outside, on one line: as safeText() makes it safe, but not cut to a log field. */
export function sentence (text: string): string {
  const cut = text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text
  return (cut.match(PIECE) ?? []).map(safeText).join('')
}

/** Text of several lines, each made safe by itself. */
export function safeLines (text: string): string[] {
  return text.split('\n').map(sentence)
}

export function print (text: string): void {
  process.stdout.write(text)
}

export function printJson (value: unknown): void {
  print(`${JSON.stringify(value)}\n`)
}
