/**
 * The local transport beside TCP, between two processes on this machine: `node test/local/children/measure.ts [RUNS] [MiB]`.
 *
 * Runs take turns, so a slow minute hits both; medians. CPU of both processes, without this one's, which only feeds the pipes.
 * Nothing of it runs in the tests.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Asked, Way } from './measured.ts'

const PROGRAM = fileURLToPath(new URL('measured.ts', import.meta.url))
/** As hosts are run, hostSpawn.ts. */
const FLAGS = ['--max-semi-space-size=1', '--initial-old-space-size=32', '--max-old-space-size=256', '--disable-warning=ExperimentalWarning']
const WAYS: readonly Way[] = ['tcp', 'local']
const MB = 1e6
const GB = 1e9

const runs = Number(process.argv[2] ?? 5)
const bytes = Number(process.argv[3] ?? 512) * 1024 * 1024

class Side {
  readonly hello: Promise<{ peer: string, address: string }>
  readonly #child: ChildProcess

  constructor (way: Way, role: 'a' | 'b', directory: string) {
    this.#child = fork(PROGRAM, [way, role, directory], { execArgv: FLAGS })
    this.hello = once(this.#child, 'message').then(([hello]) => hello)
  }

  async ask<Name extends keyof Asked> (name: Name, ask: Asked[Name]['ask']): Promise<Asked[Name]['answer']> {
    this.#child.send({ name, ask })
    const [{ answer, error }] = await once(this.#child, 'message') as [{ answer: Asked[Name]['answer'], error?: string }]
    if (error !== undefined) throw new Error(error)
    return answer
  }

  async end (): Promise<void> {
    const over = once(this.#child, 'exit')
    this.#child.kill()
    await over
  }
}

/** As many bytes through as many pipes: a program's socket, a host, the other host, a program's socket. */
async function pipe (directory: string, total: number, count: number): Promise<number> {
  const chunk = Buffer.alloc(64 * 1024, 7)
  const start = performance.now()
  let received = 0
  const done = Promise.withResolvers<void>()
  const sink = createServer(socket => {
    socket.on('data', data => { received += data.length }).on('end', () => { if (received === total) done.resolve() })
  }).listen(`${directory}/sink`)
  for (let i = 0; i < count; i++) {
    const socket = connect(`${directory}/source`)
    let left = total / count
    const write = (): void => {
      while (left > 0) {
        left -= chunk.length
        if (!socket.write(chunk)) return
      }
      socket.end()
    }
    socket.on('drain', write).once('connect', write)
  }
  await done.promise
  sink.close()
  return performance.now() - start
}

const found = new Map<string, Record<Way, number[]>>()
function note (way: Way, what: string, value: number): void {
  const row = found.get(what) ?? { tcp: [], local: [] }
  row[way].push(value)
  found.set(what, row)
}

async function measure (way: Way, directory: string): Promise<void> {
  const [a, b] = [new Side(way, 'a', directory), new Side(way, 'b', directory)]
  const [helloA, { peer, address }] = [await a.hello, await b.hello]
  await b.ask('dial', { address, peer: helloA.peer })
  await a.ask('dial', { address, peer })
  const cpu = async (): Promise<number> => (await a.ask('cpu', undefined)).seconds + (await b.ask('cpu', undefined)).seconds
  const flow = async (what: string, move: (total: number) => Promise<number>): Promise<void> => {
    await move(bytes / 4)
    const before = await cpu()
    const ms = await move(bytes)
    note(way, `${what}, MB/s`, bytes / MB / (ms / 1_000))
    note(way, `${what}, CPU s/GB`, (await cpu() - before) / (bytes / GB))
  }
  for (const streams of [1, 8]) {
    await flow(`${streams} piped`, async total => await pipe(directory, total, streams))
    await flow(`${streams} bare`, async total => (await a.ask('send', { bytes: total, streams })).ms)
  }
  for (const [what, name] of [['round trip', 'roundTrips'], ['open and round trip', 'opens']] as const) {
    await a.ask(name, { count: 500 })
    const before = await cpu()
    const { us } = await a.ask(name, { count: 2_000 })
    note(way, `${what}, p50 us`, us[1_000] ?? NaN)
    note(way, `${what}, p99 us`, us[1_980] ?? NaN)
    note(way, `${what}, CPU us`, (await cpu() - before) / 2_000 * 1e6)
  }
  await Promise.all([a.end(), b.end()])
}

for (let run = 0; run < runs; run++) {
  for (const way of WAYS) {
    const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
    await measure(way, directory)
    rmSync(directory, { recursive: true })
  }
}
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
console.table(Object.fromEntries([...found].map(([what, { tcp, local }]) => [what, { tcp: median(tcp).toFixed(2), local: median(local).toFixed(2), 'local/tcp': (median(local) / median(tcp)).toFixed(2) }])))
