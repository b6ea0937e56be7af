/**
 * What a program has of a protocol it handles, and how a stream meets its listener, whichever way it comes: see dialBack.ts
 * and waitingHandler.ts.
 */
import type { Socket } from 'node:net'
import { messageOf } from '../errors.ts'
import type { StreamInfo } from '../wire/codec.ts'
import { peerStream, type PeerStream } from './values.ts'

/** Called once for each inbound stream, which is its to end. When it throws, that stream is destroyed and no other. */
export type StreamListener = (incoming: PeerStream) => Promise<void> | void

/** Streams of some protocols come in until it is closed. */
export interface Handler extends AsyncDisposable {
  /** No stream comes any more, and the daemon knows. Streams that run go on. */
  close (): Promise<void>
}

export interface ReceptionInit {
  readonly listener: StreamListener
  readonly onError?: ((error: unknown) => void) | undefined
}

/** The listener, and who hears of what goes wrong. */
export class Reception {
  readonly #init: ReceptionInit

  constructor (init: ReceptionInit) {
    this.#init = init
  }

  /** Calls the listener before it returns the first time: an end that came along with the stream is not missed. */
  async receive (info: StreamInfo, socket: Socket): Promise<void> {
    try {
      await this.#init.listener(peerStream(info, socket))
    } catch (error) {
      socket.destroy()
      this.report(error)
    }
  }

  report (error: unknown): void {
    report(this.#init, error)
  }
}

/** Tells what went wrong to whoever wants to hear it. Never throws. */
export function report ({ onError }: Pick<ReceptionInit, 'onError'>, error: unknown): void {
  try {
    onError?.(error)
  } catch (thrown) {
    // Nobody is left to tell it to, and it may not end the program either.
    process.emitWarning(`onError of a p2pd handler threw: ${messageOf(thrown)}`)
  }
}
