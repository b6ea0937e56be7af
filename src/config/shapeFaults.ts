/**
 * What zod found wrong with a manifest -> faults that an operator can act on.
 *
 * Owns the wording: what it must be, then what was found. A key nobody knows gets the nearest known one beside it.
 */
import type { core } from 'zod'
import type { Fault } from '../errors.ts'
import { manifestSchema } from './manifest.ts'
import { nearest } from './nearest.ts'
import { show, showKey } from './show.ts'

type Path = readonly PropertyKey[]

/** zod's names for types, in an operator's words. Every number in a manifest is a whole one. */
const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a whole number',
  int: 'a whole number',
  array: 'a list',
  object: 'a mapping (`key: value` lines)'
}

export function shapeFaults (file: string, issues: readonly core.$ZodIssue[]): Fault[] {
  return issues.flatMap(issue => {
    if (issue.code !== 'unrecognized_keys') return [{ file, path: formatPath(issue.path), what: describe(issue) }]
    return issue.keys.map(key => ({ file, path: formatPath([...issue.path, key]), what: describeUnknown(issue.path, key) }))
  })
}

/** `host.listen[0]` */
function formatPath (path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? showKey(String(part)) : `${text}.${showKey(String(part))}`
  }, '')
}

function describe (issue: core.$ZodIssue): string {
  const { code, input } = issue
  if (code === 'invalid_type' && input === undefined) return 'is missing'
  if (input === null) return 'is there without a value; give it one or leave it out'
  const found = typeof input === 'object' && code !== 'invalid_type' ? '' : `, found ${show(input)}`
  return `${wanted(issue)}${found}`
}

function wanted (issue: core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type': return `must be ${EXPECTED[issue.expected] ?? issue.expected}`
    case 'invalid_value': return `must be ${issue.values.map(String).join(' or ')}`
    case 'too_small': return issue.origin === 'string' ? 'must not be empty' : `must be at least ${issue.minimum}`
    case 'too_big': return `must be at most ${issue.maximum}`
    default: return issue.message
  }
}

function describeUnknown (path: Path, key: string): string {
  const known = keysAt(path)
  const meant = nearest(key, known) ?? elsewhere(key)
  return meant === undefined
    ? `unknown key; there are: ${known.join(', ')}`
    : `unknown key; did you mean \`${meant}\`?`
}

/** A key in the wrong place: `listen` at the top is `host.listen`. */
function elsewhere (key: string): string | undefined {
  const section = keysAt([]).find(name => keysAt([name]).includes(key))
  return section === undefined ? undefined : `${section}.${key}`
}

function keysAt (path: Path): string[] {
  let { properties } = manifestSchema()
  for (const part of path) {
    const inner = properties?.[String(part)]
    properties = typeof inner === 'object' ? inner.properties : undefined
  }
  return Object.keys(properties ?? {})
}
