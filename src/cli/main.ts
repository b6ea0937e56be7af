/**
 * p2pctl: what an operator asks of p2pd, and a tenant's streams by hand.
 *
 * Owns the table of commands and the process: its exit code (0 done, 1 a fault, 2 wrong usage or configuration), and that
 * everything is printed before it ends. What is slow to load (manifests, libp2p, the keystore) is imported by the commands
 * that need it, when they run.
 */
import { Command } from 'commander'
import { VERSION } from '../version.ts'
import { audit } from './commands/audit.ts'
import { bless } from './commands/bless.ts'
import { blessings } from './commands/blessings.ts'
import { dial } from './commands/dial.ts'
import { keyExport } from './commands/keyExport.ts'
import { keyImport } from './commands/keyImport.ts'
import { keyList } from './commands/keyList.ts'
import { keyRemove } from './commands/keyRemove.ts'
import { keyRenew } from './commands/keyRenew.ts'
import { listen } from './commands/listen.ts'
import { policyCheck } from './commands/policyCheck.ts'
import { policyExplain } from './commands/policyExplain.ts'
import { reload } from './commands/reload.ts'
import { services } from './commands/services.ts'
import { status } from './commands/status.ts'
import { tenantAdd } from './commands/tenantAdd.ts'
import { tenantList } from './commands/tenantList.ts'
import { tenantRemove } from './commands/tenantRemove.ts'
import { tenantRestart } from './commands/tenantRestart.ts'
import { unbless } from './commands/unbless.ts'
import { addGlobalOptions } from './context.ts'
import { examples } from './help.ts'
import { report } from './report.ts'

type Declare = (parent: Command) => void

/** Under '' what is a command by itself. In the order of `p2pctl --help`. */
const COMMANDS: Readonly<Record<string, { summary: string, commands: readonly Declare[], examples: Readonly<Record<string, string>> }>> = {
  '': {
    summary: 'Asks a running p2pd, or works on its files while none runs. Exit codes: 0 done, 1 a fault, 2 wrong usage or configuration, with every fault on a line of its own.',
    commands: [status, reload, bless, unbless, blessings, services, audit, dial, listen],
    examples: {
      'p2pctl status': 'how the daemon and its tenants are',
      'p2pctl tenant add chat': 'a new tenant, served at once',
      'p2pctl dial chat indexer /echo/1.0.0': 'a stream from one tenant to another'
    }
  },
  tenant: {
    summary: 'add, remove, list and restart tenants',
    commands: [tenantList, tenantAdd, tenantRemove, tenantRestart],
    examples: { 'p2pctl tenant list': 'who there is', 'p2pctl tenant add chat --user alice': 'one more' }
  },
  policy: {
    summary: 'what decides requests: check it, ask it',
    commands: [policyCheck, policyExplain],
    examples: { 'p2pctl policy check': 'before a reload', 'p2pctl policy explain chat openStream /chat/1.0.0': 'who decides, and why' }
  },
  key: {
    summary: 'tenants\' identities: list, back up, bring back, renew, forget',
    commands: [keyList, keyExport, keyImport, keyRenew, keyRemove],
    examples: { 'p2pctl key list': 'every identity', 'p2pctl key export chat chat.key': 'a backup of one' }
  }
}

function makeProgram (): Command {
  // What is set here before a command is added is the command's too.
  const program = addGlobalOptions(new Command('p2pctl'))
    .version(VERSION)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => { /* report() prints it */ } })
    .exitOverride()
  for (const [name, { summary, commands, examples: rows }] of Object.entries(COMMANDS)) {
    const parent = name === '' ? program.description(summary) : program.command(name).summary(summary).description(summary)
    parent.addHelpText('after', examples(rows))
    for (const declare of commands) declare(parent)
  }
  return program
}

/** Resolves when what was printed is with its reader: process.exit() waits for no pipe. */
async function flushed (stream: NodeJS.WriteStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  stream.write('', () => { resolve(undefined) })
  await promise
}

// Whoever reads no further (`| head`) has what they want. Commands to whom it matters listen themselves.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
const program = makeProgram()
let exitCode = 0
try {
  await program.parseAsync()
} catch (error) {
  exitCode = report(error, program.opts<{ json?: boolean }>().json ?? process.argv.includes('--json'))
}
await Promise.all([flushed(process.stdout), flushed(process.stderr)])
// What libraries leave behind (an idle connection, a reader on stdin) must not hold the process.
process.exit(exitCode)
