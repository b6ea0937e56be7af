/**
 * When a libp2p stream is read, by the rules that its back-pressure has, each learnt from lost bytes.
 *
 * - Only a paused stream keeps back-pressure, and pausing from inside `resume()` is undone when that returns: so the wish is
 *   carried out after it.
 * - Once the remote has ended its writing nothing more can arrive than a window's worth, so the stream is emptied at once and
 *   not paused again: a connection that breaks afterwards can no longer take those bytes along.
 */
import type { Stream } from '@libp2p/interface'

export class Reading {
  readonly #stream: Stream
  readonly #isFull: () => boolean
  #resuming = false

  /** @param isFull whether whoever takes the messages wants no more of them for now */
  constructor (stream: Stream, isFull: () => boolean) {
    this.#stream = stream
    this.#isFull = isFull
  }

  pause (): void {
    const { remoteWriteStatus, readStatus } = this.#stream
    if (!this.#resuming && remoteWriteStatus === 'writable' && readStatus === 'readable') this.#stream.pause()
  }

  /** Messages come from inside this, and afterwards until it is full. */
  resume (): void {
    if (this.#stream.readStatus !== 'paused') return
    this.#resuming = true
    try {
      this.#stream.resume()
    } catch {
      // The connection has closed: its bytes were handed over, only the window update for them could not be sent.
    } finally {
      this.#resuming = false
    }
    if (this.#isFull()) this.pause()
  }
}
