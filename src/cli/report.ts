/**
 * How a command that failed says so: the sentence on stderr, and the exit code.
 *
 * 2 for what was asked wrongly or stands wrongly in a file, each fault on a line of its own as `file: path: what`; 1 for
 * everything else. Never a stack: it is of no use to an operator.
 */
import { CommanderError } from 'commander'
import { ConfigError, P2pdError, formatFault, messageOf, type ErrorCode, type Fault } from '../errors.ts'
import { sentence } from './output.ts'

/** The operator's to mend on the command line or in a file. */
const USAGE: readonly ErrorCode[] = ['ERR_CONFIG', 'ERR_REQUEST']

interface Failure { code: ErrorCode, message: string, faults?: readonly Fault[] }

/** Prints what went wrong and returns the exit code. */
export function report (error: unknown, json: boolean): number {
  // Help and version end as errors in commander, and have been printed.
  if (error instanceof CommanderError && error.exitCode === 0) return 0
  const failure = failureOf(error)
  process.stderr.write(json ? `${JSON.stringify({ error: failure })}\n` : text(failure))
  return USAGE.includes(failure.code) ? 2 : 1
}

function failureOf (error: unknown): Failure {
  if (error instanceof ConfigError) return { code: error.code, message: error.message, faults: error.faults }
  if (error instanceof P2pdError) return { code: error.code, message: error.message }
  if (error instanceof CommanderError) return { code: 'ERR_CONFIG', message: usage(error) }
  return { code: 'ERR_SYSTEM', message: messageOf(error) }
}

/** A command without its subcommand has its help printed, and `(outputHelp)` for a message. */
function usage ({ code, message }: CommanderError): string {
  return code === 'commander.help' ? 'name a command; `p2pctl --help` lists them' : message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
}

function text ({ message, faults }: Failure): string {
  return faults === undefined ? `p2pctl: ${sentence(message)}\n` : faults.map(fault => `${sentence(formatFault(fault))}\n`).join('')
}
