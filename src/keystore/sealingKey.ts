/**
 * Where the sealing key comes from: a passphrase file, a systemd credential, or a key file in the state directory.
 *
 * Owns the choice among them, their formats, and the one moment a key file is made. Whether the key is the right one is
 * for the check value in the database to say: see meta.ts.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { P2pdError } from '../errors.ts'
import { databasePath, keystoreError, systemError } from './faults.ts'
import { createFile, ownUid, readPrivate, readSmall } from './files.ts'
import { keyFromPassphrase, newScryptParameters, type ScryptParameters } from './passphrase.ts'
import { SEALING_KEY_BYTES } from './seal.ts'

/** `LoadCredential=p2pd-keystore:...` or `SetCredentialEncrypted=` in the unit: systemd.exec(5). */
const CREDENTIAL = 'p2pd-keystore'

export interface SealingKeySettings {
  stateDir: string
  passphraseFile?: string
  env: Readonly<Record<string, string | undefined>>
}

export interface SealingKey {
  key: Uint8Array
  /** For error messages: where the key came from. */
  from: string
  /** Set where it came from a passphrase: what it takes, beside the passphrase, to come to the same key again. */
  scrypt?: ScryptParameters
}

function keyFilePath (stateDir: string): string {
  return join(stateDir, 'keystore.key')
}

/** The key for a database about to be made; makes the key file where no other source is given and none is there. */
export async function newSealingKey (settings: SealingKeySettings): Promise<SealingKey> {
  if (settings.passphraseFile !== undefined) return await fromPassphrase(settings.passphraseFile, newScryptParameters())
  const given = await givenKey(settings)
  if (given !== undefined) return given
  const path = keyFilePath(settings.stateDir)
  try {
    // If it is there after all, another p2pd is starting beside us: its key is the key.
    await createFile(path, randomBytes(SEALING_KEY_BYTES))
  } catch (error) {
    throw systemError(`${path}: the sealing key cannot be written`, error)
  }
  return await existingSealingKey(settings)
}

/** The key for a database that exists; `scrypt` as that database has it. Never makes one: it would open nothing. */
export async function existingSealingKey (settings: SealingKeySettings, scrypt?: ScryptParameters): Promise<SealingKey> {
  const { passphraseFile, stateDir } = settings
  const database = databasePath(stateDir)
  if (scrypt !== undefined) {
    if (passphraseFile === undefined) {
      throw keystoreError(`${database}: is sealed under a passphrase: name the file that holds it`)
    }
    return await fromPassphrase(passphraseFile, scrypt)
  }
  if (passphraseFile !== undefined) {
    throw keystoreError(`${passphraseFile}: ${database} is not sealed under a passphrase: start without one`)
  }
  const given = await givenKey(settings)
  if (given !== undefined) return given
  throw keystoreError(`${keyFilePath(stateDir)}: is missing, and without it the keys in ${database} cannot be read: restore it ` +
    `from a backup, or give the key as the systemd credential ${CREDENTIAL}; if it is lost, move ${database} away and ` +
    'import the keys again')
}

async function fromPassphrase (file: string, scrypt: ScryptParameters): Promise<SealingKey> {
  return { key: await keyFromPassphrase(file, scrypt), from: `the passphrase in ${file}`, scrypt }
}

async function givenKey ({ stateDir, env }: SealingKeySettings): Promise<SealingKey | undefined> {
  const directory = env['CREDENTIALS_DIRECTORY']
  const credential = directory === undefined || directory === '' ? undefined : join(directory, CREDENTIAL)
  const path = keyFilePath(stateDir)
  return (credential === undefined ? undefined : await fromCredential(credential)) ?? await fromKeyFile(path)
}

async function fromKeyFile (path: string): Promise<SealingKey | undefined> {
  const key = await reading(path, async () => await readPrivate(path, SEALING_KEY_BYTES, [ownUid()]))
  if (key === undefined) return undefined
  if (key.length !== SEALING_KEY_BYTES) {
    throw keystoreError(`${path}: holds ${key.length} bytes, a sealing key has ${SEALING_KEY_BYTES}: restore it from a backup`)
  }
  return { key, from: path }
}

/** Owner and mode are not looked at: systemd makes the file root's and lets the service read it by an ACL. */
async function fromCredential (path: string): Promise<SealingKey | undefined> {
  const bytes = await reading(path, async () => await readSmall(path, 2 * SEALING_KEY_BYTES + 2))
  if (bytes === undefined) return undefined
  if (bytes.length === SEALING_KEY_BYTES) return { key: bytes, from: path }
  const hex = bytes.toString('latin1').trimEnd()
  if (!/^[0-9a-fA-F]{64}$/.test(hex)) {
    throw keystoreError(`${path}: holds ${bytes.length} bytes, wanted ${SEALING_KEY_BYTES} bytes or 64 hex digits`)
  }
  return { key: Buffer.from(hex, 'hex'), from: path }
}

async function reading (path: string, read: () => Promise<Buffer | undefined>): Promise<Buffer | undefined> {
  try {
    return await read()
  } catch (error) {
    throw error instanceof P2pdError ? error : systemError(`${path}: the sealing key cannot be read`, error)
  }
}
