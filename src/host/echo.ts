/**
 * /echo/1.0.0: sends back what it gets. go-libp2p-daemon answers it for tests and first steps, so classic mode does too.
 */
import type { Libp2p, Stream } from '@libp2p/interface'

export const ECHO_PROTOCOL = '/echo/1.0.0'

export async function answerEcho (node: Libp2p): Promise<void> {
  await node.handle(ECHO_PROTOCOL, echo, { maxInboundStreams: 128, runOnLimitedConnection: true })
}

/** Reads on only when what it sent has gone: a peer that does not take its own bytes back gets no more in. */
function echo (stream: Stream): void {
  let resuming = false
  const isFull = (): boolean => stream.writableNeedsDrain || stream.writeBufferLength > 0
  const pauseIfFull = (): void => {
    if (!resuming && isFull() && stream.readStatus === 'readable' && stream.remoteWriteStatus === 'writable') stream.pause()
  }
  const resume = (): void => {
    if (isFull() || stream.readStatus !== 'paused') return
    resuming = true // pausing inside resume() is undone when it returns
    stream.resume()
    resuming = false
    pauseIfFull()
  }
  /** `end` may have come while the protocol was negotiated, before bytes that negotiation read ahead and put back. */
  const closeAfterLastByte = (): void => {
    if (stream.readableEnded && stream.readBufferLength === 0) stream.close().catch(() => {})
  }
  stream.addEventListener('message', ({ data }) => {
    if (stream.writeStatus !== 'writable') return
    try {
      stream.send(data)
      pauseIfFull()
      closeAfterLastByte()
    } catch {
      // Reset under it; nothing is left to do.
    }
  })
  stream.addEventListener('drain', resume)
  stream.addEventListener('idle', resume)
  stream.addEventListener('end', closeAfterLastByte)
  closeAfterLastByte()
}
