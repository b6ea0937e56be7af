/**
 * A command line by the rules of Go's `flag` package: words -> typed values.
 *
 * `-x` and `--x` are the same; a boolean takes its value only after `=`; any other takes it after `=` or as the next word;
 * the last of several counts; the first word that is no flag ends them, and so does `--`. Knows nothing of what a flag
 * means. Where Go stops at the first fault, this goes on, to report all of them.
 */
import type { Fault } from '../errors.ts'
import { parseGoValue } from './goValues.ts'
import type { GoType, GoValue } from './goValues.ts'
import { nearest } from './nearest.ts'
import { show, showKey } from './show.ts'

export interface ParsedFlags {
  /** Only what was given. */
  values: Map<string, GoValue>
  /** What came after the flags. Go's daemon never looks at it. */
  rest: string[]
  /** `-h` or `-help` was met; Go prints the usage then and looks no further. */
  help: boolean
  faults: Fault[]
}

export function parseGoFlags (argv: readonly string[], types: ReadonlyMap<string, GoType>): ParsedFlags {
  const parsed: ParsedFlags = { values: new Map(), rest: [], help: false, faults: [] }
  const fault = (path: string, what: string): void => { parsed.faults.push({ file: 'argv', path, what }) }
  const words = [...argv]
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') break
    if (!word.startsWith('-') || word === '-') {
      words.unshift(word)
      break
    }
    const [, name = '', text] = /^--?([^=]*)(?:=(.*))?$/s.exec(word) ?? []
    if (name === '' || name.startsWith('-')) {
      fault('', `${show(word)} is no flag`)
      continue
    }
    const type = types.get(name)
    if (type === undefined && (name === 'h' || name === 'help')) {
      parsed.help = true
      break
    }
    if (type === undefined) {
      fault(flagPath(name), unknown(name, types))
      // Go would stop here. Its value, if the next word is one, must not be taken for the end of the flags.
      if (text === undefined && words[0]?.startsWith('-') === false) words.shift()
      continue
    }
    const value = text ?? (type === 'bool' ? 'true' : words.shift())
    if (value === undefined) {
      fault(flagPath(name), `needs a value: -${name}=VALUE`)
      continue
    }
    const result = parseGoValue(type, value)
    if ('wanted' in result) fault(flagPath(name), `${result.wanted}, found ${show(value)}`)
    else parsed.values.set(name, result.value)
  }
  parsed.rest = words
  return parsed
}

function flagPath (name: string): string {
  return `-${showKey(name)}`
}

function unknown (name: string, types: ReadonlyMap<string, GoType>): string {
  const meant = nearest(name, types.keys())
  return meant === undefined ? 'unknown flag; p2pd -help lists them' : `unknown flag; did you mean -${meant}?`
}
