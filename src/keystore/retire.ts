/**
 * Which sealed keys go when a name's identity goes.
 */
import type { Operation } from './database.ts'
import type { Finding, Sources } from './inspect.ts'
import { keyIds, keyKey, openTenantRecord, tenantNames } from './record.ts'

/** The key its record names; where the record cannot be read, every key that no other record names. */
export function retiredKeys (sources: Sources, name: string, finding: Finding): Operation[] {
  if (finding.state === 'absent') return []
  const ids = finding.record === undefined ? strayIds(sources, name) : [finding.record.id]
  return ids.map(id => ({ type: 'del', key: keyKey(id) }))
}

function strayIds ({ database, sealingKey }: Sources, name: string): string[] {
  const used = new Set<string>()
  for (const other of tenantNames(database)) {
    if (other === name) continue
    try {
      const record = openTenantRecord(database, sealingKey, other)
      if (record !== undefined) used.add(record.id)
    } catch {
      // Any key may be this damaged one's, which a record restored from a backup would need: leave them all.
      return []
    }
  }
  return keyIds(database).filter(id => !used.has(id))
}
