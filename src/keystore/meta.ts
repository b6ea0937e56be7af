/**
 * What the database says of itself: its version, how its sealing key comes about, and a check value for that key.
 *
 * The check value tells "this is the wrong key" from "this entry is damaged": without it a mistyped passphrase would look
 * like the loss of every identity.
 */
import { P2pdError } from '../errors.ts'
import type { Database } from './database.ts'
import { databasePath, keystoreError, storeMend } from './faults.ts'
import { isScryptParameters, type ScryptParameters } from './passphrase.ts'
import { openTenantRecord, tenantNames } from './record.ts'
import { seal, unseal } from './seal.ts'
import type { SealingKey } from './sealingKey.ts'

const VERSION = 1
const META_KEY = 'meta!keystore'
const CHECK_KEY = 'meta!check'
const CHECK = Buffer.from('p2pd keystore')

export interface Meta { scrypt?: ScryptParameters }

/** The entries a database is born with. */
export function newMeta ({ key, scrypt }: SealingKey): Map<string, Uint8Array> {
  const meta = { version: VERSION, ...scrypt === undefined ? {} : { scrypt } }
  return new Map([[META_KEY, Buffer.from(JSON.stringify(meta))], [CHECK_KEY, seal(key, CHECK, CHECK_KEY)]])
}

/** ERR_KEYSTORE where it is missing or damaged: the database as a whole is, then. */
export function readMeta (database: Database, stateDir: string): Meta {
  const location = databasePath(stateDir)
  const damaged = (what: string): P2pdError => keystoreError(`${location}: is damaged, ${what}: ${storeMend(stateDir)}`)
  const bytes = database.get(META_KEY)
  if (bytes === undefined) throw damaged('its meta record is missing')
  const meta = parse(bytes)
  if (meta === undefined) throw damaged('its meta record cannot be read')
  if (meta.version !== VERSION) {
    throw keystoreError(`${location}: has format version ${String(meta.version)}, this p2pd knows version ${VERSION}: ` +
      'use the p2pd that wrote it, or a newer one')
  }
  if (meta.scrypt === undefined) return {}
  if (!isScryptParameters(meta.scrypt)) throw damaged('its scrypt parameters make no sense')
  return { scrypt: meta.scrypt }
}

/** ERR_KEYSTORE if the key opens neither the check value nor any tenant's record: one damaged value proves nothing. */
export function assertRightKey (database: Database, { key, from }: SealingKey, stateDir: string): void {
  if (opens(() => unseal(key, database.get(CHECK_KEY) ?? new Uint8Array(), CHECK_KEY))) return
  if (tenantNames(database).some(name => opens(() => openTenantRecord(database, key, name)))) return
  throw keystoreError(`${databasePath(stateDir)}: is sealed with another key than ${from}: give the one it was made with, ` +
    'or restore both from one backup')
}

function opens (attempt: () => unknown): boolean {
  try {
    attempt()
    return true
  } catch (error) {
    if (error instanceof P2pdError) return false
    throw error
  }
}

function parse (bytes: Uint8Array): { version: unknown, scrypt?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return typeof value === 'object' && value !== null && 'version' in value ? value : undefined
  } catch {
    return undefined
  }
}
