/**
 * Structured log lines on stderr, one JSON object a line; on a terminal too, so that what is grepped is what is seen.
 *
 * Never holds payloads or keys. Text that came from a tenant or a peer goes through `safeText` first.
 */
import { pino, destination, type Logger } from 'pino'

export type { Logger }

/** Longest text from outside that one log field may hold, in characters. */
const MAX_FIELD_CHARACTERS = 256

/** Writes synchronously: a line logged before a crash is on disk when the process is gone. */
export function createLog (name: string, level = process.env['P2PD_LOG'] ?? 'info'): Logger {
  const known = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].includes(level)
  return pino({ name, level: known ? level : 'info', base: { name, pid: process.pid } }, destination({ fd: 2, sync: true }))
}

/**
 * Text of unknown origin, made safe to print: control, bidirectional and other invisible characters become \u escapes, so
 * that it cannot forge a line, colour a terminal or turn its own order round; cut to 256 characters.
 */
export function safeText (text: string): string {
  const cut = text.length > MAX_FIELD_CHARACTERS ? `${text.slice(0, MAX_FIELD_CHARACTERS)}…` : text
  return cut.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, character => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)
}
