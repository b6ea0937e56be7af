/**
 * How a fault prints what it found.
 *
 * Owns making text from a file or a command line safe to print: quoted, on one line, without control characters or
 * bidirectional marks, and short. A manifest is written by somebody; the fault about it is read in a terminal and a log.
 */

/** Longest value a fault repeats, in characters: enough to recognise it, too short to flood a log. */
const MAX_SHOWN = 60

/** Controls, format characters (bidirectional marks are among them), lone surrogates, and the two line separators JSON leaves alone. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu

/** A key that needs no quotes to be read as one. */
const PLAIN_KEY = /^[\w.-]{1,60}$/

export function show (value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value === undefined || value === null) return 'nothing'
  return Array.isArray(value) ? 'a list' : 'a mapping'
}

/** A key as part of a fault's path: `limits`, or quoted when it is no plain word. */
export function showKey (key: string): string {
  return PLAIN_KEY.test(key) ? key : quote(key)
}

function quote (text: string): string {
  const short = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
  return JSON.stringify(short).replace(UNPRINTABLE, char => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)
}
