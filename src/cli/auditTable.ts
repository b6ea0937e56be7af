/** Lines of the audit log as a table, which goes on growing while one follows. */
import { sentence, table } from './output.ts'

type Entry = Readonly<Record<string, unknown>>

const HEAD = ['TIME', 'TENANT', 'EVENT', 'ACTION', 'RESOURCE', 'BY', 'POLICY/REASON']

export class AuditTable {
  /** As wide as the widest cell so far; the last column needs no width. */
  readonly #widths = HEAD.map(() => 0)
  #begun = false

  /** The next rows, under a head the first time. What comes later is put under the same columns. */
  rows (entries: readonly Entry[]): string {
    const rows = entries.map(cells)
    for (const row of [HEAD, ...rows]) row.forEach((cell, i) => { this.#widths[i] = Math.max(this.#widths[i] ?? 0, cell.length) })
    if (!this.#begun) {
      this.#begun = true
      return table(HEAD, rows)
    }
    return rows.map(row => `${row.map((cell, i) => cell.padEnd(this.#widths[i] ?? 0)).join('  ').trimEnd()}\n`).join('')
  }
}

function cells (entry: Entry): string[] {
  const { time, tenant, actor, event, action, resource, uid, pid, peer, address, decision, policy, epoch, reason, dropped } = entry
  const program = [...uid === undefined ? [] : [`uid ${shown(uid)}`], ...pid === undefined ? [] : [`pid ${shown(pid)}`]]
  // Where a program asked, the peer is what it asked about; otherwise it was the peer who asked.
  const [by, about] = program.length > 0 ? [program, [peer]] : [[peer], []]
  // The kind of event says it already, but for those that can go either way.
  const verdict = event === 'denied' || event === 'allowed' || event === 'revoked' || event === 'limit' ? [] : [decision]
  return [
    line([time]),
    line([tenant, ...actor === undefined ? [] : [`(by ${shown(actor)})`]]),
    line([event]),
    line([action]),
    line([resource, ...about, address]),
    line(by),
    line([...verdict, policy, ...event === 'reload' ? [`epoch ${shown(epoch)}`] : [], reason, ...dropped === undefined ? [] : [`×${shown(dropped)}`]], ', ')
  ]
}

function line (parts: readonly unknown[], separator = ' '): string {
  return parts.filter(part => part !== undefined).map(shown).join(separator)
}

function shown (value: unknown): string {
  return sentence(typeof value === 'string' ? value : JSON.stringify(value) ?? '')
}
