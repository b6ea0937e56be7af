/** A child process that is told things a line at a time and answers each with a line of JSON. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { P2pdError } from '../src/errors.ts'

export interface ConversationInit {
  /** In a session of its own, as programs of different users are: Linux shares the processors out among sessions first. */
  readonly ownSession?: boolean
  /** Killed after this. */
  readonly timeoutMs?: number
}

export class Conversation implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #closed: Promise<unknown>
  #complaint = ''

  constructor ([program = '', ...args]: readonly string[], { ownSession = false, timeoutMs = 0 }: ConversationInit = {}) {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: ownSession, timeout: timeoutMs, killSignal: 'SIGKILL' })
    this.#child = child
    this.#closed = new Promise(resolve => child.once('close', resolve))
    child.on('error', () => { /* no line comes then, which next() reports */ })
    child.stdin.on('error', () => { /* it has ended; the same */ })
    child.stderr.on('data', (chunk: Buffer) => { this.#complaint += chunk.toString() })
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const kill = (): void => { child.kill('SIGKILL') }
    process.once('exit', kill)
    void this.#closed.then(() => process.off('exit', kill))
  }

  get pid (): number { return this.#child.pid ?? 0 }

  get isOpen (): boolean { return this.#child.exitCode === null && this.#child.signalCode === null }

  say (line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  /** Nothing more is said; what it does upon that is its own affair. */
  end (): void {
    this.#child.stdin?.end()
  }

  /** Its next line. Rejects with its last words when there is none. */
  async next<T> (): Promise<T> {
    const { value, done } = await this.#lines.next()
    if (done === true) {
      await this.#closed
      throw new P2pdError('ERR_CLOSED', this.#complaint.trim().split('\n').at(-1) ?? 'it ended')
    }
    return JSON.parse(value) as T
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    this.end()
    await this.#closed
  }
}
