/** `p2pd serve`: the service for many tenants. On a terminal it shows a table, otherwise a JSON line for each event. */
import { Command } from 'commander'
import { messageOf } from '../errors.ts'
import { createLog } from '../log.ts'
import { serve } from '../supervisor/main.ts'
import type { Row } from '../supervisor/rows.ts'
import { print, printJson, table } from './output.ts'
import { settingsFrom } from './paths.ts'
import { untilTold } from './untilTold.ts'

interface Flags { tenants?: string, policy?: string, state?: string, run?: string, passphraseFile?: string, audit?: string, serviceUids?: string, json?: boolean }

const EXAMPLES = `
Examples:
  p2pd serve                                    the shipped tenants in a checkout, /etc/p2pd/tenants otherwise
  p2pd serve --tenants ./apps --run /tmp/p2pd   your own tenants, sockets under /tmp/p2pd
  p2pd serve --json | jq                        one JSON line for each event

SIGHUP or \`p2pctl reload\` applies the tenants directory as it is then; SIGTERM and SIGINT stop everything.
`

/** Resolves with the exit code once it has stopped. */
export async function serveCommand (argv: readonly string[]): Promise<number> {
  const command = new Command('p2pd serve')
    .description('Runs one libp2p host for each tenant, each behind its own control socket.')
    .option('--tenants <dir>', 'one manifest for each tenant (default: ./tenants in a checkout, else /etc/p2pd/tenants)')
    .option('--policy <dir>', 'what decides requests (default: ./policy in a checkout, else /etc/p2pd/policy)')
    .option('--state <dir>', 'keystore and other durable state (default: /var/lib/p2pd, or $XDG_STATE_HOME/p2pd)')
    .option('--run <dir>', 'sockets (default: /run/p2pd, or $XDG_RUNTIME_DIR/p2pd)')
    .option('--passphrase-file <file>', 'seal the keystore under this passphrase instead of a key file')
    .option('--audit <what>', 'what <state>/audit.jsonl holds of requests: denials, or all', 'denials')
    .option('--service-uids <range>', 'with root: the uids hosts run under, FIRST-LAST (default: 2100000000-2100009999)')
    .option('--json', 'JSON lines also on a terminal')
    .addHelpText('after', EXAMPLES)
    .exitOverride(error => { process.exit(error.exitCode === 0 ? 0 : 2) })
    .parse([...argv], { from: 'user' })
  const flags = command.opts<Flags>()
  const log = createLog('p2pd')
  const told = untilTold()
  const show = flags.json === true || !process.stdout.isTTY ? jsonLines : people
  let announced = false
  // From the first moment: a signal that nobody listens to would end the process.
  let reload = (): void => {}
  process.on('SIGHUP', () => { reload() })
  await using supervisor = await serve({
    settings: settingsFrom(flags),
    log,
    onChange: row => { if (announced) show.change(row) }
  })
  reload = () => {
    supervisor.reload().then(
      changes => { log.info(changes, 'reloaded') },
      (error: unknown) => { log.error({ faults: messageOf(error).split('\n') }, 'not reloaded: everything stays as it was') }
    )
  }
  show.ready(supervisor.rows(), supervisor.status().runDir)
  announced = true
  log.info({ signal: await told }, 'stopping')
  announced = false
  return 0
}

const people = {
  ready (rows: Row[], runDir: string): void {
    if (rows.length === 0) return print('\nReady, without any tenant. Add one: p2pctl tenant add chat\n')
    print(`\n${table(['TENANT', 'PEER ID', 'SOCKET', 'STATE'], rows.map(({ name, peerId, socket, state }) => [name, peerId ?? '(damaged: see p2pctl status)', socket, state]))}`)
    print(`\nReady. Try: p2pctl status; stop with Ctrl-C. Sockets are in ${runDir}\n`)
  },
  change ({ name, state }: Row): void {
    print(`${name} is ${state}\n`)
  }
}

const jsonLines = {
  ready (rows: Row[], runDir: string): void {
    for (const row of rows) printJson({ event: 'tenant', ...row })
    printJson({ event: 'ready', runDir, pid: process.pid })
  },
  change (row: Row): void {
    printJson({ event: 'tenant', ...row })
  }
}
