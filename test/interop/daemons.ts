/**
 * Daemons for the tests to talk to: ours as classic p2pd, ours with many tenants, and go-libp2p-daemon.
 *
 * Owns a directory for each test's sockets and state, and the end of everything in it. What the daemons are asked is
 * scenarios.ts's business.
 */
import { existsSync, rmSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child, waitFor } from './processes.ts'
import { ROOT } from './toolchain.ts'
import { EVERYTHING_ALLOWED } from '../helpers/policies.ts'

/** Our launcher, as operators and launching clients call it. */
export const P2PD = join(ROOT, 'bin/p2pd')

/** PY waits 30 s for a daemon it launched, hivemind's tests 5 s; a machine busy with other tests gets what PY gives. */
const READY_DEADLINE_MS = 30_000

/** A daemon as a client sees it: where it is controlled. */
export interface Endpoint {
  control: string
  /** True for go-libp2p-daemon, which lacks what scenarios.ts lists. */
  isGo: boolean
  /** What the other tenants of its machine find it at. */
  neighbour?: string
}

export interface ClassicEndpoint extends Endpoint {
  child: Child
  peerId: string
  addresses: string[]
}

const directories = new Set<string>()
// For the test process that is told to exit in the middle of a test: its daemons have been killed by then, see processes.ts.
process.once('exit', () => directories.forEach(directory => rmSync(directory, { recursive: true, force: true })))

/** One test's directory and daemons; leaving its scope stops the daemons and removes the directory. */
export class World implements AsyncDisposable {
  readonly directory: string
  readonly #children: Child[] = []
  #named = 0

  private constructor (directory: string) {
    this.directory = directory
    directories.add(directory)
  }

  static async create (): Promise<World> {
    const directory = await mkdtemp(join(tmpdir(), 'p2pd-interop-'))
    // Clients put their sockets in places everybody may enter, such as /tmp itself; a daemon's hosts may run under other uids.
    await chmod(directory, 0o755)
    return new World(directory)
  }

  /** A path in the directory that nobody else was given. */
  path (name: string): string {
    return join(this.directory, `${this.#named++}-${name}`)
  }

  async makeDirectory (name: string): Promise<string> {
    const path = this.path(name)
    await mkdir(path)
    return path
  }

  /** A daemon with go-libp2p-daemon's flags and output: ours, or that one itself. Listens on a Unix socket unless told. */
  async classic (binary: string, { control, flags = [] }: { control?: string, flags?: string[] } = {}): Promise<ClassicEndpoint> {
    const listen = control ?? `/unix${this.path('p2pd.sock')}`
    const child = this.#start(binary, ['-listen', listen, '-hostAddrs', '/ip4/127.0.0.1/tcp/0', ...flags])
    const printed = /^Control socket: (\S+)\nPeer ID: (\S+)\nPeer Addrs:\n((?:\/\S+\n)+)/m
    await waitFor('the lines a launcher waits for on stdout', () => printed.test(child.stdout), { deadlineMs: READY_DEADLINE_MS, child })
    const [, socket = '', peerId = '', addresses = ''] = printed.exec(child.stdout) ?? []
    return { child, control: socket, peerId, addresses: addresses.trimEnd().split('\n'), isGo: binary !== P2PD }
  }

  /** One daemon of ours with these tenants, each on its own control socket, in the order of the names, and its front desk. */
  async tenants (names: readonly string[]): Promise<{ child: Child, endpoints: Endpoint[], frontDesk: Endpoint }> {
    const manifests = await this.makeDirectory('tenants')
    const [state, sockets] = [this.path('state'), this.path('run')]
    await Promise.all(names.map(name =>
      writeFile(join(manifests, `${name}.yaml`), `name: ${name}\nhost:\n  listen: [/ip4/127.0.0.1/tcp/0]\n`)))
    const child = this.#start(P2PD, ['serve', '--tenants', manifests, '--policy', EVERYTHING_ALLOWED, '--state', state, '--run', sockets])
    const frontDesk = join(sockets, 'p2pd.sock')
    const paths = names.map(name => join(sockets, name, 'p2pd.sock'))
    await waitFor(`the control sockets of ${names.join(', ')} and the front desk`, () => [frontDesk, ...paths].every(path => existsSync(path)),
      { deadlineMs: READY_DEADLINE_MS, child })
    const endpoint = (path: string): Endpoint => ({ control: `/unix${path}`, isGo: false })
    return { child, endpoints: paths.map((path, i) => ({ ...endpoint(path), neighbour: `/unix/p2pd/${names[i] ?? ''}` })), frontDesk: endpoint(frontDesk) }
  }

  /** Everything the daemons printed, for the message of a failure. */
  logs (): string {
    return this.#children.map(({ name, stdout, stderr }) => `--- ${name}\n${stdout}${stderr}`).join('\n')
  }

  #start (binary: string, args: readonly string[]): Child {
    if (!existsSync(binary)) throw new Error(`${binary} does not exist: run \`npm run build\` first`)
    const child = new Child(binary, args, { cwd: ROOT })
    this.#children.push(child)
    return child
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await Promise.all(this.#children.map(child => child[Symbol.asyncDispose]()))
    await rm(this.directory, { recursive: true, force: true })
    directories.delete(this.directory)
  }
}
