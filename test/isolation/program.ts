/**
 * A program of some user that a test gives orders: children/program.ts as a process, started as root and become that user.
 *
 * Answers are decoded here and kept as bytes too, so that a test can look for what no answer may hold.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { SocketAddress } from '../../src/wire/addresses.ts'
import { ResponseType, decodeResponse, type Response } from '../../src/wire/codec.ts'
import { within } from '../helpers/deadlines.ts'
import type { Asked, Attempted, Exchanged, Order, ResultOf, Seen } from './children/orders.ts'

const ENTRY = fileURLToPath(new URL('children/program.ts', import.meta.url))

/** Longer than any order takes by its own deadlines. */
const ORDER_MS = 60_000

export interface Answer {
  /** The message as it came; empty where none did. */
  readonly raw: Buffer
  readonly response?: Response
  /** Answered OK. */
  readonly ok: boolean
  /** The daemon's sentence, or what the system said instead of an answer: `... connect EACCES ...`. Empty when ok. */
  readonly error: string
}

interface Message { readonly number: number, readonly result?: unknown, readonly error?: string }
interface Waiting { readonly resolve: (came: { result: unknown, socket: Socket | undefined }) => void, readonly reject: (error: Error) => void }

export class Program implements AsyncDisposable {
  readonly uid: number
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #next = 1

  private constructor (uid: number, gid: number) {
    this.uid = uid
    this.#child = fork(ENTRY, [String(uid), String(gid)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.on('message', ({ number, result, error }: Message, socket?: Socket) => {
      const waiting = this.#waiting.get(number)
      this.#waiting.delete(number)
      if (error === undefined) waiting?.resolve({ result, socket })
      else waiting?.reject(new Error(error))
    })
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the program of uid ${uid} is gone`))
      this.#waiting.clear()
    })
  }

  /** Resolves when it is that user. The group has the user's number unless another is given. */
  static async start (uid: number, gid: number = uid): Promise<Program> {
    const program = new Program(uid, gid)
    await program.#answer(0)
    return program
  }

  get pid (): number { return this.#child.pid ?? 0 }

  /** One connection; the requests in turn. Always as many answers as requests: what ended it stands in the rest. */
  async ask (to: SocketAddress | string, ...requests: Uint8Array[]): Promise<Answer[]> {
    return answersOf(requests, await this.#order({ do: 'ask', to: addressOf(to), requests: requests.map(inBase64) }))
  }

  /** The same, for a single request. */
  async askOne (to: SocketAddress | string, request: Uint8Array): Promise<Answer> {
    const [answer] = await this.ask(to, request)
    return answer ?? refused('nothing')
  }

  /** Listens; `mode` is the socket file's. Takes streams, and answers the end of each with the Sum of its bytes as JSON. */
  async listen (id: string, at: SocketAddress | string, mode?: number): Promise<SocketAddress> {
    return await this.#order({ do: 'listen', id, at: addressOf(at), ...mode !== undefined && { mode } })
  }

  async unlisten (id: string): Promise<void> { await this.#order({ do: 'unlisten', id }) }

  async seen (id: string): Promise<Seen> { return await this.#order({ do: 'seen', id }) }

  /** Opens a stream with that STREAM_OPEN, sends so many bytes (with a pause after each 64 KiB, and until finish() says so), and reads to the end. */
  async exchange (to: SocketAddress | string, request: Uint8Array, bytes: number, pauseMs = 0, id?: string): Promise<Exchanged & { readonly opened: Answer }> {
    const exchanged = await this.#order({ do: 'exchange', to: addressOf(to), request: inBase64(request), bytes, pauseMs, ...id !== undefined && { id } })
    const opened = exchanged.answer === undefined ? refused(exchanged.end) : answerOf(exchanged.answer)
    return { ...exchanged, opened }
  }

  /** The exchanges of that name end what they send. */
  async finish (id: string): Promise<void> { await this.#order({ do: 'finish', id }) }

  /** Calls a function of `fs`, `os` or `process` as that user: `fs.readFileSync`, `process.kill`. Never rejects for what it throws. */
  async attempt (call: string, ...args: unknown[]): Promise<Attempted> {
    return await this.#order({ do: 'attempt', call, args })
  }

  /** Points a link at one target after the other, so many times. Other orders go on meanwhile. */
  async swap (link: string, targets: readonly string[], times: number): Promise<void> {
    await this.#order({ do: 'swap', link, targets, times })
  }

  /** Connects, and keeps the connection under that name. */
  async connect (id: string, to: SocketAddress | string): Promise<void> {
    await this.#order({ do: 'connect', id, to: addressOf(to) })
  }

  /** As ask(), on a connection that is kept. */
  async askOn (id: string, ...requests: Uint8Array[]): Promise<Answer[]> {
    return answersOf(requests, await this.#order({ do: 'askOn', id, requests: requests.map(inBase64) }))
  }

  /** Passes a kept connection on to another program, by SCM_RIGHTS, through this process. */
  async hand (id: string, to: Program): Promise<void> {
    const { socket } = await this.#send({ do: 'hand', id })
    if (socket === undefined) throw new Error('no connection came')
    await to.#send({ do: 'take', id }, socket)
  }

  /** Resolves when the process is gone. */
  async kill (): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  async [Symbol.asyncDispose] (): Promise<void> { await this.kill() }

  async #order<O extends Order> (order: O): Promise<ResultOf<O>> {
    const { result } = await this.#send(order)
    return result as ResultOf<O>
  }

  async #send (order: Order, socket?: Socket): Promise<{ result: unknown, socket: Socket | undefined }> {
    const number = this.#next++
    this.#child.send({ number, order }, socket)
    return await within(`${order.do} by uid ${this.uid}`, this.#answer(number), ORDER_MS)
  }

  async #answer (number: number): Promise<{ result: unknown, socket: Socket | undefined }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ result: unknown, socket: Socket | undefined }>()
    this.#waiting.set(number, { resolve, reject })
    return await promise
  }
}

function answersOf (requests: readonly Uint8Array[], { answers, error = 'no answer' }: Asked): Answer[] {
  return requests.map((_, i) => answers[i] === undefined ? refused(error) : answerOf(answers[i]))
}

function answerOf (base64: string): Answer {
  const raw = Buffer.from(base64, 'base64')
  const response = decodeResponse(raw)
  return { raw, response, ok: response.type === ResponseType.OK, error: response.error?.msg ?? '' }
}

function refused (error: string): Answer { return { raw: Buffer.alloc(0), ok: false, error } }

function addressOf (address: SocketAddress | string): SocketAddress { return typeof address === 'string' ? { path: address } : address }

function inBase64 (bytes: Uint8Array): string { return Buffer.from(bytes).toString('base64') }
