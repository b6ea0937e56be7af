/**
 * The sentences of the keystore's errors, and the mends they name.
 *
 * Owns the wording, so that the same trouble is told the same way wherever it is found. Finds nothing itself.
 */
import { join } from 'node:path'
import { P2pdError } from '../errors.ts'

export function keystoreError (message: string, cause?: unknown): P2pdError {
  return new P2pdError('ERR_KEYSTORE', message, cause === undefined ? {} : { cause })
}

/** An error of the file system, as ERR_SYSTEM: what was tried, and what the system said. */
export function systemError (what: string, cause: unknown): P2pdError {
  return new P2pdError('ERR_SYSTEM', `${what}: ${reasonOf(cause)}`, { cause })
}

/** `No space left on device` rather than Level's or Node's whole line, which names files the operator does not know. */
export function reasonOf (cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  const node = /^E[A-Z]+: ([^,]+), /.exec(text)
  const level = /^IO error: .*?: ([^/]+)$/.exec(text)
  return node?.[1] ?? level?.[1] ?? text
}

/** Where the database of a state directory is. */
export function databasePath (stateDir: string): string {
  return join(stateDir, 'keystore')
}

/** Where the witness of a state directory is. */
export function witnessPath (stateDir: string): string {
  return join(stateDir, 'identities.json')
}

/** The three ways out when one identity cannot be used; none of them is taken unasked. */
export function mendFor (stateDir: string, name: string): string {
  return `restore ${databasePath(stateDir)} from a backup, or \`p2pctl key import ${name} FILE\`, or give it a new ` +
    `identity deliberately with \`p2pctl key renew ${name}\``
}

/** The way out when the database as a whole cannot be used. */
export function storeMend (stateDir: string): string {
  return `restore ${databasePath(stateDir)} from a backup, or move it away and import the keys again ` +
    '(`p2pctl key import NAME FILE`)'
}
