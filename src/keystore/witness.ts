/**
 * The witness: which names have which peer ID, in plain JSON outside the database.
 *
 * Owns identities.json. It holds no secret and restores nothing; it makes the loss of a database, or of an entry, something
 * that is noticed instead of a fresh identity. A name is added after the database has it and taken away before the
 * database loses it, so that a crash leaves the witness with too little, never with too much.
 */
import { P2pdError } from '../errors.ts'
import { keystoreError, systemError, witnessPath } from './faults.ts'
import { readSmall, stageFile, type Staged } from './files.ts'

/** 100 bytes a tenant: far above any machine's, and no damaged file eats the memory. */
const MAX_WITNESS_BYTES = 16 * 1024 * 1024

export class Witness {
  readonly #path: string
  #peerIds: Map<string, string>

  private constructor (path: string, peerIds: Map<string, string>) {
    this.#path = path
    this.#peerIds = peerIds
  }

  /** Empty where there is no file; ERR_KEYSTORE where there is one that cannot be understood. */
  static async load (stateDir: string): Promise<Witness> {
    const path = witnessPath(stateDir)
    try {
      const bytes = await readSmall(path, MAX_WITNESS_BYTES)
      return new Witness(path, bytes === undefined ? new Map<string, string>() : parse(path, bytes.toString('utf8')))
    } catch (error) {
      throw error instanceof P2pdError ? error : systemError(`${path}: cannot be read`, error)
    }
  }

  get (name: string): string | undefined {
    return this.#peerIds.get(name)
  }

  names (): string[] {
    return [...this.#peerIds.keys()]
  }

  /** On disk when it returns; undefined takes the name away. ERR_SYSTEM if the disk refuses: nothing has changed then. */
  async note (changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    await (await this.prepare(changes)).commit()
  }

  /** The same in two halves: what the disk can refuse it has refused before the first one resolves. */
  async prepare (changes: ReadonlyMap<string, string | undefined>): Promise<Staged> {
    const next = new Map(this.#peerIds)
    for (const [name, peerId] of changes) {
      if (peerId === undefined) next.delete(name)
      else next.set(name, peerId)
    }
    // fromEntries defines properties rather than assigning them: `__proto__` is a name like any other.
    const staged = await this.#trying(async () => await stageFile(this.#path, `${JSON.stringify(Object.fromEntries(next), undefined, 2)}\n`))
    return {
      commit: async () => {
        await this.#trying(staged.commit)
        this.#peerIds = next
      },
      discard: staged.discard
    }
  }

  async #trying<T> (work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw systemError(`${this.#path}: cannot be written`, error)
    }
  }
}

function parse (path: string, text: string): Map<string, string> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw damaged(path, 'is no JSON', cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damaged(path, 'is no JSON object')
  const entries: Array<[string, string]> = []
  for (const [name, peerId] of Object.entries(value)) {
    if (typeof peerId !== 'string' || peerId === '') throw damaged(path, `has no peer ID for ${JSON.stringify(name)}`)
    entries.push([name, peerId])
  }
  return new Map(entries)
}

function damaged (path: string, what: string, cause?: unknown): P2pdError {
  return keystoreError(`${path}: ${what}: restore it from a backup, or, if you are sure that the keystore beside it is whole, ` +
    'delete it: it is then written anew from the keystore', cause)
}
