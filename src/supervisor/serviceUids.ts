/**
 * Which tenant's hosts run under which uid: allocated once for a tenant's immutable id, kept on disk, and never given to
 * another. Names come and go; an id that is removed takes its uid along.
 */
import { join } from 'node:path'
import { ConfigError, messageOf } from '../errors.ts'
import { ownUid, readPrivate, replaceFile } from '../keystore/files.ts'
import { isIn, whyNotThisRange, type UidRange } from '../config/uidRange.ts'
import { mayChangeUsers } from '../os/rights.ts'

const VERSION = 1
/** A hundred thousand tenants. */
const MAX_FILE_BYTES = 8 * 1024 * 1024

export class ServiceUids {
  readonly #file: string
  readonly #range: UidRange
  readonly #uids: Map<string, number>
  #queue: Promise<unknown> = Promise.resolve()

  private constructor (file: string, range: UidRange, uids: Map<string, number>) {
    this.#file = file
    this.#range = range
    this.#uids = uids
  }

  get range (): UidRange { return this.#range }

  /** Throws a ConfigError when a tenant's app is one of those hosts run as. */
  assertNoApp (tenants: ReadonlyArray<{ name: string, app: { uid: number } }>): void {
    const faults = tenants.filter(({ app }) => isIn(this.#range, app.uid)).map(({ name, app }) => ({
      file: `${name}.yaml`, path: 'app', what: `uid ${app.uid} is one of those that hosts run under, ${this.#range.first} to ${this.#range.last}: no program may be one`
    }))
    if (faults.length > 0) throw new ConfigError(faults)
  }

  /** Rejects with a ConfigError when what was kept cannot be read: a uid that was another's is not to be guessed. */
  static async open (stateDir: string, range: UidRange): Promise<ServiceUids> {
    const faults = whyNotThisRange(range)
    if (!mayChangeUsers()) faults.push('cannot be used: p2pd runs as root, and has not the capabilities CAP_SETUID, CAP_SETGID and CAP_KILL that it takes to give hosts users of their own')
    if (faults.length > 0) throw new ConfigError(faults.map(what => ({ file: 'argv', path: '--service-uids', what: `${range.first}-${range.last} ${what}` })))
    const file = join(stateDir, 'service-uids.json')
    try {
      const bytes = await readPrivate(file, MAX_FILE_BYTES, [ownUid()])
      return new ServiceUids(file, range, bytes === undefined ? new Map<string, number>() : parse(bytes.toString('utf8')))
    } catch (cause) {
      throw new ConfigError([{ file, path: '', what: `cannot be used (${messageOf(cause)}): restore it from a backup; without one, move it away, and every tenant's host gets a new uid` }])
    }
  }

  /** On disk when this resolves. ERR_CONFIG when the range is used up. */
  async of (id: string): Promise<number> {
    const turn = this.#queue.then(async () => await this.#allocated(id))
    this.#queue = turn.catch(() => {})
    return await turn
  }

  async #allocated (id: string): Promise<number> {
    const known = this.#uids.get(id)
    // One of an earlier range has nothing on disk and no process: a new one is as good, and the operator has named where from.
    if (known !== undefined && isIn(this.#range, known)) return known
    const uid = this.#free()
    const uids = new Map(this.#uids).set(id, uid)
    await replaceFile(this.#file, JSON.stringify({ version: VERSION, uids: Object.fromEntries(uids) }))
    this.#uids.set(id, uid)
    return uid
  }

  /** After all that were ever given. */
  #free (): number {
    const { first, last } = this.#range
    const uid = Math.max(first - 1, ...[...this.#uids.values()].filter(given => isIn(this.#range, given))) + 1
    if (uid <= last) return uid
    throw new ConfigError([{ file: 'argv', path: '--service-uids', what: `all uids from ${first} to ${last} have been given to tenants, and none is given twice: name a larger range` }])
  }
}

function parse (text: string): Map<string, number> {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || !('version' in value) || !('uids' in value)) throw new TypeError('it is not what p2pd wrote')
  const { version, uids } = value
  if (version !== VERSION) throw new TypeError(`it has version ${String(version)}, this p2pd knows version ${VERSION}`)
  if (typeof uids !== 'object' || uids === null) throw new TypeError('it is not what p2pd wrote')
  const entries = Object.entries(uids as Record<string, unknown>)
  const numbers = new Set(entries.map(([, uid]) => uid))
  if (!entries.every(([, uid]) => isUid(uid)) || numbers.size !== entries.length) throw new TypeError('it gives one uid to two tenants, or no uid')
  return new Map(entries as Array<[string, number]>)
}

function isUid (value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0 && Number(value) < 2 ** 32
}
