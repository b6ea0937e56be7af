/**
 * The engine against the oracle: a hundred thousand random questions to random sets of policies, through everything a real one
 * goes through: text, strict validation, the slice for one tenant, a document, a decision.
 *
 * P2PD_ORACLE_SEED repeats a run, P2PD_ORACLE_PAIRS makes it longer.
 */
import test, { type ExecutionContext } from 'ava'
import { checkPolicies, type ScopedPolicy } from '../../src/policy/checkPolicies.ts'
import { createPolicy } from '../../src/policy/engine.ts'
import { documentFor } from '../../src/policy/load.ts'
import type { Policy } from '../../src/policy/ask.ts'
import { Random } from '../fuzz/random.ts'
import { judge, type RandomPolicy } from './oracle.ts'
import { TENANTS, askOf, randomPolicy, randomRequest, textOf } from './randomPolicies.ts'

const PAIRS = Number(process.env['P2PD_ORACLE_PAIRS'] ?? 100_000)
const SEED = Number(process.env['P2PD_ORACLE_SEED'] ?? 20_261)
const PAIRS_A_SET = 500
/** So that a run that takes long is seen to go on. */
const PARTS = 4

interface PolicySet { random: RandomPolicy[], engines: Map<string, Policy> }

/** Some policies that validation takes, and an engine for each tenant. */
function policySet (random: Random, counts: { made: number, valid: number }): PolicySet {
  const all = Array.from({ length: 3 + random.below(30) }, (_, index) => randomPolicy(random, `p${index}`))
  const { policies, faults } = checkPolicies([{ name: 'random.cedar', text: all.map(textOf).join('\n') }])
  const refused = new Set(faults.map(({ file }) => Number(file.split(':')[1])))
  const valid = policies.filter(({ line }) => !refused.has(line))
  counts.made += all.length
  counts.valid += valid.length
  const kept = new Set(valid.map(({ id }) => id))
  return { random: all.filter(({ id }) => kept.has(id)), engines: enginesFor(valid) }
}

function enginesFor (policies: readonly ScopedPolicy[]): Map<string, Policy> {
  const neighbours = TENANTS.map(({ name, groups, peerId }) => ({ peerId, tenant: name, groups }))
  return new Map(TENANTS.map(({ name, groups }) => [name, createPolicy(documentFor({ policies }, { epoch: 1, tenant: { name, groups }, neighbours }))]))
}

const outcomes = new Map<string, number>()
const counts = { made: 0, valid: 0 }

for (let part = 0; part < PARTS; part++) {
  test.serial(`the engine and the oracle agree, in every decision and on who decided: part ${part + 1} of ${PARTS}`, t => {
    compare(t, Math.floor(PAIRS * part / PARTS), Math.floor(PAIRS * (part + 1) / PARTS))
  })
}

test.serial('the questions had all kinds of answers, and most policies were valid', t => {
  // A generator that makes nothing interesting would agree as well.
  t.log(Object.fromEntries(outcomes), counts)
  for (const kind of ['allow', 'forbid', 'default', 'error', 'code']) t.true((outcomes.get(kind) ?? 0) > PAIRS / 200, kind)
  t.true(counts.valid > counts.made / 2)
})

function compare (t: ExecutionContext, from: number, to: number): void {
  for (let pair = from, set: PolicySet | undefined; pair < to; pair++) {
    const random = new Random(SEED, pair)
    if (set === undefined || pair % PAIRS_A_SET === 0) set = policySet(random, counts)
    const request = randomRequest(random)
    const [caller, ask] = askOf(request)
    const expected = judge(set.random, request)
    const { allowed, policy } = set.engines.get(request.principal.id)?.decide(caller, ask) ?? { allowed: undefined, policy: '' }
    if (allowed !== expected.allowed || policy.replace(/^code: .*/, 'code') !== expected.policy) {
      t.fail(`pair ${pair} of P2PD_ORACLE_SEED=${SEED}: the engine says ${allowed} by ${policy}, the oracle ${expected.allowed} by ${expected.policy}
${JSON.stringify([caller, ask])}\n${set.random.map(textOf).join('\n')}`)
      return
    }
    const kind = expected.policy.startsWith('error') ? 'error' : expected.policy === 'code' ? 'code' : expected.policy === 'default deny' ? 'default' : expected.allowed ? 'allow' : 'forbid'
    outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
  }
  t.pass()
}
