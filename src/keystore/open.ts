/**
 * How a keystore is opened, and made on a fresh machine.
 *
 * Owns the order of the start: the directory is private, the database stands or is made, its lock is ours, the sealing key
 * is there and is the right one, the witness is readable. What is open when a step fails is closed again.
 */
import { readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { P2pdError } from '../errors.ts'
import { createDatabase, Database, databaseExists } from './database.ts'
import type { CloseOnExec } from './descriptors.ts'
import { databasePath, systemError } from './faults.ts'
import { privateDirectory } from './files.ts'
import type { Sources } from './inspect.ts'
import { assertRightKey, newMeta, readMeta } from './meta.ts'
import { existingSealingKey, newSealingKey, type SealingKeySettings } from './sealingKey.ts'
import { Witness } from './witness.ts'

export interface KeystoreSettings {
  /** Made with mode 0700 where it is missing; refused where others can reach it. */
  stateDir: string
  /** Seals under a passphrase instead of a key file. Its final line end is not part of it. */
  passphraseFile?: string
  /** Where $CREDENTIALS_DIRECTORY is looked up; process.env if absent. */
  env?: Readonly<Record<string, string | undefined>>
  /** Required of a process that spawns others while the keystore is open: see descriptors.ts. */
  closeOnExec?: CloseOnExec
}

export async function openSources (given: KeystoreSettings): Promise<Sources> {
  const { passphraseFile, env = process.env, closeOnExec } = given
  const stateDir = resolve(given.stateDir)
  const settings: SealingKeySettings = { stateDir, env, ...passphraseFile === undefined ? {} : { passphraseFile } }
  await makeDirectory(stateDir)
  await makeDatabase(settings)
  const database = await Database.open(databasePath(stateDir), closeOnExec)
  try {
    const sealingKey = await existingSealingKey(settings, readMeta(database, stateDir).scrypt)
    assertRightKey(database, sealingKey, stateDir)
    await removeLeftovers(stateDir)
    return { stateDir, database, sealingKey: sealingKey.key, witness: await Witness.load(stateDir) }
  } catch (error) {
    await database.close()
    throw error
  }
}

async function makeDirectory (stateDir: string): Promise<void> {
  try {
    await privateDirectory(stateDir)
  } catch (error) {
    throw error instanceof P2pdError ? error : systemError(`${stateDir}: the state directory cannot be made`, error)
  }
}

/** Where the witness still names identities, they stay missing, each with its mend; only what is new is enrolled here. */
async function makeDatabase (settings: SealingKeySettings): Promise<void> {
  const location = databasePath(settings.stateDir)
  if (await databaseExists(location)) return
  try {
    await createDatabase(location, newMeta(await newSealingKey(settings)))
  } catch (error) {
    // Made by another p2pd meanwhile: opening it says so.
    if (!await databaseExists(location)) throw error
  }
}

/** What crashes left beside the database and its key before they were renamed into place. Only with the lock held. */
async function removeLeftovers (stateDir: string): Promise<void> {
  for (const entry of await readdir(stateDir)) {
    if (/^keystore(?:\.key)?\.new-[0-9a-f]{16}$/.test(entry)) await rm(join(stateDir, entry), { recursive: true, force: true })
  }
}
