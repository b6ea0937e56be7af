/** What a program of the root suite can be told to do, and what comes of it. Shapes only: program.ts beside this obeys. */
import type { SocketAddress } from '../../../src/wire/addresses.ts'

export interface Sum { readonly bytes: number, readonly sha256: string }

/** Answers as they came, each without its length, in base64; and what ended the asking early. */
export interface Asked { readonly answers: readonly string[], readonly error?: string }

/** A stream, from its STREAM_OPEN to its end. */
export interface Exchanged {
  /** The answer to STREAM_OPEN, in base64. */
  readonly answer?: string
  /** What was written and what came in; absent where it was not opened or an error ended it. */
  readonly sent?: Sum
  readonly received?: Sum
  /** What came in, as text, if it is short: a listener's Sum as JSON. */
  readonly text: string
  /** `end` is an orderly end of file; anything else is what went wrong. */
  readonly end: string
  /** When it was over, milliseconds of the wall clock. */
  readonly endedAt: number
}

/** A listening socket so far. */
export interface Seen {
  readonly accepted: number
  /** Of all connections together. */
  readonly bytes: number
  /** The first frames, which have to be StreamInfos, in base64. */
  readonly announced: readonly string[]
}

/** What came of a call: its value, or the code of the error. */
export interface Attempted { readonly value?: unknown, readonly code?: string }

/** Opens a stream, sends so many random bytes (with a pause after each 64 KiB), ends, and reads to the end. */
export interface ExchangeOrder {
  readonly do: 'exchange'
  readonly to: SocketAddress
  readonly request: string
  readonly bytes: number
  readonly pauseMs?: number
  readonly id?: string
}

export type Order =
  /** One connection, the requests one after another, each with the wait for its answer. */
  | { readonly do: 'ask', readonly to: SocketAddress, readonly requests: readonly string[] }
  /** Listens; takes what comes and answers its end with the sum of what followed the first frame. Answers the address. */
  | { readonly do: 'listen', readonly id: string, readonly at: SocketAddress, readonly mode?: number }
  | { readonly do: 'seen', readonly id: string }
  | { readonly do: 'unlisten', readonly id: string }
  | ExchangeOrder
  /** Exchanges of that name have sent enough. */
  | { readonly do: 'finish', readonly id: string }
  /** `fs.readFileSync`, `process.kill`, `os.setPriority`: any function of these modules, with arguments that JSON has. Bytes come as base64. */
  | { readonly do: 'attempt', readonly call: string, readonly args: readonly unknown[] }
  /** Points the link at one target after the other, so many times, while everything else goes on. */
  | { readonly do: 'swap', readonly link: string, readonly targets: readonly string[], readonly times: number }
  /** Connects, and keeps the connection. `hand` sends it to the parent; with the message `take` one is given back. */
  | { readonly do: 'connect', readonly id: string, readonly to: SocketAddress }
  | { readonly do: 'hand', readonly id: string }
  | { readonly do: 'take', readonly id: string }
  /** The same as `ask`, on a connection that is kept. */
  | { readonly do: 'askOn', readonly id: string, readonly requests: readonly string[] }

export type ResultOf<O extends Order> =
  O extends { do: 'ask' | 'askOn' } ? Asked
    : O extends { do: 'listen' } ? SocketAddress
      : O extends { do: 'seen' } ? Seen
        : O extends { do: 'exchange' } ? Exchanged
          : O extends { do: 'attempt' } ? Attempted
            : null
