/** Starts and orders children/app.ts. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Order } from './children/app.ts'

const ENTRY = fileURLToPath(new URL('children/app.ts', import.meta.url))

interface Message { result?: unknown, error?: string, note?: string }

export class App implements AsyncDisposable {
  readonly #child: ChildProcess

  constructor (socket: string) {
    this.#child = fork(ENTRY, [socket], { stdio: 'inherit' })
  }

  /** Resolves with what came of it; one order at a time. Rejects with the app's own error, or when the app is gone. */
  async order<T> (order: Order): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const onMessage = ({ result, error, note }: Message): void => {
      if (note !== undefined) return
      if (error === undefined) resolve(result as T)
      else reject(new Error(error))
    }
    const onExit = (): void => { reject(new Error('the app is gone')) }
    this.#child.on('message', onMessage).once('exit', onExit)
    try {
      this.#child.send(order)
      return await promise
    } finally {
      this.#child.off('message', onMessage).off('exit', onExit)
    }
  }

  /** Resolves when the app says so. */
  async note (note: string): Promise<void> {
    for (;;) {
      const [message] = await once(this.#child, 'message') as [Message]
      if (message.note === note) return
    }
  }

  /** Resolves when the process is gone. */
  async kill (): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.kill()
  }
}
