/**
 * The identities, through the daemon while one runs and straight from the keystore while none does.
 *
 * Owns that choice, so that no command has to make it, and that looking makes no keystore: how a new one is sealed is
 * decided by whoever puts the first identity in.
 */
import { existsSync } from 'node:fs'
import { P2pdError } from '../errors.ts'
import { databasePath, witnessPath } from '../keystore/faults.ts'
import type { Identity, IdentityInfo, Keystore } from '../keystore/keystore.ts'
import type { Context } from './context.ts'
import { findDaemon, type Daemon } from './daemon.ts'

export interface Identities {
  list (): Promise<IdentityInfo[]>
  /** The libp2p PrivateKey protobuf. */
  export (name: string): Promise<Uint8Array>
  import (name: string, privateKey: Uint8Array, options?: { replace?: boolean }): Promise<IdentityInfo>
  renew (name: string): Promise<IdentityInfo>
  remove (name: string): Promise<void>
}

export interface Access {
  readonly identities: Identities
  /** The one that is asked; undefined where none runs. */
  readonly daemon: Daemon | undefined
}

/** Lets the work use the identities, and closes the keystore after it if it had to be opened. */
export async function withIdentities<T> (context: Context, work: (access: Access) => Promise<T>): Promise<T> {
  const daemon = await findDaemon(context)
  if (daemon !== undefined) return await work({ identities: daemon.admin, daemon })
  await using keystore = new OfflineKeystore(context)
  return await work({ identities: keystore, daemon })
}

/** The peer ID a name has, or should have where it is damaged. */
export async function peerIdOf (identities: Identities, name: string): Promise<string | undefined> {
  return (await identities.list()).find(identity => identity.name === name)?.peerId
}

/** Opens the keystore when it is first asked for something that is, or is going to be, in it. */
class OfflineKeystore implements Identities, AsyncDisposable {
  readonly #context: Context
  #opened: Promise<Keystore> | undefined

  constructor (context: Context) {
    this.#context = context
  }

  async list (): Promise<IdentityInfo[]> {
    return this.#exists() ? await (await this.#open()).list() : []
  }

  async export (name: string): Promise<Uint8Array> {
    return await (await this.#existing(name)).export(name)
  }

  async import (name: string, privateKey: Uint8Array, options?: { replace?: boolean }): Promise<IdentityInfo> {
    return withoutKey(await (await this.#open()).import(name, privateKey, options))
  }

  async renew (name: string): Promise<IdentityInfo> {
    return withoutKey(await (await this.#existing(name)).renew(name))
  }

  async remove (name: string): Promise<void> {
    if (this.#exists()) await (await this.#open()).remove(name)
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    const keystore = await this.#opened?.catch(() => undefined)
    await keystore?.close()
  }

  /** The witness alone is a keystore that lost its database, and has to say so. */
  #exists (): boolean {
    const { stateDir } = this.#context.settings
    return existsSync(databasePath(stateDir)) || existsSync(witnessPath(stateDir))
  }

  async #existing (name: string): Promise<Keystore> {
    if (this.#exists()) return await this.#open()
    const { stateDir } = this.#context.settings
    throw new P2pdError('ERR_KEYSTORE', `${name}: has no identity, there is no keystore in ${stateDir}: name the --state directory of p2pd if it is another`)
  }

  async #open (): Promise<Keystore> {
    this.#opened ??= open(this.#context)
    return await this.#opened
  }
}

/** Loaded only here: the database and the key types are most of what p2pctl would take to start. */
async function open ({ settings: { stateDir, passphraseFile } }: Context): Promise<Keystore> {
  const [{ Keystore }, { closeOnExec }] = await Promise.all([import('../keystore/keystore.ts'), import('../os/process.ts')])
  return await Keystore.open({ stateDir, closeOnExec, ...passphraseFile !== undefined && { passphraseFile } })
}

function withoutKey (identity: Identity): IdentityInfo {
  const { privateKey: _, ...info } = identity
  return info
}
