/** What commands print: tables for people, JSON where it was asked for. */
import Table from 'cli-table3'

/** A table without lines, readable and easy to cut. */
export function table (head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const border = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' }
  const output = new Table({ head: [...head], chars: border, style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 } })
  for (const row of rows) output.push([...row])
  return `${output.toString().split('\n').map(line => line.trimEnd()).join('\n')}\n`
}

export function print (text: string): void {
  process.stdout.write(text)
}

export function printJson (value: unknown): void {
  print(`${JSON.stringify(value)}\n`)
}
