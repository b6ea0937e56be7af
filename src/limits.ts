/**
 * Every number that bounds something and is not an operator's to set: unit, source and reason beside each.
 *
 * What an operator may set is in config/ and has its default there.
 */

/** Largest control message, in bytes, both ways: what go-libp2p-daemon's clients and servers use. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024

/** Longest socket path, in bytes, without its final NUL: sizeof(sun_path) is 108, unix(7). */
export const MAX_SOCKET_PATH_BYTES = 107

/** Longest protocol id, in bytes: far above any in use, and bounds what a handler table or a log line can hold. */
export const MAX_PROTOCOL_BYTES = 256

/** A frame that was begun has to be whole within this: what trickles in slower holds memory for nothing. */
export const FRAME_DEADLINE_MS = 10_000

/** How long CONNECT and STREAM_OPEN may take when the client names no timeout: go-libp2p-daemon's default. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 60_000

/** Longest timeout a client may ask for: setTimeout() fires at once above 2^31-1 ms, and an hour is beyond any dial. */
export const MAX_REQUEST_TIMEOUT_MS = 3_600_000

/** Requests a client may send ahead of their answers, in bytes, before its socket is no longer read. */
export const MAX_PIPELINED_BYTES = 64 * 1024

/** How long dialling a registered handler may take: it is on this machine, so longer means that it hangs. */
export const HANDLER_DIAL_TIMEOUT_MS = 10_000

/**
 * Bytes that may wait in a stream's write buffer before the client's socket is read on. One read of Node's is 64 KiB, so
 * the most that ever waits is this and one read.
 */
export const MAX_PENDING_STREAM_BYTES = 64 * 1024

/**
 * How long an end may linger once the other has gone: enough for the remote's reader to take what was sent before a reset
 * reaches it (a Go peer drops unread bytes on a reset), short enough that nothing hangs about.
 */
export const LINGER_MS = 5_000

/** How often clients that wait or have half-closed are asked whether they have gone altogether. */
export const HANGUP_CHECK_MS = 1_000

/** How long a connection may take to close in order, its streams' last bytes included, before it is reset. */
export const MAX_DISCONNECT_MS = 1_000

/** How long a client that has ended its requests may take to read the last answers. */
export const LAST_ANSWERS_MS = 30_000

/**
 * How long an end whose other side has gone may take nothing of what is still due to it, before that is given up. Reading
 * slowly is nobody's fault; not reading for five minutes what nobody will add to holds memory for nobody.
 */
export const STUCK_MS = 300_000

/** Largest address in a request, bytes: far above any real one, and reading longer ones is quadratic work. */
export const MAX_ADDRESS_BYTES = 1024

/** Addresses of one peer in a request. */
export const MAX_ADDRESSES = 256

/** Largest value of the DHT, bytes: what a program may put and a plugin may answer. */
export const MAX_DHT_VALUE_BYTES = 1024 * 1024

/** Protocols in one request: each is a question to policy, up to a millisecond. */
export const MAX_PROTOCOLS = 256

/** How long a client that sends requests too fast waits for each refusal. */
export const REFUSAL_PAUSE_MS = 100
