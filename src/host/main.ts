/**
 * The host process: one tenant's libp2p node and its control socket, put together and taken apart.
 *
 * Started by a supervisor with everything it needs (link.ts); knows no other tenant. It ends when it is told to, when it has
 * been idle for long enough, and when its supervisor is gone.
 */
import type { Socket } from 'node:net'
import { ControlServer } from '../control/server.ts'
import { Handlers } from '../control/handlers.ts'
import { messageOf } from '../errors.ts'
import { CONTROL_FD, readStart, type FromHost, type ToHost } from '../link.ts'
import { createLog } from '../log.ts'
import { dieWithParent } from '../os/process.ts'
import { allowWithinOwnHost } from '../policy/ownHost.ts'
import { formatMultiaddr } from '../wire/addresses.ts'
import { HostCalls } from './calls.ts'
import { answerEcho } from './echo.ts'
import { IdleClock } from './idle.ts'
import { createNode } from './node.ts'

/** Longest a clean stop may take: the supervisor has 3 s for all of its hosts. */
const STOP_MS = 1_500

dieWithParent()
const supervisorPid = process.ppid
const { start, privateKey } = readStart(0)
const log = createLog(`p2pd-host ${start.tenant}`)
const stopping = new AbortController()

// Ctrl-C goes to the whole terminal; the supervisor decides when its hosts stop.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => { void stop() })
process.on('disconnect', () => { process.exit(0) })
process.on('uncaughtException', error => {
  log.fatal({ err: error }, 'host failed')
  process.exit(1)
})
// A promise nobody waits for, somewhere in a library, is no reason to take every stream of a tenant down.
process.on('unhandledRejection', error => { log.error({ err: error }, 'unhandled rejection') })

const node = await createNode({ privateKey, ...start }).catch((error: unknown) => {
  send({ kind: 'unable', reason: messageOf(error) })
  log.fatal({ err: error }, 'libp2p cannot start')
  process.exit(1)
})
if (start.echo) await answerEcho(node)

const isIdle = (): boolean => server.connections === 0 && calls.streams === 0 && handlers.pipes === 0 && handlers.size === 0
const idle = new IdleClock(start.idleStopMs, isIdle, () => { void stopIdle() })
const calls = new HostCalls({ node, log, maxStreams: start.limits.streams, onQuiet: idle.touch })
const handlers = new Handlers({
  host: calls,
  own: { ...start.own, supervisorPid, ports: () => [...start.own.ports, ...listeningPorts()] },
  log,
  limit: start.limits.handlers,
  maxPipes: start.limits.streams,
  signal: stopping.signal,
  onChange: registrations => { send({ kind: 'handlers', registrations }); idle.touch() }
})
const server = new ControlServer({
  tenant: start.tenant,
  host: calls,
  handlers,
  decide: allowWithinOwnHost,
  log,
  uid: start.callerUid,
  limit: start.limits.controlConnections,
  maxStreams: start.limits.streams,
  signal: stopping.signal,
  onQuiet: idle.touch
})

process.on('message', (message: ToHost, socket?: Socket) => {
  if (message.kind === 'stop') void stop()
  else if (message.kind === 'report') report(message.id)
  else if (socket !== undefined && stopping.signal.aborted) socket.destroy() // not confirmed: the next host gets it
  else if (socket !== undefined) {
    send({ kind: 'adopted', id: message.id }) // before a byte of it is read
    server.adopt(socket, message.caller)
  }
})
await handlers.restore(start.registrations)
await server.listen(CONTROL_FD)
send({ kind: 'ready', peerId: node.peerId.toString(), addresses: shownAddresses() })
idle.touch()

function report (id: number): void {
  send({
    kind: 'figures',
    id,
    figures: {
      addresses: shownAddresses(),
      connections: node.getConnections().length,
      streams: calls.streams,
      handlers: handlers.size,
      controlConnections: server.controlConnections,
      memoryBytes: process.memoryUsage.rss()
    }
  })
}

function shownAddresses (): string[] {
  return calls.addresses().map(address => formatMultiaddr(address))
}

/** The TCP ports this host listens on: nobody's handler is there. */
function listeningPorts (): number[] {
  return calls.addresses().flatMap(address => address.getComponents()).filter(({ name }) => name === 'tcp').map(({ value }) => Number(value))
}

/** Connects that come from now on wait for the next host. One that was accepted meanwhile is still served. */
async function stopIdle (): Promise<void> {
  server.stopAccepting()
  await new Promise(resolve => { setImmediate(resolve) })
  if (isIdle()) {
    send({ kind: 'idle' })
    return stop()
  }
  await server.listen(CONTROL_FD)
}

async function stop (): Promise<void> {
  if (stopping.signal.aborted) return
  setTimeout(() => { process.exit(0) }, STOP_MS).unref()
  idle.stop()
  stopping.abort()
  await node.stop()
  process.exit(0)
}

function send (message: FromHost): void {
  if (process.connected) process.send?.(message)
}
