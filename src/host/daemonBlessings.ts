/**
 * The blessings of this machine, on the daemon's host: proved to whom they were given. Others ask at blessingStatus.ts.
 *
 * The daemon's key signs here and nowhere else, and nothing but what the supervisor says was given: no word of a program or of
 * a peer gets into what is signed. On a tenant's host there are none, and nothing is signed.
 */
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { sealBlessing } from '../blessing/envelope.ts'
import { standsAt, type Grant } from '../blessing/grant.ts'
import type { Blessings } from '../control/blessings.ts'
import type { BlessedApp, PolicyDocument } from '../policy/document.ts'
import { parsePeerId } from '../wire/peers.ts'
import type { Neighbours } from './neighbours.ts'

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
