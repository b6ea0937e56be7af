/**
 * The keystore: every tenant's identity, kept sealed, and never replaced by a fresh one unless someone asks for that.
 *
 * Owns the order in which database and witness change, and one change at a time. The parts stand beside it: database.ts
 * (Level), witness.ts, inspect.ts (what is the matter with a name), sealingKey.ts, open.ts (start).
 */
import { messageOf } from '../errors.ts'
import { keystoreError } from './faults.ts'
import { identityOf, infoOf, type Identity, type IdentityInfo } from './identity.ts'
import { expectedPeerId, inspect, type Finding, type Sources } from './inspect.ts'
import { openSources, type KeystoreSettings } from './open.ts'
import { generateEd25519, provePrivateKey, type ParsedKey } from './privateKey.ts'
import { assertName, putIdentity, recordOf, tenantKey, tenantNames } from './record.ts'
import { retiredKeys } from './retire.ts'

export type { Identity, IdentityInfo } from './identity.ts'
export type { KeystoreSettings } from './open.ts'

export class Keystore implements AsyncDisposable {
  readonly #sources: Sources
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor (sources: Sources) {
    this.#sources = sources
  }

  /**
   * Opens the keystore of a state directory, and makes it where the directory has none. ERR_OCCUPIED if another process
   * has it open, ERR_KEYSTORE if it is damaged or its sealing key is not there, ERR_SYSTEM if the disk refuses.
   */
  static async open (settings: KeystoreSettings): Promise<Keystore> {
    const sources = await openSources(settings)
    const keystore = new Keystore(sources)
    try {
      await keystore.#inTurn(async () => { await keystore.#noteUnwitnessed(tenantNames(sources.database)) })
      return keystore
    } catch (error) {
      await keystore.close()
      throw error
    }
  }

  /** The name's identity; a fresh Ed25519 one if it never had any; ERR_KEYSTORE if it had one that cannot be used. */
  async identity (name: string): Promise<Identity> {
    return await this.#on(name, async () => {
      if (this.#inspect(name).state === 'absent') await this.#sources.database.ready()
      const finding = this.#inspect(name)
      if (finding.state === 'damaged') throw keystoreError(finding.fault, finding.cause)
      if (finding.state === 'absent') return await this.#enrol(name, await generateEd25519(), finding)
      if (!finding.witnessed) await this.#noteUnwitnessed([name])
      return identityOf(name, finding.record, finding.privateKey)
    })
  }

  /**
   * Gives the name this key. It refuses to take another identity's place unless `replace` is set; the key that the name
   * should have is taken without it, and mends a damaged entry.
   */
  async import (name: string, privateKey: Uint8Array, { replace = false }: { replace?: boolean } = {}): Promise<Identity> {
    return await this.#on(name, async () => {
      const key = await provePrivateKey(privateKey).catch((error: unknown) => {
        throw keystoreError(`${name}: ${messageOf(error)}`, error)
      })
      await this.#sources.database.ready()
      const finding = this.#inspect(name)
      const expected = expectedPeerId(finding)
      if (finding.state === 'whole' && finding.witnessed && expected === key.peerId) {
        return identityOf(name, finding.record, finding.privateKey)
      }
      if (finding.state !== 'absent' && expected !== key.peerId && !replace) {
        const had = expected === undefined ? 'an identity that cannot be read' : `peer ID ${expected}`
        throw keystoreError(`${name}: has ${had}, this key would give it ${key.peerId}: ask for the replacement (--replace) ` +
          'if that is meant')
      }
      return await this.#enrol(name, key, finding)
    })
  }

  /** The libp2p PrivateKey protobuf, as `p2pd -id` takes it. ERR_KEYSTORE if there is none: exporting enrols nobody. */
  async export (name: string): Promise<Uint8Array> {
    return await this.#on(name, async () => {
      const finding = this.#inspect(name)
      if (finding.state === 'whole') return finding.privateKey
      throw finding.state === 'damaged' ? keystoreError(finding.fault, finding.cause) : unknownName(name)
    })
  }

  /** A new identity on purpose, in place of the one it has or of what is left of it. ERR_KEYSTORE if it never had any. */
  async renew (name: string): Promise<Identity> {
    return await this.#on(name, async () => {
      await this.#sources.database.ready()
      const finding = this.#inspect(name)
      // Not enrolled for the asking: a mistyped name would get an identity nobody uses.
      if (finding.state === 'absent') throw unknownName(name)
      return await this.#enrol(name, await generateEd25519(), finding)
    })
  }

  /** Every name that has or should have an identity, in order of name. */
  async list (): Promise<IdentityInfo[]> {
    return await this.#inTurn(async () => {
      const { database, witness } = this.#sources
      const names = new Set([...tenantNames(database), ...witness.names()])
      return [...names].sort().map(name => infoOf(name, this.#inspect(name))).filter(info => info !== undefined)
    })
  }

  /** Retires the name's identity for good; a name without one is no fault. The name enrolled again gets another. */
  async remove (name: string): Promise<void> {
    await this.#on(name, async () => {
      const { database, witness } = this.#sources
      await database.ready()
      const finding = this.#inspect(name)
      if (finding.state === 'absent') return
      // The other way round, a crash in between would leave a name that looks as if it had lost its key. If the database
      // then refuses, the identity is still in it, and is noted again when it is next asked for.
      await witness.note(new Map([[name, undefined]]))
      await database.write([{ type: 'del', key: tenantKey(name) }, ...retiredKeys(this.#sources, name, finding)])
    })
  }

  /** Waits for what is under way; whatever is asked afterwards fails. */
  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#last
    await this.#sources.database.close()
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.close()
  }

  /**
   * The one place where an identity is written: the database first, then the witness. What the witness will say is on disk
   * before either, so that a full disk refuses while nothing has changed.
   */
  async #enrol (name: string, key: ParsedKey, finding: Finding): Promise<Identity> {
    const { database, sealingKey, witness } = this.#sources
    // The same key again: the tenant keeps its id, only what was damaged is written anew.
    const kept = finding.state !== 'absent' && finding.record?.peerId === key.peerId ? finding.record : undefined
    const record = { ...recordOf(key, witness.get(name)), ...kept === undefined ? {} : { id: kept.id, created: kept.created } }
    const retired = kept === undefined ? retiredKeys(this.#sources, name, finding) : []
    const noted = await witness.prepare(new Map([[name, key.peerId]]))
    try {
      await database.write([...retired, ...putIdentity(sealingKey, name, record, key.bytes)])
    } catch (error) {
      await noted.discard()
      throw error
    }
    await noted.commit()
    return identityOf(name, record, key.bytes)
  }

  /** What a crash between the two writes left undone. */
  async #noteUnwitnessed (names: string[]): Promise<void> {
    const missing = new Map<string, string>()
    for (const name of names) {
      const finding = this.#inspect(name)
      if (finding.state === 'whole' && !finding.witnessed) missing.set(name, finding.record.peerId)
    }
    if (missing.size > 0) await this.#sources.witness.note(missing)
  }

  #inspect (name: string): Finding {
    return inspect(this.#sources, name)
  }

  async #on<T> (name: string, work: () => Promise<T>): Promise<T> {
    assertName(name)
    return await this.#inTurn(work)
  }

  /** One at a time, in the order asked: two calls for one new name enrol it once. */
  async #inTurn<T> (work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw keystoreError('the keystore is closed')
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => {})
    return await turn
  }
}

function unknownName (name: string): Error {
  return keystoreError(`${name}: has no identity; a tenant gets one when it first starts, or with ` +
    `\`p2pctl key import ${name} FILE\``)
}
