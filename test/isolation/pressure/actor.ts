/** A child of this folder (children/obey.ts) from its parent's side: started as root, another user at once, given orders. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { within } from '../../helpers/deadlines.ts'

interface Message { readonly number: number, readonly result?: unknown, readonly error?: string }
interface Waiting { readonly resolve: (result: unknown) => void, readonly reject: (error: Error) => void }

/** Longer than any order takes by its own deadlines. */
const ORDER_MS = 90_000

export abstract class Actor<Order extends { readonly do: string }> implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  readonly #ready: Promise<unknown>
  #next = 1

  protected constructor (entry: string, uid: number) {
    this.#child = fork(entry, [String(uid)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.on('message', ({ number, result, error }: Message) => {
      const waiting = this.#waiting.get(number)
      this.#waiting.delete(number)
      if (error === undefined) waiting?.resolve(result)
      else waiting?.reject(new Error(error))
    })
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the child of uid ${uid} is gone`))
      this.#waiting.clear()
    })
    this.#ready = this.#answer(0)
  }

  /** Resolves when it is that user. */
  protected async started (): Promise<this> {
    await this.#ready
    return this
  }

  protected async order<Result> (order: Order): Promise<Result> {
    const number = this.#next++
    const answer = this.#answer(number)
    this.#child.send({ number, order }, error => { if (error !== null) this.#waiting.get(number)?.reject(error) })
    return await within(order.do, answer, ORDER_MS) as Result
  }

  /** Resolves when the process is gone. */
  async kill (): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  async [Symbol.asyncDispose] (): Promise<void> { await this.kill() }

  async #answer (number: number): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#waiting.set(number, { resolve, reject })
    return await promise
  }
}
