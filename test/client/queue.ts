/** A scripted daemon on which a client's handlers wait for streams, and what a test gives them. */
import type { ExecutionContext } from 'ava'
import type { Socket } from 'node:net'
import { WAITING_CONNECTIONS } from '../../src/client/waitingHandler.ts'
import { RequestType } from '../../src/wire/codec.ts'
import { until } from '../helpers/deadlines.ts'
import { asStream, framed, identified, ok, opened, scriptedDaemon, served, type Asked, type ScriptedDaemon } from './scriptedDaemon.ts'

/** Those of a daemon's connections that wait for a protocol, longest first. */
export class Queue {
  readonly all: Array<{ socket: Socket, protocols: string[] }> = []

  readonly script = ({ request, socket, answer }: Asked): void => {
    if (request.type === RequestType.SERVICES) return answer(served)
    if (request.type !== RequestType.STREAM_ACCEPT) return answer(identified)
    answer(ok)
    const waiting = { socket, protocols: request.streamAccept?.proto ?? [] }
    this.all.push(waiting)
    socket.once('end', () => { this.all.splice(this.all.indexOf(waiting), 1) })
  }

  async whole (): Promise<void> {
    await until('all that wait', () => this.all.length === WAITING_CONNECTIONS)
  }

  /** The connection that has waited longest becomes a stream, with bytes in the same write. */
  async give (bytes: string | Uint8Array = '', response = opened): Promise<Socket> {
    const { socket } = await until('one that waits', () => this.all.shift())
    asStream(socket).write(Buffer.concat([framed(response), Buffer.from(bytes)]))
    return socket
  }
}

export async function waitingDaemon (t: ExecutionContext): Promise<{ daemon: ScriptedDaemon, queue: Queue }> {
  const queue = new Queue()
  return { queue, daemon: await scriptedDaemon(t, queue.script) }
}
