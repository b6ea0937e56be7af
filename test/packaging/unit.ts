/** A systemd unit file, as systemd.syntax(7) has it, without continued lines. */
import { readFileSync } from 'node:fs'

export interface Directive { readonly section: string, readonly name: string, readonly value: string }

export class Unit {
  readonly directives: readonly Directive[]
  /** Lines that are no comment, section or directive. */
  readonly strays: readonly string[]

  constructor (path: string) {
    const directives: Directive[] = []
    const strays: string[] = []
    let section = ''
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      if (/^\s*([#;].*)?$/.test(line)) continue
      const [, header] = /^\[([A-Z][a-z]+)\]$/.exec(line) ?? []
      const [, name, value] = /^([A-Z][A-Za-z]+)=(.*[^\\\s]|)$/.exec(line) ?? []
      if (header !== undefined) section = header
      else if (name !== undefined && value !== undefined) directives.push({ section, name, value })
      else strays.push(line)
    }
    this.directives = directives
    this.strays = strays
  }

  /** In their order; several lines of one name add up. */
  values (section: string, name: string): string[] {
    return this.directives.filter(directive => directive.section === section && directive.name === name).map(({ value }) => value)
  }

  /** The words of all of them. */
  words (section: string, name: string): string[] {
    return this.values(section, name).flatMap(value => value.split(/\s+/))
  }
}
