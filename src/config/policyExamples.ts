/**
 * The shape of policy/examples.yaml: what has to be allowed and what denied, each with its line.
 *
 * Owns what the file may look like. Whether the words of an example are a question, and what the answer to it is, is for
 * policy/ to say.
 */
import { isSeq, LineCounter, parseDocument } from 'yaml'
import * as z from 'zod'
import type { Fault } from '../errors.ts'
import { NAME_PATTERN, NAME_RULE } from './names.ts'
import { nearest } from './nearest.ts'
import { shapeFaults } from './shapeFaults.ts'
import { showKey } from './show.ts'
import { parseYaml } from './yaml.ts'

export interface PolicyExample {
  /** Of its first line, from 1. */
  readonly line: number
  readonly effect: 'allow' | 'deny'
  /** `chat openStream /chat/1.0.0` */
  readonly sentence: string
  /** Instead of those in the tenant's manifest. */
  readonly groups?: readonly string[]
  readonly context: Readonly<Record<string, string | number | boolean>>
}

const sentence = z.string().regex(/^\S+ +\S+ +\S/, { error: 'must be a tenant, an action and a resource: chat openStream /chat/1.0.0' })

const shape = z
  .strictObject({
    allow: sentence.optional(),
    deny: sentence.optional(),
    groups: z.array(z.string().regex(NAME_PATTERN, { error: NAME_RULE })).optional(),
    context: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()], { error: 'must be text, a number, true or false' })).default({})
  })
  .refine(({ allow, deny }) => (allow === undefined) !== (deny === undefined), { error: 'must have exactly one of `allow` and `deny`' })

/** All examples, in their order, or everything that is wrong with the file. An empty file has none. */
export function parsePolicyExamples (text: string, file: string): { examples: PolicyExample[], faults: Fault[] } {
  const { value, faults } = parseYaml(text, file)
  if (faults.length > 0 || value === null) return { examples: [], faults }
  if (!Array.isArray(value)) return { examples: [], faults: [{ file, path: '', what: 'must be a list of examples; one is `- allow: chat openStream /chat/1.0.0`' }] }
  const lines = linesOf(text)
  const examples: PolicyExample[] = []
  for (const [index, item] of value.entries()) {
    const line = lines[index] ?? 1
    const parsed = shape.safeParse(item, { reportInput: true })
    if (parsed.success) examples.push(exampleOf(line, parsed.data))
    else faults.push(...parsed.error.issues.flatMap(issue => faultsOf(`${file}:${line}`, issue)))
  }
  return { examples, faults }
}

function exampleOf (line: number, { allow, deny, groups, context }: z.output<typeof shape>): PolicyExample {
  const effect = allow === undefined ? 'deny' : 'allow'
  return { line, effect, sentence: (allow ?? deny ?? '').trim(), context, ...groups !== undefined && { groups } }
}

function faultsOf (file: string, issue: z.core.$ZodIssue): Fault[] {
  if (issue.code !== 'unrecognized_keys') return shapeFaults(file, [issue])
  const known = Object.keys(shape.shape)
  return issue.keys.map(key => {
    const meant = nearest(key, known)
    return { file, path: showKey(key), what: `unknown key; ${meant === undefined ? `there are: ${known.join(', ')}` : `did you mean \`${meant}\`?`}` }
  })
}

/** Of each item. The text has been read before, and holds nothing that would take long or recurse deeply. */
function linesOf (text: string): number[] {
  const lineCounter = new LineCounter()
  const { contents } = parseDocument(text, { lineCounter, uniqueKeys: false })
  if (!isSeq(contents)) return []
  return contents.items.map(item => {
    const range = typeof item === 'object' && item !== null && 'range' in item ? item.range as readonly number[] | undefined : undefined
    return lineCounter.linePos(range?.[0] ?? 0).line
  })
}
