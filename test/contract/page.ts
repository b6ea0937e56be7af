/**
 * The bytes in proto/PROTOCOL.md, as what is said by whom.
 *
 * A block marked `wire` is played by two classic daemons (document.test.ts), one marked `wire tenants` by a daemon with tenants
 * (tenantsStage.ts). Each line begins with who speaks, or with spaces where it goes on with the line before. After `;` a line
 * is for people. `??` is any byte; two capital letters stand for bytes that whoever plays the block puts in.
 */
import { readFileSync } from 'node:fs'
import type { RawConnection } from '../helpers/rawConnection.ts'

export interface Turn { readonly who: string, readonly tokens: string[] }

export interface Block {
  readonly title: string
  readonly cast: 'classic' | 'tenants'
  readonly turns: readonly Turn[]
}

/** What two capital letters stand for, a byte a word. Where a turn has them more often than there are bytes they begin anew. */
export type Words = Readonly<Record<string, readonly string[]>>

/** Any byte. */
export const ANY = '??'

const DOCUMENT = readFileSync(new URL('../../proto/PROTOCOL.md', import.meta.url), 'utf8')

export const BLOCKS: readonly Block[] = [...DOCUMENT.matchAll(/^### (.*)\n[^#]*?^```wire( tenants)?\n([^]*?)^```/gm)].map(([, title = '', tenants, text = '']) => {
  return { title, cast: tenants === undefined ? 'classic' : 'tenants', turns: turnsOf(text) }
})

/** Blocks as they are marked, whether or not they could be read. */
export const MARKED = DOCUMENT.match(/^```wire/gm)?.length ?? 0

function turnsOf (text: string): Turn[] {
  const turns: Turn[] = []
  for (const line of text.split('\n')) {
    const [, who, bytes = ''] = /^((?:to )?[a-z][a-z-]*)?\s*([^;]*)/.exec(line) ?? []
    if (who !== undefined) turns.push({ who, tokens: [] })
    turns.at(-1)?.tokens.push(...bytes.trim().split(/\s+/).filter(token => token !== ''))
  }
  return turns
}

export function wordsOf (bytes: Uint8Array): string[] {
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0'))
}

/** The turn's bytes, with what its capital letters stand for. */
export function filled ({ tokens }: Turn, words: Words): string[] {
  const count: Record<string, number> = {}
  return tokens.map(token => {
    const list = words[token]
    if (list === undefined) return token
    const at = count[token] ?? 0
    count[token] = at + 1
    return list[at % list.length] ?? token
  })
}

export async function say (connection: RawConnection, tokens: readonly string[]): Promise<void> {
  const wrong = tokens.find(token => !/^[0-9a-f]{2}$/.test(token))
  if (wrong !== undefined) throw new Error(`${wrong} is nothing that can be sent`)
  await connection.write(Buffer.from(tokens.join(''), 'hex'))
}

/** As many bytes as are wanted, with `??` where anything may stand. */
export async function hear (connection: RawConnection, wanted: readonly string[]): Promise<string[]> {
  return masked(await connection.read(wanted.length), wanted)
}

export function masked (bytes: Uint8Array, wanted: readonly string[]): string[] {
  return wordsOf(bytes).map((word, i) => wanted[i] === ANY ? ANY : word)
}
