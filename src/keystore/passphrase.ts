/**
 * A sealing key from a passphrase: scrypt, RFC 7914.
 *
 * Owns the parameters and their bounds. They stand in the database beside what they seal, unsealed of necessity; changing
 * them there gives another key, which the check value finds out.
 */
import { randomBytes, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { P2pdError } from '../errors.ts'
import { keystoreError, systemError } from './faults.ts'
import { ownUid, readPrivate } from './files.ts'
import { SEALING_KEY_BYTES } from './seal.ts'

export interface ScryptParameters {
  /** Cost: a power of two; memory is 128 * N * r bytes. */
  N: number
  r: number
  p: number
  /** Hex. */
  salt: string
}

/** N=2^17, r=8, p=1 is OWASP's first choice: 128 MiB and ~0.4 s, once a start. */
const COST = { N: 2 ** 17, r: 8, p: 1 }
const SALT_BYTES = 16

/** What a database may ask of us: 1 GiB. A changed record must not be able to eat the machine. */
const MAX_SCRYPT_BYTES = 2 ** 30
const MAX_PARALLEL = 16

/** Against an empty or cut file rather than against weak passphrases: those nothing here can judge. */
const MIN_PASSPHRASE_BYTES = 8
const MAX_PASSPHRASE_BYTES = 4096

const derive = promisify<string | Buffer, Buffer, number, { N: number, r: number, p: number, maxmem: number }, Buffer>(scrypt)

export function newScryptParameters (): ScryptParameters {
  return { ...COST, salt: randomBytes(SALT_BYTES).toString('hex') }
}

/** On the thread pool: the supervisor's event loop goes on meanwhile. */
export async function keyFromPassphrase (file: string, { N, r, p, salt }: ScryptParameters): Promise<Uint8Array> {
  const passphrase = await readPassphrase(file)
  // 128 * N * r is the table; the rest is working space that grows with r and p.
  return await derive(passphrase, Buffer.from(salt, 'hex'), SEALING_KEY_BYTES, { N, r, p, maxmem: 128 * (N + p + 2) * r })
}

export function isScryptParameters (value: unknown): value is ScryptParameters {
  if (typeof value !== 'object' || value === null) return false
  if (!('N' in value && 'r' in value && 'p' in value && 'salt' in value)) return false
  const { N, r, p, salt } = value
  return isCount(N) && isCount(r) && isCount(p) && Number.isInteger(Math.log2(N)) && N > 1 && p <= MAX_PARALLEL &&
    128 * N * r <= MAX_SCRYPT_BYTES && typeof salt === 'string' && /^(?:[0-9a-f]{2}){16,64}$/.test(salt)
}

function isCount (value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}

/** The file's bytes without one final line end, which editors and echo add. */
async function readPassphrase (file: string): Promise<Buffer> {
  let bytes
  try {
    // Root's too: a service is given files that root made for it.
    bytes = await readPrivate(file, MAX_PASSPHRASE_BYTES, [...new Set([ownUid(), 0])])
  } catch (error) {
    throw error instanceof P2pdError ? error : systemError(`${file}: the passphrase file cannot be read`, error)
  }
  if (bytes === undefined) throw keystoreError(`${file}: the passphrase file is missing`)
  const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? -2 : -1) : bytes.length
  const passphrase = bytes.subarray(0, end)
  if (passphrase.length < MIN_PASSPHRASE_BYTES) {
    throw keystoreError(`${file}: holds a passphrase of ${passphrase.length} bytes, wanted at least ${MIN_PASSPHRASE_BYTES}`)
  }
  return passphrase
}
