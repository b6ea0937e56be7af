/**
 * The text of a policy file -> its policies, each with its first line.
 *
 * Knows as much of the language as that takes: strings, comments, brackets, and that a policy ends with `;` and nothing else
 * does. Whether each piece is a policy is for Cedar to say (checkPolicies.ts), which also counts them again.
 */

/** Brackets inside brackets. Cedar's parser runs out of stack at less than 200; people write fewer than 10. */
export const MAX_NESTING = 50

export interface Piece {
  readonly text: string
  /** Of its first character, from 1. */
  readonly line: number
}

export interface Split {
  readonly pieces: Piece[]
  readonly faults: Array<{ readonly line: number, readonly what: string }>
}

export function splitPolicies (text: string): Split {
  const split: Split = { pieces: [], faults: [] }
  let at = 0
  let line = 1
  for (;;) {
    const start = afterSpace(text, at)
    line += newlines(text, at, start)
    if (start === text.length) return split
    const { end, depth, openString } = policyFrom(text, start)
    const piece = { text: text.slice(start, end), line }
    if (depth > MAX_NESTING) split.faults.push({ line, what: `has brackets nested ${depth} deep, at most ${MAX_NESTING} are read; write it as several policies` })
    else if (openString !== undefined) split.faults.push({ line: line + newlines(text, start, openString), what: 'a string begins here that is never closed' })
    else if (piece.text.endsWith(';')) split.pieces.push(piece)
    else split.faults.push({ line, what: 'a policy begins here that does not end; a policy ends with `;`' })
    line += newlines(text, start, end)
    at = end
  }
}

/** Where the policy that begins here ends: after its `;`, or with the text. */
function policyFrom (text: string, start: number): { end: number, depth: number, openString?: number } {
  let depth = 0
  let deepest = 0
  for (let index = start; index < text.length;) {
    const character = text.charAt(index)
    if (character === '"') {
      const end = afterString(text, index)
      if (end === undefined) return { end: text.length, depth: deepest, openString: index }
      index = end
    } else if (text.startsWith('//', index)) {
      index = afterComment(text, index)
    } else {
      if ('([{'.includes(character)) deepest = Math.max(deepest, ++depth)
      if (')]}'.includes(character)) depth--
      index++
      if (character === ';') return { end: index, depth: deepest }
    }
  }
  return { end: text.length, depth: deepest }
}

export function afterSpace (text: string, start: number): number {
  let index = start
  while (index < text.length) {
    if (/\s/.test(text.charAt(index))) index++
    else if (text.startsWith('//', index)) index = afterComment(text, index)
    else break
  }
  return index
}

/** For Cedar a carriage return ends a line, too. */
export function afterComment (text: string, start: number): number {
  let index = start
  while (index < text.length && !'\r\n'.includes(text.charAt(index))) index++
  return index
}

/** Undefined when nothing closes it. */
export function afterString (text: string, start: number): number | undefined {
  for (let index = start + 1; index < text.length; index++) {
    const character = text.charAt(index)
    if (character === '\\') index++
    else if (character === '"') return index + 1
  }
  return undefined
}

export function newlines (text: string, from: number, to: number): number {
  let count = 0
  // Not by indexOf(), which looks on to the next one, however far that is.
  for (let index = from; index < to; index++) if (text.charAt(index) === '\n') count++
  return count
}
