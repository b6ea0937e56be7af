/**
 * Whether a policy's `when` and `unless` hold for a question, whatever its scope says, and the first clause that does not.
 */
import { withCedar, type PolicyJson } from './cedar.ts'
import { askCedar } from './engine.ts'
import { preparedSet } from './preparedSets.ts'
import type { Question } from './request.ts'

export interface Conditions {
  readonly hold: boolean
  /** The clause as Cedar writes it: `when { context.public }`. Empty when all hold. */
  readonly failing: string
  /** Why it could not be evaluated. */
  readonly error?: string
}

export function conditionsOf (text: string, question: Question): Conditions {
  const parsed = withCedar(cedar => cedar.policyToJson(text))
  if (parsed.type === 'failure') return { hold: false, failing: 'what it says', error: parsed.errors[0]?.message ?? 'it cannot be parsed' }
  const { conditions } = parsed.json
  for (const [index, clause] of conditions.entries()) {
    // With those before it, which may guard it.
    const { allowed, error } = evaluate(textOf(conditions.slice(0, index + 1)), question)
    if (!allowed) return { hold: false, failing: textOf([clause]).replace(/^permit\(principal, action, resource\) /, '').replace(/;$/, ''), ...error !== undefined && { error } }
  }
  return { hold: true, failing: '' }
}

function textOf (conditions: PolicyJson['conditions']): string {
  const all = { op: 'All' } as const
  const answer = withCedar(cedar => cedar.policyToText({ effect: 'permit', principal: all, action: all, resource: all, conditions }))
  return answer.type === 'success' ? answer.text : ''
}

function evaluate (text: string, question: Question): { allowed: boolean, error?: string } {
  const answer = askCedar(preparedSet(`alone ${text}`, () => ({ p0: text })), question)
  if (answer.type === 'failure') return { allowed: false, error: answer.errors[0]?.message ?? 'it cannot be asked' }
  const { decision, diagnostics: { errors } } = answer.response
  const message = errors[0]?.error.message.replace(/^error while evaluating policy `[^`]*`: /, '')
  return { allowed: decision === 'allow', ...message !== undefined && { error: message } }
}
