/** What a host takes for the answer to its question: a real process, told also what answers another one's. */
import test from 'ava'
import { closeSync, mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { manifestShape } from '../../src/config/manifest.ts'
import { limitsOf } from '../../src/config/tenant.ts'
import type { ToHost } from '../../src/link.ts'
import { fileDescriptor } from '../../src/os/credentials.ts'
import { listenUnix } from '../../src/os/listening.ts'
import { socketPair } from '../../src/os/socketPair.ts'
import { HostProcess } from '../../src/supervisor/hostProcess.ts'
import { within } from '../helpers/deadlines.ts'

const PROGRAM = fileURLToPath(new URL('children/reachingHost.ts', import.meta.url))

/** Gives the host one end of a pair; the other is returned. */
function give (host: HostProcess, announce: (descriptor: number) => ToHost): Socket {
  const [one, other] = socketPair()
  if (!host.give(fileDescriptor(one), announce)) throw new Error('the host takes no descriptor')
  one.destroy()
  return other
}

test('a connection to another peer, or to a handler, is closed where one to this peer was asked for, whatever number it has', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
  const controlFd = listenUnix(join(directory, 's'), { mode: 0o600 })
  const asked = Promise.withResolvers<number>()
  const exit = Promise.withResolvers<unknown>()
  const host = new HostProcess({
    start: {
      tenant: 'a', callerUid: 0, listen: [], announce: [], echo: false, auditAllowed: false, idleStopMs: 0, registrations: [],
      limits: limitsOf(manifestShape.parse({ name: 'a' }).limits),
      own: { directories: [], paths: [], ports: [] }
    },
    privateKey: new Uint8Array(32),
    controlFd,
    memoryBytes: 256 * 1024 * 1024,
    onMessage: message => { if (message.kind === 'reach') asked.resolve(message.id) },
    onExit: exit.resolve,
    program: PROGRAM
  })
  t.teardown(async () => {
    host.kill('the test is over')
    await exit.promise
    closeSync(controlFd)
    rmSync(directory, { recursive: true, force: true })
  })
  const id = await within('its question', asked.promise)
  const daemon = give(host, descriptor => ({ kind: 'reached', id, descriptor, tenant: 'daemon', peerId: 'peer of daemon' }))
  const handler = give(host, descriptor => ({ kind: 'dialled', id, descriptor }))
  const b = give(host, descriptor => ({ kind: 'reached', id, descriptor, tenant: 'b', peerId: 'peer of b' }))
  t.deepEqual(await within('all three', Promise.all([daemon, handler, b].map(async end => await text(end)))), ['', '', 'to b'])
})
