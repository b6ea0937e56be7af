/**
 * Whose a TCP port of this machine is, and who has accepted a connection to it: TCP has no credentials, but the kernel knows
 * the user of every socket.
 *
 * Says what is so at this moment. Where packets are sent elsewhere by the machine's administrator it does not see that.
 */
import { closeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { listenTcp } from './listening.ts'
import { listenersInTable } from './procNetTcp.ts'
import { findTcpSocket } from './sockDiag.ts'

/** No connection comes from there, so that what is found is a listener. */
const NO_PORT = 0

let works: boolean | undefined

/** The users of the sockets that would get a connection to a literal address of this machine; empty when nobody listens there. */
export function listenersAt (host: string, port: number): number[] {
  if (!diagnosisWorks()) return listenersInTable(host, port)
  const found = findTcpSocket({ host, port }, { host, port: NO_PORT })
  return found === undefined ? [] : [found.uid]
}

/** The user of the program that has accepted this connection; undefined while none has, and where the kernel does not say. */
export function acceptorOf ({ localAddress, localPort, remoteAddress, remotePort }: Socket): number | undefined {
  if (localAddress === undefined || localPort === undefined || remoteAddress === undefined || remotePort === undefined || !diagnosisWorks()) return undefined
  const found = findTcpSocket({ host: remoteAddress, port: remotePort }, { host: localAddress, port: localPort })
  return found?.isHeld === true ? found.uid : undefined
}

/** Not every kernel, and not every sandbox, has it; then it finds nothing, also where there is something. Looked at once. */
function diagnosisWorks (): boolean {
  if (works !== undefined) return works
  const host = '127.0.0.1'
  const { fd, port } = listenTcp(host, 0)
  try {
    return works = findTcpSocket({ host, port }, { host, port: NO_PORT })?.uid === process.geteuid?.()
  } catch {
    return works = false
  } finally {
    closeSync(fd)
  }
}
