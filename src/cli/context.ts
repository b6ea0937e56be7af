/**
 * What every command is given: the directories the command line means, and how to answer.
 *
 * Owns the options that all commands have. An answer goes to stdout, a note to stderr; each as text for people, or as JSON.
 */
import type { Command } from 'commander'
import type { Settings } from '../config/settings.ts'
import { print, printJson, sentence } from './output.ts'
import { settingsFrom } from './paths.ts'

export interface Context {
  readonly json: boolean
  readonly settings: Settings
  /** Those of the directories that were named on the command line: a running daemon has to agree with them. */
  readonly named: { readonly tenantsDir?: string, readonly policyDir?: string, readonly stateDir?: string }
  /** The command's result, once. */
  readonly answer: (json: unknown, text: string) => void
  /** What happens meanwhile, beside the result. */
  readonly note: (event: { readonly event: string, readonly [key: string]: unknown }, text: string) => void
}

interface Flags { tenants?: string, policy?: string, state?: string, run?: string, passphraseFile?: string, json?: boolean }

export function addGlobalOptions (program: Command): Command {
  return program
    .option('--tenants <dir>', 'manifests of the tenants (default: ./tenants in a checkout, else /etc/p2pd/tenants)')
    .option('--policy <dir>', 'what decides requests (default: ./policy in a checkout, else /etc/p2pd/policy)')
    .option('--state <dir>', 'keystore and other durable state (default: /var/lib/p2pd, or $XDG_STATE_HOME/p2pd)')
    .option('--run <dir>', 'sockets of the daemon (default: /run/p2pd, or $XDG_RUNTIME_DIR/p2pd)')
    .option('--passphrase-file <file>', 'what the keystore is sealed under, where no daemon runs that has it open')
    .option('--json', 'one line of JSON instead of text')
}

/** Throws a ConfigError when the options do not go together. */
export function contextOf (command: Command): Context {
  const { json = false, ...flags } = command.optsWithGlobals<Flags>()
  const settings = settingsFrom(flags)
  return {
    json,
    settings,
    named: {
      ...flags.tenants !== undefined && { tenantsDir: settings.tenantsDir },
      ...flags.policy !== undefined && { policyDir: settings.policyDir },
      ...flags.state !== undefined && { stateDir: settings.stateDir }
    },
    answer (value, text) {
      if (json) printJson(value)
      else print(text)
    },
    note (event, text) {
      process.stderr.write(json ? `${JSON.stringify(event)}\n` : `${sentence(text)}\n`)
    }
  }
}
