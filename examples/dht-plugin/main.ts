/** The store as the daemon's DHT: node main.ts /unix/run/p2pd/store/p2pd.sock */
import { once } from 'node:events'
import { P2pdClient, P2pdError, provideDht } from 'p2pd/client'
import { DhtStore } from './store.ts'

const [address, ...more] = process.argv.slice(2)
if (address === undefined || more.length > 0) {
  process.stderr.write('usage: node main.ts ADDRESS\n\nADDRESS is the control socket of a tenant that is blessed for this: /unix/run/p2pd/store/p2pd.sock\n')
  process.exit(2)
}

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { stop.abort() })

try {
  await using client = new P2pdClient(address)
  await using _ = await provideDht(client, new DhtStore(), { signal: stop.signal, onError: tell })
  process.stdout.write('answering DHT requests\n')
  if (!stop.signal.aborted) await once(stop.signal, 'abort')
} catch (error) {
  if (!stop.signal.aborted) {
    tell(error)
    process.exitCode = error instanceof P2pdError && error.code === 'ERR_REQUEST' ? 2 : 1
  }
}

function tell (error: unknown): void {
  process.stderr.write(`${error instanceof P2pdError ? error.message : (error as Error).stack}\n`)
}
