/** A plugin for the DHT that begins every answer and ends none: `slowPlugin.ts SOCKET`. Says `ready`. */
import { P2pdClient, provideDht } from '../../../src/client/index.ts'

const client = new P2pdClient({ path: process.argv[2] ?? '' })
await provideDht(client, {
  getValue: async () => await new Promise<never>(() => {}),
  async * searchValue () {
    yield Buffer.from('first')
    await new Promise<never>(() => {})
  }
})
process.stdout.write('ready\n')
