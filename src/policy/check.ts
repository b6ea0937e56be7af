/**
 * The process that reads policies before anything else does: files' texts on stdin, what they are worth on stdout, as JSON.
 *
 * It is thrown away afterwards, and may die of what it reads: who started it says then what that means (checkProcess.ts).
 */
import { json } from 'node:stream/consumers'
import type { PolicyExample } from '../config/policyExamples.ts'
import { nearest } from '../config/nearest.ts'
import { show } from '../config/show.ts'
import { checkPolicies, type Checked, type Finding, type PolicyFile, type ScopedPolicy } from './checkPolicies.ts'
import { tryExamples } from './examples.ts'
import { EXAMPLES_NAME } from './files.ts'
import type { KnownTenant } from './question.ts'

export interface CheckInput {
  readonly files: readonly PolicyFile[]
  readonly examples: readonly PolicyExample[]
  readonly tenants: readonly KnownTenant[]
}

export interface CheckOutput {
  readonly policies: readonly ScopedPolicy[]
  readonly faults: readonly Finding[]
  readonly warnings: readonly string[]
  /** How many were tried. */
  readonly examples: number
}

function check ({ files, examples, tenants }: CheckInput): CheckOutput {
  const { policies, faults, named } = checkPolicies(files)
  const tried = tryExamples(examples, tenants, faults.length === 0 ? policies : undefined)
  const untried = [...tried.untried].map(([name, lines]) =>
    `${EXAMPLES_NAME}:${lines.join(', ')}: not tried, because there is no tenant ${show(name)}${guess(name, tenants.map(tenant => tenant.name))}`)
  return {
    policies,
    faults: [...faults, ...tried.faults],
    warnings: [...policies.length === 0 ? ['there is no policy, so everything is denied'] : [], ...unknown(named, tenants), ...untried],
    examples: tried.examples
  }
}

/** A policy for somebody who is not there may be meant for later, or be misspelt. */
function unknown (named: Checked['named'], tenants: readonly KnownTenant[]): string[] {
  const known = { Tenant: tenants.map(({ name }) => name), Group: tenants.flatMap(({ groups }) => groups) }
  return named.flatMap(({ type, id, file }) => {
    const there = type === 'Tenant' ? known.Tenant : known.Group
    return there.includes(id) ? [] : [`${file}: ${type === 'Tenant' ? 'there is no tenant' : 'no tenant is in a group'} ${show(id)}${guess(id, there)}`]
  })
}

function guess (word: string, words: readonly string[]): string {
  const meant = nearest(word, words)
  return meant === undefined ? '' : `; did you mean ${meant}?`
}

process.stdout.write(JSON.stringify(check(await json(process.stdin) as CheckInput)))
