/**
 * The blessings of this machine, on the daemon's host: proved to whom they were given, and stood by when others ask.
 *
 * The daemon's key signs here and nowhere else, and nothing but what the supervisor says was given: no word of a program or of
 * a peer gets into what is signed. On a tenant's host there are none, and nothing is signed.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey, Stream } from '@libp2p/interface'
import { sealBlessing } from '../blessing/envelope.ts'
import { standsAt, type Grant } from '../blessing/grant.ts'
import { BLESSING_STATUS_PROTOCOL, MAX_STATUS_BYTES } from '../blessing/askStatus.ts'
import { statusAnswer } from '../blessing/status.ts'
import type { Blessings } from '../control/blessings.ts'
import type { Host, RemoteStream } from '../control/host.ts'
import { StreamFrames } from '../control/streamFrames.ts'
import { P2pdError } from '../errors.ts'
import { FRAME_DEADLINE_MS, LINGER_MS } from '../limits.ts'
import type { BlessedApp, PolicyDocument } from '../policy/document.ts'
import { parsePeerId } from '../wire/peers.ts'
import type { Neighbours } from './neighbours.ts'

/** Anybody may ask, and one that asks nothing holds a stream: the question is a hundred bytes, and comes at once. */
const QUESTION_MS = 2_000
const MAX_ASKED_AT_ONCE = 8

export interface DaemonBlessingsInit {
  /** libp2p PrivateKey protobuf. */
  readonly privateKey: Uint8Array
  readonly neighbours: Neighbours
  readonly document?: PolicyDocument
}

export class DaemonBlessings implements Blessings {
  readonly #key: PrivateKey
  readonly #neighbours: Neighbours
  #apps: readonly BlessedApp[] = []

  constructor ({ privateKey, neighbours, document }: DaemonBlessingsInit) {
    this.#key = privateKeyFromProtobuf(privateKey)
    this.#neighbours = neighbours
    if (document !== undefined) this.replace(document)
  }

  replace ({ blessed = [] }: PolicyDocument): void {
    this.#apps = blessed
  }

  /** The user of a tenant's programs, with its group; undefined for one that is not blessed. */
  userOf (tenant: string): { uid: number, gid: number } | undefined {
    const app = this.#apps.find(each => each.tenant.name === tenant)
    return app === undefined ? undefined : { uid: app.uid, gid: app.gid }
  }

  get standing (): Grant[] {
    const now = Date.now()
    return this.#apps.flatMap(({ grants }) => grants).filter(grant => standsAt(grant, now))
  }

  async envelopesFor (tenant: string): Promise<Uint8Array[]> {
    const audience = this.#neighbours.peerIdOf(tenant)
    if (audience === undefined) return []
    const grants = this.standing.filter(grant => grant.tenant === tenant)
    return await Promise.all(grants.map(async grant => await sealBlessing(grant, parsePeerId(audience), this.#key)))
  }
}

/** One question a stream, and one answer; to whoever the daemon's policy lets ask. */
export async function answerBlessingStatus (host: Pick<Host, 'handle'>, blessings: DaemonBlessings): Promise<void> {
  const asking = new Map<string, number>()
  const receive = async ({ stream, peer }: RemoteStream): Promise<void> => {
    const id = peer.toString()
    const others = asking.get(id) ?? 0
    if (others >= MAX_ASKED_AT_ONCE) return stream.abort(new P2pdError('ERR_LIMIT', `${MAX_ASKED_AT_ONCE} questions at once are a peer's most`))
    asking.set(id, others + 1)
    await answer(stream, blessings) // it never rejects
    const left = (asking.get(id) ?? 1) - 1
    if (left === 0) asking.delete(id)
    else asking.set(id, left)
  }
  await host.handle(BLESSING_STATUS_PROTOCOL, remote => { void receive(remote) })
}

async function answer (stream: Stream, blessings: DaemonBlessings): Promise<void> {
  try {
    const frames = new StreamFrames(stream, MAX_STATUS_BYTES)
    const question = await frames.next(AbortSignal.timeout(QUESTION_MS))
    if (question !== undefined) frames.send(statusAnswer(question, blessings.standing, Date.now()))
    frames.detach()
    await stream.close({ signal: AbortSignal.timeout(FRAME_DEADLINE_MS) })
    // A Go peer throws unread bytes away on a reset, and one that never ends its own writing is not waited for.
    await delay(LINGER_MS, undefined, { ref: false })
    stream.abort(new Error('answered'))
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
  }
}
