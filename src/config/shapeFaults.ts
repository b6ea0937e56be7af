/**
 * What zod found wrong with a manifest -> faults that an operator can act on.
 *
 * Owns the wording: what it must be, then what was found. A key nobody knows gets the nearest known one beside it.
 */
import type { core, ZodType } from 'zod'
import type { Fault } from '../errors.ts'
import { manifestShape, schemaOf } from './manifest.ts'
import { nearest } from './nearest.ts'
import { show, showKey } from './show.ts'

type Path = readonly PropertyKey[]

/** zod's names for types, in an operator's words. Every number in a manifest is a whole one. */
const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a whole number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping (`key: value` lines)'
}

export interface ShapeFaultsOptions {
  /** What the value should have been; a tenant's manifest, if left out. */
  readonly shape?: ZodType
  /** Keys at the top that somebody could well expect there, and why they are not. */
  readonly refused?: Readonly<Record<string, string>>
}

export function shapeFaults (file: string, issues: readonly core.$ZodIssue[], { shape = manifestShape, refused = {} }: ShapeFaultsOptions = {}): Fault[] {
  return issues.flatMap(issue => {
    if (issue.code !== 'unrecognized_keys') return [{ file, path: formatPath(issue.path), what: describe(issue) }]
    return issue.keys.map(key => {
      const why = issue.path.length === 0 && Object.hasOwn(refused, key) ? refused[key] : undefined
      return { file, path: formatPath([...issue.path, key]), what: why ?? describeUnknown(shape, issue.path, key) }
    })
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
  if ((code === 'invalid_type' || code === 'invalid_value') && input === undefined) return 'is missing'
  if (input === null) return 'is there without a value; give it one or leave it out'
  const found = typeof input === 'object' && code !== 'invalid_type' ? '' : `, found ${show(input)}`
  const meant = code === 'invalid_value' && typeof input === 'string' ? nearest(input, issue.values.map(String)) : undefined
  return `${wanted(issue)}${found}${meant === undefined ? '' : `; did you mean ${meant}?`}`
}

function wanted (issue: core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type': return `must be ${EXPECTED[issue.expected] ?? issue.expected}`
    case 'invalid_value': return `must be ${issue.values.map(String).join(' or ')}`
    case 'too_small': return issue.origin === 'string' || issue.origin === 'array' ? 'must not be empty' : `must be at least ${issue.minimum}`
    case 'too_big': return issue.origin === 'array' ? `must have at most ${issue.maximum}` : `must be at most ${issue.maximum}`
    default: return issue.message
  }
}

function describeUnknown (shape: ZodType, path: Path, key: string): string {
  const known = keysAt(shape, path)
  const meant = nearest(key, known) ?? elsewhere(shape, key)
  return meant === undefined
    ? `unknown key; there are: ${known.join(', ')}`
    : `unknown key; did you mean \`${meant}\`?`
}

/** A key in the wrong place: `listen` at the top is `host.listen`. */
function elsewhere (shape: ZodType, key: string): string | undefined {
  const section = keysAt(shape, []).find(name => keysAt(shape, [name]).includes(key))
  return section === undefined ? undefined : `${section}.${key}`
}

function keysAt (shape: ZodType, path: Path): string[] {
  let schema: core.JSONSchema.BaseSchema | undefined = schemaOf(shape)
  for (const part of path) {
    const inner: unknown = typeof part === 'number' ? schema?.items : schema?.properties?.[String(part)]
    schema = isSchema(inner) ? inner : undefined
  }
  return Object.keys(schema?.properties ?? {})
}

/** `items` may also be a list of schemas, one for each place; none of ours is. */
function isSchema (value: unknown): value is core.JSONSchema.BaseSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
