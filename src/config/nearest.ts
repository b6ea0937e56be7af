/**
 * The known word somebody probably meant: a fault that says so saves its reader a look into the manual.
 */

/** A third of the letters, and at most this many, may differ: a wrong suggestion is worse than none. */
const MAX_DISTANCE = 3

/** The one of `words` nearest to `word`, or undefined when none is near. Case is no difference. */
export function nearest (word: string, words: Iterable<string>): string | undefined {
  // Comparing costs the product of both lengths, and no known word is this long.
  if (word.length > 64) return undefined
  let best: string | undefined
  let bestDistance = Math.min(MAX_DISTANCE, Math.floor(word.length / 3)) + 1
  for (const candidate of words) {
    const distance = editDistance(Array.from(word.toLowerCase()), Array.from(candidate.toLowerCase()))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein's distance: how many letters have to be put in, taken out or changed to make `a` into `b`. */
function editDistance (a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (const [index, letter] of a.entries()) {
    const next = [index + 1]
    for (const [column, other] of b.entries()) {
      const change = (row[column] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(change, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
