/**
 * Text of a YAML file -> one plain value, or faults that say line and column.
 *
 * Takes the part of YAML that people write settings in, and refuses the rest with a reason: aliases (a few lines of them
 * unfold to gigabytes), tags, YAML 1.1 (where `no` is false and `12:30` a number), several documents in one file. What the
 * value has to look like is for the shapes to say.
 */
import { isAlias, isCollection, isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import type { Document, YAMLMap } from 'yaml'
import type { Fault } from '../errors.ts'
import { messageOf } from '../errors.ts'
import { showKey } from './show.ts'

/** How many faults of one file are worth reading: after the first few the parser only guesses. */
const MAX_YAML_FAULTS = 10

export interface ParsedYaml {
  /** What the file holds; undefined when there are faults. */
  value: unknown
  faults: Fault[]
}

/** Takes note of a fault at an offset in the text. */
type Report = (offset: number | undefined, what: string) => void

export function parseYaml (text: string, file: string): ParsedYaml {
  const lines = new LineCounter()
  const faults: Fault[] = []
  const report: Report = (offset, what) => {
    const { line, col } = lines.linePos(offset ?? 0)
    faults.push({ file, path: `${line}:${col}`, what })
  }
  try {
    // The parser's own check for equal keys compares each key with all before it: seconds for a file full of keys.
    const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, logLevel: 'error' })
    if (doc.errors.some(({ code }) => code === 'RESOURCE_EXHAUSTION')) return tooDeep(file)
    for (const { code, message, pos } of doc.errors) {
      report(pos[0], code === 'MULTIPLE_DOCS' ? 'a second document begins here; a file holds one' : message)
    }
    if (faults.length === 0) reportUnwanted(doc, report)
    if (faults.length === 0) return { value: doc.toJS({ maxAliasCount: 0 }), faults }
  } catch (error) {
    // The parser gives up on deep nesting by itself; what walks its tree afterwards runs out of stack a little earlier.
    if (error instanceof RangeError) return tooDeep(file)
    faults.push({ file, path: '', what: messageOf(error) })
  }
  return { value: undefined, faults: faults.slice(0, MAX_YAML_FAULTS) }
}

/** Reports what is good YAML and not taken here. */
function reportUnwanted (doc: Document.Parsed, report: Report): void {
  const { explicit, version } = doc.directives.yaml
  if (explicit === true && version !== '1.2') report(0, 'take the %YAML line out; files are read as YAML 1.2')
  visit(doc, {
    Node (_, node) {
      if (isAlias(node)) {
        report(node.range?.[0], `aliases are not read here; write the value of \`${node.source}\` out`)
      } else if (node.tag !== undefined) {
        report(node.range?.[0], `tags are not read here; take ${showKey(node.tag)} out`)
      }
      if (isMap(node)) reportKeys(node, report)
    }
  })
}

function reportKeys (map: YAMLMap, report: Report): void {
  const seen = new Set<string>()
  for (const { key } of map.items) {
    if (isCollection(key)) report(key.range?.[0], 'a key has to be a word, found a list or a mapping')
    if (!isScalar(key)) continue
    const name = String(key.value)
    if (seen.has(name)) report(key.range?.[0], `the key ${showKey(name)} is here for the second time`)
    seen.add(name)
  }
}

function tooDeep (file: string): ParsedYaml {
  return { value: undefined, faults: [{ file, path: '', what: 'is nested too deeply to be read' }] }
}
