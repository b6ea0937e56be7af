/**
 * Private keys in files of the operator's: made for their owner alone and never over another file unasked, read within bounds.
 */
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { P2pdError, messageOf } from '../errors.ts'

/** An RSA key of 8192 bits, the largest there is, is 4.7 kB; what is more is another file. */
const MAX_KEY_BYTES = 16 * 1024

/** ERR_OCCUPIED where there is a file and it is not to be replaced; then nothing is touched. */
export async function writeKeyFile (path: string, key: Uint8Array, { replace }: { replace: boolean }): Promise<void> {
  // A file that is there is not opened: it could be a link, or one that others can read already. Not link(2) in place of
  // O_EXCL: a stick for backups has a file system without it.
  const target = replace ? `${path}.new-${randomBytes(6).toString('hex')}` : path
  try {
    const file = await open(target, 'wx', 0o600)
    try {
      await file.writeFile(key)
      await file.sync()
      if (replace) await rename(target, path)
    } catch (error) {
      await rm(target, { force: true })
      throw error
    } finally {
      await file.close()
    }
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    throw isThere
      ? new P2pdError('ERR_OCCUPIED', `${path} is there already: name another file, or replace it with --force`, { cause })
      : new P2pdError('ERR_SYSTEM', `${path}: the key cannot be written: ${messageOf(cause)}`, { cause })
  }
}

/** The whole of a file, a pipe, or stdin for `-`. Whether it is a key is for others to say. */
export async function readKeyFile (path: string): Promise<Uint8Array> {
  const source: Readable = path === '-' ? process.stdin : createReadStream(path)
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MAX_KEY_BYTES) break
    }
  } catch (cause) {
    throw new P2pdError('ERR_SYSTEM', `${path}: cannot be read: ${messageOf(cause)}`, { cause })
  }
  if (bytes > MAX_KEY_BYTES) throw new P2pdError('ERR_KEYSTORE', `${path}: holds more than ${MAX_KEY_BYTES} bytes, more than any private key`)
  return Buffer.concat(chunks)
}
