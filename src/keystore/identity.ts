/**
 * An identity as callers see it: with its key, or as a line of a list.
 */
import type { Finding } from './inspect.ts'
import type { KeyType } from './privateKey.ts'
import type { TenantRecord } from './record.ts'

export interface Identity {
  /** Random, 128 bits in hex, and never used again: names come back, identities do not. */
  id: string
  name: string
  peerId: string
  keyType: KeyType
  /** ISO 8601. */
  created: string
  /** The libp2p PrivateKey protobuf. */
  privateKey: Uint8Array
}

/** What a list shows. Damaged identities are in it, with what is still known of them. */
export type IdentityInfo =
  | Omit<Identity, 'privateKey'> & { fault?: never }
  | Partial<Omit<Identity, 'privateKey'>> & { name: string, fault: string }

export function identityOf (name: string, record: TenantRecord, privateKey: Uint8Array): Identity {
  return { name, ...shown(record), privateKey }
}

/** Undefined for a name that has no identity and should have none. */
export function infoOf (name: string, finding: Finding): IdentityInfo | undefined {
  if (finding.state === 'absent') return undefined
  if (finding.state === 'whole') return { name, ...shown(finding.record) }
  const { record, peerId, fault } = finding
  return { name, ...record === undefined ? {} : shown(record), ...peerId === undefined ? {} : { peerId }, fault }
}

/** What else a record holds is between database and witness. */
function shown ({ id, peerId, keyType, created }: TenantRecord): Omit<Identity, 'name' | 'privateKey'> {
  return { id, peerId, keyType, created }
}
