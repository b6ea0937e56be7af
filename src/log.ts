/**
 * Structured log lines on stderr, one JSON object a line; on a terminal too, so that what is grepped is what is seen.
 *
 * Never holds payloads or keys. Text that came from a tenant or a peer goes through `safeText` first.
 */
import { pino, destination, type Logger, type LoggerOptions } from 'pino'
import { TokenBucket } from './tokenBucket.ts'

export type { Logger }

/** Longest text from outside that one log field may hold, in characters. */
const MAX_FIELD_CHARACTERS = 256

/** Writes synchronously: a line logged before a crash is on disk when the process is gone. */
export function createLog (name: string, level = process.env['P2PD_LOG'] ?? 'info'): Logger {
  const known = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].includes(level)
  return pino({ name, level: known ? level : 'info', base: { name, pid: process.pid }, hooks: { logMethod: paced() } }, destination({ fd: 2, sync: true }))
}

/** Lines a second of what goes on and of what others do wrong: whoever can make a line could make as many as they like. */
const PACED = { perSecond: 20, burst: 200 }
const INFO = 30
const ERROR = 50

/** What is left out is counted in a line of its own, as soon as one may be written again. */
function paced (): NonNullable<NonNullable<LoggerOptions['hooks']>['logMethod']> {
  const lines = new TokenBucket(PACED)
  let dropped = 0
  return function (args, method, level) {
    if (level >= INFO && level < ERROR) {
      if (!lines.take()) {
        dropped++
        return
      }
      if (dropped > 0) method.call(this, { dropped }, 'lines are missing here: there were too many')
      dropped = 0
    }
    method.apply(this, args)
  }
}

/**
 * Text of unknown origin, made safe to print: control, bidirectional and other invisible characters become \u escapes, so
 * that it cannot forge a line, colour a terminal or turn its own order round; cut to 256 characters.
 */
export function safeText (text: string): string {
  const cut = text.length > MAX_FIELD_CHARACTERS ? `${text.slice(0, MAX_FIELD_CHARACTERS)}…` : text
  return cut.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, character => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)
}
