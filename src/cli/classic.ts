/** `p2pd -listen ...`: the command line, output and exit of go-libp2p-daemon. */
import { parseClassicFlags } from '../config/classicFlags.ts'
import { classicUsage } from '../config/classicUsage.ts'
import { createLog } from '../log.ts'
import { serveClassic } from '../supervisor/classic.ts'
import { untilTold } from './untilTold.ts'

/** Resolves with the exit code once it has stopped. */
export async function classic (argv: readonly string[]): Promise<number> {
  const options = parseClassicFlags(argv)
  if (options.help) {
    process.stdout.write(classicUsage())
    return 0
  }
  for (const warning of options.warnings) process.stderr.write(`p2pd: ${warning}\n`)
  const told = untilTold()
  const daemon = await serveClassic(options, createLog('p2pd', process.env['P2PD_LOG'] ?? 'warn'))
  try {
    if (!options.quiet) {
      // A write for each line: a client that waits for one gets it whole.
      process.stdout.write(`Control socket: ${daemon.controlAddress}\n`)
      process.stdout.write(`Peer ID: ${daemon.peerId}\n`)
      process.stdout.write('Peer Addrs:\n')
      for (const address of daemon.addresses) process.stdout.write(`${address}\n`)
    }
    const failure = await Promise.race([told.then(() => undefined), daemon.failed])
    if (failure === undefined) return 0
    process.stderr.write(`p2pd: ${failure}\n`)
    return 1
  } finally {
    await daemon[Symbol.asyncDispose]()
  }
}
