/**
 * Classic mode: the same supervisor and host with one tenant, made from go-libp2p-daemon's flags. No state directory, no
 * front desk, no admin socket: the identity is in a file the flags name, or lasts as long as the process.
 */
import { closeSync, lstatSync, readFileSync, rmSync } from 'node:fs'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { ClassicOptions } from '../config/classicFlags.ts'
import { classicServiceUid, whyNotThisRange } from '../config/uidRange.ts'
import { ConfigError, P2pdError, messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import { clearStaleSocket, listenTcp, listenUnix } from '../os/listening.ts'
import { mayChangeUsers } from '../os/rights.ts'
import { selfTest } from '../os/selfTest.ts'
import { formatSocketAddress, parseSocketAddress, type SocketAddress } from '../wire/addresses.ts'
import type { TenantLimits } from '../policy/ledger.ts'
import { hardenSupervisor } from './harden.ts'
import { Tenant } from './tenant.ts'

/** No manifest, so no limits of an operator's: what a machine of one's own can bear, as the Go daemon has none at all. */
const UNLIMITED = 1_000_000
const LIMITS: TenantLimits = {
  connections: 1_024,
  streams: 16_384,
  handlers: 4_096,
  controlConnections: 16_384,
  requestsPerSecond: UNLIMITED,
  dialsPerSecond: UNLIMITED,
  streamsPerSecond: UNLIMITED,
  bytesPerSecond: 0,
  buffered: 1024 * 1024 * 1024,
  descriptors: 65_536,
  inbound: { streams: 16_384, streamsPerPeer: 16_384, connectionsPerPeer: 1_024, connectionsPerSubnet: 1_024, reserved: 0 }
}
const MEMORY_BYTES = 2 * 1024 * 1024 * 1024

export interface ClassicDaemon extends AsyncDisposable {
  /** With the real port. */
  readonly controlAddress: string
  readonly peerId: string
  readonly addresses: readonly string[]
  /** Resolves with the reason when its host cannot run; a classic daemon then ends. */
  readonly failed: Promise<string>
}

/** Resolves when the host listens and the control socket is served. */
export async function serveClassic (options: ClassicOptions, log: Logger): Promise<ClassicDaemon> {
  hardenSupervisor()
  await selfTest()
  const serviceUid = serviceUidOfClassic(log)
  const privateKey = await readOrMakeKey(options.idFile)
  const wanted = parseSocketAddress(options.listen)
  const { fd, address } = await listen(wanted)
  const made = 'path' in address ? lstatSync(address.path).ino : undefined
  const ready = Promise.withResolvers<void>()
  const failed = Promise.withResolvers<string>()
  const tenant = new Tenant({
    name: 'classic',
    controlFd: fd,
    always: true,
    memoryBytes: MEMORY_BYTES,
    log,
    identity: async () => ({ privateKey, peerId: '' }), // nobody is introduced to it
    ...serviceUid !== undefined && { serviceUid: async () => serviceUid },
    start: {
      tenant: 'classic',
      ...'path' in address && { callerUid: process.geteuid?.() ?? 0 },
      listen: options.hostAddrs,
      announce: options.announceAddrs,
      echo: options.echo,
      limits: LIMITS,
      auditAllowed: false,
      idleStopMs: 0,
      own: { directories: [], paths: 'path' in address ? [address.path] : [], ports: 'port' in address ? [address.port] : [] }
    },
    onChange: ({ state, reason }) => {
      if (state === 'running') ready.resolve()
      if (state === 'parked' || state === 'failed' || state === 'backing-off') {
        const sentence = reason ?? 'its host ended'
        ready.reject(new P2pdError('ERR_SYSTEM', sentence))
        if (state !== 'backing-off') failed.resolve(sentence)
      }
    }
  })
  const close = async (): Promise<void> => {
    if ('path' in address) removeOwnSocket(address.path, made)
    await tenant.close()
    closeSync(fd)
  }
  tenant.open()
  try {
    await ready.promise
  } catch (error) {
    await close()
    throw error
  }
  return {
    controlAddress: formatSocketAddress(address),
    peerId: peerIdFromPrivateKey(privateKeyFromProtobuf(privateKey)).toString(),
    addresses: tenant.addresses,
    failed: failed.promise,
    [Symbol.asyncDispose]: close
  }
}

/** With root its host is not root either: it gets a uid that no other process of the machine has. */
function serviceUidOfClassic (log: Logger): number | undefined {
  if (process.geteuid?.() !== 0) return undefined
  const uid = classicServiceUid(process.pid)
  const [why] = mayChangeUsers() ? whyNotThisRange({ first: uid, last: uid }) : ['needs CAP_SETUID, CAP_SETGID and CAP_KILL']
  if (why === undefined) return uid
  log.warn({ uid, why }, 'the host runs as root: the uid it was to have cannot be used')
  return undefined
}

/** Not what another daemon has put there since. */
function removeOwnSocket (path: string, inode: number | undefined): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.ino === inode) rmSync(path, { force: true })
}

async function listen (address: SocketAddress): Promise<{ fd: number, address: SocketAddress }> {
  if ('path' in address) {
    await clearStaleSocket(address.path)
    return { fd: listenUnix(address.path, { mode: 0o600 }), address }
  }
  const { fd, port } = listenTcp(address.host, address.port)
  return { fd, address: { host: address.host, port } }
}

async function readOrMakeKey (file: string | undefined): Promise<Uint8Array> {
  if (file === undefined) return privateKeyToProtobuf(await generateKeyPair('Ed25519'))
  try {
    const bytes = readFileSync(file)
    privateKeyFromProtobuf(bytes)
    return bytes
  } catch (cause) {
    throw new ConfigError([{ file: 'argv', path: '-id', what: `${file} does not hold a libp2p private key (the PrivateKey protobuf): ${messageOf(cause)}` }])
  }
}
