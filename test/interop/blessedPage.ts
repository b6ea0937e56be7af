/**
 * A page of commands and of what they print, and whether they did.
 *
 * ` ```sh run ` is run, ` ```sh refused ` is run and has to fail, and ` ```text ` behind either is what it prints, as it was once printed.
 * Owns what of that is the same each time. Running it is blessed.test.ts's.
 */

export interface Step {
  readonly commands: string
  readonly isRefused: boolean
  readonly shown: string | undefined
}

const BLOCK = /```(sh run|sh refused|text)\n(.*?)```/gs

export function stepsOf (page: string): Step[] {
  const steps: Step[] = []
  for (const [, kind, body = ''] of page.matchAll(BLOCK)) {
    const last = steps.at(-1)
    if (kind !== 'text') steps.push({ commands: body, isRefused: kind === 'sh refused', shown: undefined })
    else if (last !== undefined) steps[steps.length - 1] = { ...last, shown: body }
  }
  return steps
}

/** Names that are made by chance: another each time, but the same one wherever the page has the same. */
const NAMES = /12D3KooW[1-9A-HJ-NP-Za-km-z]{44}|\b[0-9a-f]{32}\b/

/** What is another each time, and what it is then. The first that fits is meant. */
const VARIABLE: ReadonlyArray<readonly [shown: RegExp, printed: string]> = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/, String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`],
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, in \d+ (?:h|min)/, String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, in \d+ (?:h|min)`],
  [/\b(?:uid|pid) \d+/, String.raw`(?:uid|pid) \d+`],
  [/after \d+ ms/, String.raw`after \d+ ms`],
  // Ports that were asked for have four digits on the page, those that the kernel chose five.
  [/tcp\/\d{5}\b/, String.raw`tcp/\d{4,5}`],
  [/\.\.\./, '.*'],
  [/ +/, ' +']
]

const PARTS = new RegExp([NAMES, ...VARIABLE.map(([shown]) => shown)].map(({ source }) => `(${source})`).join('|'), 'g')

export class Page {
  /** As on the page -> as printed. */
  readonly #names = new Map<string, string>()

  /** Whether exactly this was printed; a line `...` is any number of lines. Learns the names in it. */
  matches (shown: string, printed: string): boolean {
    const learned: string[] = []
    const lines = shown.trimEnd().split('\n').map(line => line === '...' ? String.raw`(?:.*\n)*?` : String.raw`${this.#patternOf(line, learned)} *\n`)
    const found = new RegExp(`^${lines.join('')}$`).exec(printed === '' ? '' : `${printed.trimEnd()}\n`)
    if (found === null) return false
    learned.forEach((name, i) => { this.#names.set(name, found.groups?.[`name${i}`] ?? '') })
    return new Set(this.#names.values()).size === this.#names.size
  }

  #patternOf (line: string, learned: string[]): string {
    let pattern = ''
    let end = 0
    for (const match of line.matchAll(PARTS)) {
      pattern += escaped(line.slice(end, match.index))
      end = match.index + match[0].length
      const kind = match.slice(2).findIndex(group => group !== undefined)
      pattern += match[1] === undefined ? VARIABLE[kind]?.[1] ?? '' : this.#nameOf(match[1], learned)
    }
    return pattern + escaped(line.slice(end))
  }

  #nameOf (name: string, learned: string[]): string {
    const known = this.#names.get(name)
    if (known !== undefined) return escaped(known)
    const at = learned.indexOf(name)
    if (at >= 0) return String.raw`\k<name${at}>`
    return `(?<name${learned.push(name) - 1}>${NAMES.source})`
  }
}

function escaped (text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
