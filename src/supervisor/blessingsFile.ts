/**
 * `<state>/blessings.json`: what is kept of blessings, and how much of a file is believed.
 *
 * A file that is not what p2pd wrote is a fault with its mend. Taking it for an empty one would bless again what an operator
 * has taken back.
 */
import { join } from 'node:path'
import { MAX_GRANT_SECONDS, type Grant } from '../blessing/grant.ts'
import { whyNoScope } from '../blessing/scopeRules.ts'
import { NAME_PATTERN } from '../config/names.ts'
import { ConfigError, P2pdError, messageOf } from '../errors.ts'
import { ownUid, readPrivate, replaceFile } from '../keystore/files.ts'
import type { BlessingsState } from './blessingsTable.ts'

const VERSION = 1

/** Ten thousand tenants with one each; thirty with as many as there can be, of the longest kind. */
const MAX_FILE_BYTES = 8 * 1024 * 1024
/** Taking one back writes a file as long, and never fails for its length: what is read may be a little longer. */
const MAX_READ_BYTES = 2 * MAX_FILE_BYTES

const EMPTY: BlessingsState = { epoch: 0, grants: [], revoked: [] }

/** `2100-01-01`: no clock that is right shows a later time, and arithmetic with these stays exact. */
const MAX_SECONDS = 4_102_444_800

export class BlessingsFile {
  readonly #path: string

  constructor (stateDir: string) {
    this.#path = join(stateDir, 'blessings.json')
  }

  /** Nothing where there is no file. Rejects with a ConfigError that names the mend. */
  async read (): Promise<BlessingsState> {
    try {
      const bytes = await readPrivate(this.#path, MAX_READ_BYTES, [ownUid()])
      return bytes === undefined ? EMPTY : parse(bytes.toString('utf8'))
    } catch (cause) {
      throw new ConfigError([{
        file: this.#path,
        path: '',
        what: `cannot be used (${messageOf(cause)}): move it away. Then what operators gave is gone, and what they had taken back of manifests' blessings stands again, until it is taken back again: \`p2pctl unbless\``
      }])
    }
  }

  /** On disk when it resolves; what was there before stands when it rejects, with ERR_LIMIT or ERR_SYSTEM. */
  async write (state: BlessingsState, { mayGrow }: { mayGrow: boolean }): Promise<void> {
    const text = JSON.stringify({ version: VERSION, ...state })
    if (mayGrow && Buffer.byteLength(text) > MAX_FILE_BYTES) {
      throw new P2pdError('ERR_LIMIT', `${this.#path} would be over ${MAX_FILE_BYTES} bytes: end blessings that are not needed, with \`p2pctl unbless\``)
    }
    try {
      await replaceFile(this.#path, text)
    } catch (cause) {
      throw new P2pdError('ERR_SYSTEM', `${this.#path} cannot be written (${messageOf(cause)}): nothing has changed`, { cause })
    }
  }
}

function parse (text: string): BlessingsState {
  const value: unknown = JSON.parse(text)
  if (!isRecord(value) || !('version' in value)) throw new TypeError('it is not what p2pd wrote')
  const { version, epoch, grants, revoked } = value
  if (version !== VERSION) throw new TypeError(`it has version ${String(version)}, this p2pd knows version ${VERSION}`)
  if (!isWhole(epoch) || !Array.isArray(grants) || !Array.isArray(revoked)) throw new TypeError('it is not what p2pd wrote')
  const all: unknown[] = [...grants, ...revoked]
  for (const grant of all) {
    const why = whyNoGrant(grant, epoch)
    if (why !== undefined) throw new TypeError(why)
  }
  const state = { epoch, grants: grants as Grant[], revoked: revoked as Grant[] }
  if (new Set([...state.grants, ...state.revoked].map(({ id }) => id)).size !== all.length) throw new TypeError('it has one id twice')
  return state
}

function whyNoGrant (value: unknown, lastEpoch: number): string | undefined {
  if (!isRecord(value)) return 'it has something else among the blessings'
  const { id, tenant, tenantId, actions, resources, epoch, notBefore, expires, source } = value
  if (typeof id !== 'string' || !/^[0-9a-f]{32}$/.test(id)) return 'it has a blessing without an id'
  if (typeof tenant !== 'string' || !NAME_PATTERN.test(tenant) || typeof tenantId !== 'string' || tenantId === '') return `${id} has no tenant`
  if (!isTexts(actions) || !isTexts(resources)) return `${id} does not say what it is for`
  const why = whyNoScope({ actions, resources })
  if (why !== undefined) return `${id}: ${why}`
  if (!isWhole(epoch) || epoch < 1 || epoch > lastEpoch) return `${id} has an epoch that was not yet`
  if (!isWhole(notBefore) || !isWhole(expires) || expires > MAX_SECONDS || expires <= notBefore || expires - notBefore > MAX_GRANT_SECONDS) return `${id} has times that cannot be`
  return source === 'operator' || source === 'manifest' ? undefined : `${id} does not say who gave it`
}

function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts (value: unknown): value is string[] {
  return Array.isArray(value) && value.every(text => typeof text === 'string')
}

function isWhole (value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
