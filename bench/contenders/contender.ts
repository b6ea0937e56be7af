/**
 * What the benchmark asks of a daemon: two of them, A and B, each with a control socket of its own and a libp2p host that
 * listens on 127.0.0.1 over TCP with noise and yamux.
 */
import { connect } from 'node:net'
import { join } from 'node:path'
import { Running } from '../processes.ts'

/** How long daemons may take until they accept on their control sockets. */
export const READY_MS = 20_000

export interface Daemons {
  /** Path of the control socket of A, where streams are opened. */
  a: string
  /** Path of the control socket of B, where they are handled. */
  b: string
  /** All processes of both, as they are now. */
  pids: () => number[]
  /** The processes with a libp2p host, once both have answered a request. */
  hosts: () => number[]
  /** Ends both; answers how many processes had to be killed. */
  stop: () => Promise<number>
}

export interface Contender {
  /** Short and stable: `ours`, `js`, `go`. */
  name: string
  /** The head of its column. */
  title: string
  /** What carries its streams between A and B, by the end of the address that it says; a run over anything else measures nothing. */
  over: '/tcp' | 'unix'
  /** Builds what it needs. Answers why it cannot run here, or undefined. */
  prepare: () => string | undefined
  /** Starts both in the directory `dir`, which is theirs; no host has been used yet. */
  start: (dir: string) => Promise<Daemons>
  /** The command of one classic daemon that serves the control socket `path`. */
  classic: (path: string) => string[]
  /** Its hosts start by themselves, on the first connection to a control socket. */
  onDemand: boolean
  /** It closes a control connection after one answer. */
  oneRequestPerConnection: boolean
}

/** A and B as two classic daemons: a process each, which is also the host. */
export async function startClassic (command: (path: string) => string[], dir: string): Promise<Daemons> {
  const paths = ['a', 'b'].map(name => join(dir, `${name}.sock`))
  const started: Running[] = []
  const stop = async (): Promise<number> => (await Promise.all(started.map(one => one.stop()))).reduce((sum, n) => sum + n, 0)
  try {
    for (const path of paths) started.push(Running.start(command(path), `${path}.log`))
    await Promise.all(started.map((one, n) => one.until(async () => accepts(paths[n] ?? ''), READY_MS)))
  } catch (error) {
    await stop()
    throw error
  }
  const [a = '', b = ''] = paths
  return { a, b, pids: () => started.flatMap(one => one.pids()), hosts: () => started.map(one => one.pid), stop }
}

async function accepts (path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => { resolve(false) })
  })
}
