/**
 * How one identity stands in the database: `tenant!<name>` holds the sealed record, `key!<id>` the sealed private key.
 *
 * Owns the names of entries. Each value is bound to its own entry's name, the key therefore to the tenant's id: neither
 * opens in another's place. Judges no state as a
 * whole: see inspect.ts.
 */
import { randomBytes } from 'node:crypto'
import type { Database, Operation } from './database.ts'
import { keystoreError } from './faults.ts'
import { isKeyType, type KeyType, type ParsedKey } from './privateKey.ts'
import { seal, unseal } from './seal.ts'

export interface TenantRecord {
  id: string
  peerId: string
  keyType: KeyType
  /** ISO 8601. */
  created: string
  /**
   * The peer ID the witness named when this record was written. If it still does, a crash came between the two writes; if
   * it names yet another, the database is not the one the witness was written beside.
   */
  replaces?: string
}

const TENANT = 'tenant!'
const KEY = 'key!'

/** Longest name, in bytes: config allows 32; this bounds an entry's name and a message. */
const MAX_NAME_BYTES = 128

/** 128 bits: two tenants never share an id, and none can be guessed. */
const ID_BYTES = 16

function newTenantId (): string {
  return randomBytes(ID_BYTES).toString('hex')
}

/** Config lets far fewer names through; refused here is what would break an entry's name or a message. */
export function assertName (name: string): void {
  if (name === '' || name.includes('!') || /\p{C}/u.test(name) || Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw keystoreError(`${JSON.stringify(name.slice(0, 40))}: is no name for a tenant: wanted 1 to ${MAX_NAME_BYTES} bytes ` +
      'without ! and control characters')
  }
}

export function tenantKey (name: string): string {
  return TENANT + name
}

export function keyKey (id: string): string {
  return KEY + id
}

export function tenantNames (database: Database): string[] {
  return database.keys(TENANT).map(key => key.slice(TENANT.length))
}

export function keyIds (database: Database): string[] {
  return database.keys(KEY).map(key => key.slice(KEY.length))
}

export function putIdentity (sealingKey: Uint8Array, name: string, record: TenantRecord, privateKey: Uint8Array): Operation[] {
  const sealed = seal(sealingKey, Buffer.from(JSON.stringify(record)), tenantKey(name))
  return [
    { type: 'put', key: tenantKey(name), value: sealed },
    { type: 'put', key: keyKey(record.id), value: seal(sealingKey, privateKey, keyKey(record.id)) }
  ]
}

/** ERR_KEYSTORE if it does not open in its place; undefined if there is none. */
export function openTenantRecord (database: Database, sealingKey: Uint8Array, name: string): TenantRecord | undefined {
  const sealed = database.get(tenantKey(name))
  if (sealed === undefined) return undefined
  return parse(Buffer.from(unseal(sealingKey, sealed, tenantKey(name))).toString('utf8'))
}

/** ERR_KEYSTORE if it does not open in its place; undefined if there is none. */
export function openPrivateKey (database: Database, sealingKey: Uint8Array, id: string): Uint8Array | undefined {
  const sealed = database.get(keyKey(id))
  return sealed === undefined ? undefined : unseal(sealingKey, sealed, keyKey(id))
}

export function recordOf ({ keyType, peerId }: ParsedKey, replaces: string | undefined): TenantRecord {
  return { id: newTenantId(), peerId, keyType, created: new Date().toISOString(), ...replaces === undefined ? {} : { replaces } }
}

/** The seal says that we wrote it; this says that this version can read it. */
function parse (json: string): TenantRecord {
  const value: unknown = JSON.parse(json)
  if (typeof value === 'object' && value !== null) {
    const { id, peerId, keyType, created, replaces }: Partial<Record<keyof TenantRecord, unknown>> = value
    if (typeof id === 'string' && typeof peerId === 'string' && isKeyType(keyType) && typeof created === 'string') {
      return { id, peerId, keyType, created, ...typeof replaces === 'string' ? { replaces } : {} }
    }
  }
  throw keystoreError('it was written by another version of p2pd, and this one cannot read it')
}
