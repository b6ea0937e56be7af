/**
 * The `when` and `unless` clauses in the text of a policy that Cedar has parsed, as the operator wrote them.
 *
 * Not taken from Cedar's JSON: JavaScript rounds the numbers of 64 bits in it.
 */
import { afterComment, afterSpace, afterString } from './split.ts'

/** Each from its keyword to its closing bracket. */
export function clausesOf (policy: string): string[] {
  let at = afterSpace(policy, 0)
  while (policy.charAt(at) === '@') {
    at = afterSpace(policy, afterWord(policy, at + 1))
    // An annotation need not have a value.
    if (policy.charAt(at) === '(') at = afterSpace(policy, afterBrackets(policy, at))
  }
  at = afterSpace(policy, afterBrackets(policy, afterSpace(policy, afterWord(policy, at))))
  const clauses: string[] = []
  while (at < policy.length && policy.charAt(at) !== ';') {
    const end = afterBrackets(policy, afterSpace(policy, afterWord(policy, at)))
    clauses.push(policy.slice(at, end))
    at = afterSpace(policy, end)
  }
  return clauses
}

/** On one line and without comments, for a sentence. */
export function onOneLine (clause: string): string {
  let line = ''
  for (let at = 0; at < clause.length;) {
    const next = clause.charAt(at) === '"' ? afterString(clause, at) ?? clause.length : at + 1
    const space = afterSpace(clause, at)
    line += space > at ? ' ' : clause.slice(at, next)
    at = Math.max(space, next)
  }
  return line
}

function afterWord (text: string, start: number): number {
  let at = start
  while (/\w/.test(text.charAt(at))) at++
  return at
}

/** After the bracket that closes the one here. */
function afterBrackets (text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length;) {
    const character = text.charAt(at)
    if ('([{'.includes(character)) depth++
    if (')]}'.includes(character) && --depth === 0) return at + 1
    if (character === '"') at = afterString(text, at) ?? text.length
    else if (text.startsWith('//', at)) at = afterComment(text, at)
    else at++
  }
  return text.length
}
