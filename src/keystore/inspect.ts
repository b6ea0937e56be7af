/**
 * What the keystore knows of one name: nothing, a whole identity, or a damaged one and how to mend it.
 *
 * Owns the judgement, from the record, the key and the witness together. Changes nothing: see keystore.ts.
 */
import { messageOf } from '../errors.ts'
import type { Database } from './database.ts'
import { databasePath, mendFor, witnessPath } from './faults.ts'
import { parsePrivateKey, type ParsedKey } from './privateKey.ts'
import { openPrivateKey, openTenantRecord, tenantKey, type TenantRecord } from './record.ts'
import type { Witness } from './witness.ts'

export interface Sources {
  stateDir: string
  database: Database
  sealingKey: Uint8Array
  witness: Witness
}

export type Finding =
  | { state: 'absent' }
  /** `witnessed` is false where a crash came before the witness was written: it is to be written now. */
  | { state: 'whole', record: TenantRecord, privateKey: Uint8Array, witnessed: boolean }
  /** `peerId` is the one it should have, where anything still says so. */
  | { state: 'damaged', fault: string, peerId: string | undefined, record: TenantRecord | undefined, cause?: unknown }

export function inspect ({ stateDir, database, sealingKey, witness }: Sources, name: string): Finding {
  const witnessed = witness.get(name)
  let record: TenantRecord | undefined
  const damaged = (what: string, cause?: unknown): Finding => {
    const peerId = witnessed ?? record?.peerId
    const had = peerId === undefined ? '' : ` (it had peer ID ${peerId})`
    return { state: 'damaged', fault: `${name}: ${what}${had}; ${mendFor(stateDir, name)}`, peerId, record, cause }
  }

  if (database.get(tenantKey(name)) === undefined) {
    return witnessed === undefined ? { state: 'absent' } : damaged('its key is missing from the keystore')
  }
  let key: ParsedKey
  try {
    record = openTenantRecord(database, sealingKey, name)
    if (record === undefined) return { state: 'absent' }
  } catch (cause) {
    return damaged(`its record in the keystore is damaged: ${messageOf(cause)}`, cause)
  }
  try {
    const bytes = openPrivateKey(database, sealingKey, record.id)
    if (bytes === undefined) return damaged('its key is missing from the keystore')
    key = parsePrivateKey(bytes)
  } catch (cause) {
    return damaged(`its key in the keystore is damaged: ${messageOf(cause)}`, cause)
  }
  if (key.peerId !== record.peerId) {
    return damaged(`its key in the keystore has peer ID ${key.peerId}, its record says ${record.peerId}`)
  }
  if (witnessed !== undefined && witnessed !== key.peerId && witnessed !== record.replaces) {
    return damaged(`the keystore holds peer ID ${key.peerId}, ${witnessPath(stateDir)} names ${witnessed}: ` +
      `${databasePath(stateDir)} is older than that file, or one of them is not this machine's`)
  }
  return { state: 'whole', record, privateKey: key.bytes, witnessed: witnessed === key.peerId }
}

/** The peer ID the name has or should have; undefined where it never had one, or nothing says any more which. */
export function expectedPeerId (finding: Finding): string | undefined {
  if (finding.state === 'absent') return undefined
  return finding.state === 'whole' ? finding.record.peerId : finding.peerId
}
