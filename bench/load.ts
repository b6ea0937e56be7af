/** The load generator (bench/load, in Go) as functions: builds it, runs it, reads the one JSON object it prints. */
import { fileURLToPath } from 'node:url'
import { Conversation } from './conversation.ts'
import { goBuild } from './go.ts'

const source = fileURLToPath(new URL('./load', import.meta.url))
const program = fileURLToPath(new URL('./.cache/load', import.meta.url))

/** How long one run of the generator may take; it gives up by itself then. */
const WITHIN = '45s'

/** A little later than that it is killed. */
const KILL_MS = 48_000

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

export type Flags = Record<string, string | number | boolean>

export function buildLoad (): string | undefined {
  return goBuild(source, program)
}

/** The generator's command line, for whoever runs it in a way of their own. */
export function loadCommand (name: string, flags: Flags, rest: readonly string[] = []): string[] {
  return [program, name, ...Object.entries(flags).map(([flag, value]) => `-${flag}=${String(value)}`), '--', ...rest]
}

/** One run to its end. A daemon that fails it rejects with what the generator said. */
async function run<T> (name: string, flags: Flags, rest: readonly string[] = []): Promise<T> {
  await using generator = new Conversation(loadCommand(name, { within: WITHIN, ...flags }, rest), { timeoutMs: KILL_MS })
  return await generator.next()
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
  readonly #generator: Conversation

  private constructor (generator: Conversation) {
    this.#generator = generator
  }

  /** Resolves once A is connected to B, without a stream. */
  static async connect (flags: Flags): Promise<IdleStreams> {
    const generator = new Conversation(loadCommand('idle', { within: WITHIN, ...flags }), { timeoutMs: KILL_MS })
    await generator.next()
    return new IdleStreams(generator)
  }

  /** Opens as many as the flags said, or as the daemons allow. */
  async open (): Promise<Idle> {
    this.#generator.say('')
    return await this.#generator.next()
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.#generator[Symbol.asyncDispose]()
  }
}
