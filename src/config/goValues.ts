/**
 * The values of Go's flags: strconv.ParseBool, ParseInt with base 0, time.ParseDuration.
 *
 * Takes what Go takes, because scripts that start a daemon were written against it: `T`, `0x10`, `1_000`, `1h30m`, `1.5s`.
 */
export type GoType = 'bool' | 'string' | 'int' | 'uint' | 'duration'

/** A duration is in milliseconds. */
export type GoValue = boolean | string | number

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map(text => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map(text => [text, false] as const)
])

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6], ['us', 1e-3], ['\u00b5s', 1e-3], ['\u03bcs', 1e-3], ['ms', 1], ['s', 1000], ['m', 60_000], ['h', 3_600_000]
])

const DURATION = /^[-+]?((\d+(\.\d*)?|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$/

const DURATION_PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g

/** Digits with single underscores between them or after the prefix, as Go allows them when the base is read from the text. */
const INTEGER = /^([-+]?)(0[xX](_?[\da-fA-F])+|0[bB](_?[01])+|0[oO](_?[0-7])+|0(_?[0-7])+|0|[1-9](_?\d)*)$/

const INT64_MAX = 2n ** 63n - 1n

const UINT64_MAX = 2n ** 64n - 1n

/** The value, or what a text of this type has to be. */
export function parseGoValue (type: GoType, text: string): { value: GoValue } | { wanted: string } {
  switch (type) {
    case 'string': return { value: text }
    case 'bool': return orWanted(BOOLEANS.get(text), 'must be true or false (or 1, 0, t, f)')
    case 'int': return orWanted(integer(text, -INT64_MAX - 1n, INT64_MAX), 'must be a whole number')
    case 'uint': return orWanted(/^[-+]/.test(text) ? undefined : integer(text, 0n, UINT64_MAX), 'must be a whole number, 0 or more')
    case 'duration': return orWanted(duration(text), 'must be a duration such as 30s, 100ms or 0')
  }
}

function orWanted (value: GoValue | undefined, wanted: string): { value: GoValue } | { wanted: string } {
  return value === undefined ? { wanted } : { value }
}

function integer (text: string, min: bigint, max: bigint): number | undefined {
  const [, sign, digits = ''] = INTEGER.exec(text) ?? []
  if (sign === undefined) return undefined
  // A leading 0 is octal in Go; BigInt() wants to see 0o.
  const magnitude = BigInt(digits.replaceAll('_', '').replace(/^0(?=\d)/, '0o'))
  const value = sign === '-' ? -magnitude : magnitude
  return value < min || value > max ? undefined : Number(value)
}

function duration (text: string): number | undefined {
  // The one number that needs no unit.
  if (/^[-+]?0$/.test(text)) return 0
  if (!DURATION.test(text)) return undefined
  let total = 0
  for (const [, amount, unit = ''] of text.matchAll(DURATION_PART)) total += Number(amount) * (UNIT_MS.get(unit) ?? 0)
  return text.startsWith('-') ? -total : total
}
