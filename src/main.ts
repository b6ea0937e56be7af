/**
 * p2pd: `serve` runs the service for many tenants, anything else is a classic daemon's command line.
 *
 * Owns the process: its arguments, what it prints, its signals and its exit code (0 stopped as asked, 1 a fault while
 * running, 2 wrong usage or configuration).
 */
import { ConfigError, P2pdError, messageOf } from './errors.ts'

// Whoever started it and read its first lines may be gone; that is no reason for a service to end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

const [command, ...rest] = process.argv.slice(2)
try {
  // Each loads only what it needs: a classic daemon has no manifests, no keystore and no operator.
  process.exitCode = command === 'serve'
    ? await (await import('./cli/serve.ts')).serveCommand(rest)
    : await (await import('./cli/classic.ts')).classic(process.argv.slice(2))
} catch (error) {
  const isUsage = error instanceof ConfigError || (error instanceof P2pdError && error.code === 'ERR_CONFIG')
  process.stderr.write(`p2pd: ${messageOf(error).replaceAll('\n', '\np2pd: ')}\n`)
  if (!(error instanceof P2pdError)) process.stderr.write(`${error instanceof Error ? error.stack ?? '' : ''}\n`)
  process.exitCode = isUsage ? 2 : 1
}
// Everything is closed by now. What libraries leave behind (a pool's thread, an unreferenced timer) must not hold the process.
process.exit()
