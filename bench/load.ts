/** The load generator (bench/load, in Go) as functions: builds it, runs it, reads the one JSON object it prints. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { P2pdError } from '../src/errors.ts'
import { goBuild } from './go.ts'

const source = fileURLToPath(new URL('./load', import.meta.url))
const program = fileURLToPath(new URL('./.cache/load', import.meta.url))

/** How long one run of the generator may take; it gives up by itself then. */
const WITHIN_S = 45

/** How much later than that it is killed. */
const GRACE_MS = 3_000

export interface Throughput {
  seconds: number
  sent: number
  received: number
  damagedBlocks: number
  streamsCutShort: number
  transport: string
  generatorCpuSeconds: number
  error?: string
}

export interface Latency {
  samples: number
  p50Us: number
  p99Us: number
  perSecond: number
  failed: number
  /** With the unmeasured ones and those that failed. */
  done: number
  error?: string
}

export interface Idle {
  opened: number
  error?: string
}

type Flags = Record<string, string | number | boolean>

export function buildLoad (): string | undefined {
  return goBuild(source, program)
}

function launch (command: string, flags: Flags, rest: readonly string[]): ReturnType<typeof spawn> {
  const all: Flags = { within: `${WITHIN_S}s`, ...flags }
  const args = Object.entries(all).map(([name, value]) => `-${name}=${String(value)}`)
  return spawn(program, [command, ...args, '--', ...rest], {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: WITHIN_S * 1000 + GRACE_MS,
    killSignal: 'SIGKILL'
  })
}

/** One run to its end. A daemon that fails it rejects with what the generator said. */
async function run<T> (command: string, flags: Flags, rest: readonly string[] = []): Promise<T> {
  const child = launch(command, flags, rest)
  let out = ''
  let complaint = ''
  child.stdout?.on('data', (chunk: Buffer) => { out += chunk.toString() })
  child.stderr?.on('data', (chunk: Buffer) => { complaint += chunk.toString() })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new P2pdError('ERR_CLOSED', complaint.trim().split('\n').at(-1) ?? `ended with ${code}`)
  return JSON.parse(out) as T
}

export const throughput = async (flags: Flags): Promise<Throughput> => run('throughput', flags)
export const ceiling = async (flags: Flags): Promise<Throughput> => run('ceiling', flags)
export const roundTrip = async (flags: Flags): Promise<Latency> => run('roundtrip', flags)
export const open = async (flags: Flags): Promise<Latency> => run('open', flags)
export const identify = async (flags: Flags): Promise<Latency> => run('identify', flags)

/** Milliseconds from now, or from spawning `command`, to the IDENTIFY answer on the control socket `a`. */
export async function start (a: string, command: readonly string[] = []): Promise<number> {
  const { milliseconds } = await run<{ milliseconds: number }>('start', { a }, command)
  return milliseconds
}

/** A generator that connects A to B, opens streams when told to, and holds them until it is closed. */
export class IdleStreams implements AsyncDisposable {
  readonly #child: ReturnType<typeof spawn>
  readonly #lines: AsyncIterator<string>
  readonly #closed: Promise<unknown>
  #complaint = ''

  private constructor (child: ReturnType<typeof spawn>) {
    this.#child = child
    this.#closed = new Promise(resolve => child.once('close', resolve))
    child.on('error', () => { /* no line comes then, which #next reports */ })
    child.stdin?.on('error', () => { /* it has ended; the same */ })
    child.stderr?.on('data', (chunk: Buffer) => { this.#complaint += chunk.toString() })
    if (child.stdout === null) throw new P2pdError('ERR_SYSTEM', 'the generator has no output')
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  /** Resolves once A is connected to B, without a stream. */
  static async connect (flags: Flags): Promise<IdleStreams> {
    const streams = new IdleStreams(launch('idle', flags, []))
    await streams.#next()
    return streams
  }

  /** Opens as many as the flags said, or as the daemons allow. */
  async open (): Promise<Idle> {
    this.#child.stdin?.write('\n')
    return this.#next()
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    this.#child.stdin?.end()
    await this.#closed
  }

  async #next (): Promise<Idle> {
    const { value, done } = await this.#lines.next()
    if (done === true) {
      await this.#closed
      throw new P2pdError('ERR_CLOSED', this.#complaint.trim())
    }
    return JSON.parse(value) as Idle
  }
}
