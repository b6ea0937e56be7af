/**
 * Whether a policy's `when` and `unless` hold for a question, whatever its scope says, and the first clause that does not.
 */
import { clausesOf, onOneLine } from './clauses.ts'
import { askCedar } from './engine.ts'
import { preparedSet } from './preparedSets.ts'
import type { Question } from './request.ts'

export interface Conditions {
  readonly hold: boolean
  /** The clause, on one line: `when { context.public }`. Empty when all hold. */
  readonly failing: string
  /** Why it could not be evaluated. */
  readonly error?: string
}

export function conditionsOf (policy: string, question: Question): Conditions {
  const clauses = clausesOf(policy)
  for (const [index, clause] of clauses.entries()) {
    // With those before it, which may guard it.
    const { holds, error } = evaluate(clauses.slice(0, index + 1), question)
    if (!holds) return { hold: false, failing: onOneLine(clause), ...error !== undefined && { error } }
  }
  return { hold: true, failing: '' }
}

function evaluate (clauses: readonly string[], question: Question): { holds: boolean, error?: string } {
  const text = `permit (principal, action, resource)\n${clauses.join('\n')};`
  const answer = askCedar(preparedSet(`alone ${text}`, () => ({ p0: text })), question)
  if (answer.type === 'failure') return { holds: false, error: answer.errors[0]?.message ?? 'it cannot be asked' }
  const { decision, diagnostics: { errors } } = answer.response
  const message = errors[0]?.error.message.replace(/^error while evaluating policy `[^`]*`: /, '')
  return { holds: decision === 'allow', ...message !== undefined && { error: message } }
}
