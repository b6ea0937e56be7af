/** Whole requests as a hostile client would make them: right in form, and wrong in everything else. */
import { message, type Field } from '../helpers/protobuf.ts'
import { TYPE, request } from '../helpers/requests.ts'
import type { Random } from './random.ts'
import { address, connected, field, name, number, peer, protocol } from './values.ts'

type Make = (random: Random) => Buffer

/** Of p2pd's own. STREAM_ACCEPT makes a connection wait, so it can only be its last request: see waitingRequest(). */
const STREAM_ACCEPT = 100
const SERVICES = 101
const BLESSING = 102
const ON_BEHALF_OF = 101

const optional = (random: Random, make: () => Field): Field[] => random.chance(0.5) ? [make()] : []
const addresses = (random: Random): Field[] => random.several(random.chance(0.01) ? 200 : 3, () => [2, address(random)])
const protocols = (random: Random): Field[] => random.several(random.chance(0.01) ? 200 : 3, () => [2, protocol(random)])
const handlerFields = (random: Random): Buffer => message([1, address(random)], ...protocols(random), ...optional(random, () => [3, number(random)]))

const makers: ReadonlyArray<readonly [weight: number, make: Make]> = [
  [12, () => request(TYPE.IDENTIFY)],
  [12, () => request(TYPE.LIST_PEERS)],
  // Dials cost far more than all the rest: few of them, or the time goes there.
  [1, random => request(TYPE.CONNECT, [2, message([1, connected(random)], ...addresses(random), ...optional(random, () => [3, number(random)]))])],
  [3, random => request(TYPE.STREAM_OPEN, [3, message([1, peer(random)], ...protocols(random), ...optional(random, () => [3, number(random)]))])],
  [10, random => request(TYPE.STREAM_HANDLER, [4, handlerFields(random)])],
  [10, random => request(TYPE.REMOVE_STREAM_HANDLER, [9, handlerFields(random)])],
  [10, random => request(TYPE.DISCONNECT, [7, message([1, connected(random)])])],
  [6, random => request(TYPE.DHT, [5, message([1, number(random)], ...anyFields(random, 8))])],
  [6, random => request(TYPE.CONNMANAGER, [6, message([1, number(random)], ...anyFields(random, 5))])],
  [6, random => request(TYPE.PUBSUB, [8, message([1, number(random)], ...anyFields(random, 4))])],
  [6, random => request(TYPE.PEERSTORE_OR_UPGRADE, ...optional(random, () => [9, message([1, number(random)], ...anyFields(random, 4))]))],
  [3, random => request(SERVICES, ...anyFields(random, 10))],
  [3, random => request(BLESSING, ...anyFields(random, 10))],
  [6, random => request(number(random), ...anyFields(random, 10))],
  [4, random => request(anyType(random))],
  // One submessage for another's type, or several at once, or one twice, which is to be merged.
  [6, random => request(anyType(random), ...random.several(6, (): Field => [random.pick(SUBMESSAGES), handlerFields(random)]))]
]

/** Fields that hold a submessage, or bytes of the request's own. */
const SUBMESSAGES = [2, 3, 4, 5, 6, 7, 8, 9, STREAM_ACCEPT, ON_BEHALF_OF]

function anyType (random: Random): number {
  return random.chance(0.8) ? random.below(11) : random.pick([SERVICES, BLESSING])
}

function anyFields (random: Random, highest: number): Field[] {
  return random.several(6, () => field(random, random.chance(0.9) ? 1 + random.below(highest) : 1 + random.next() % 0x1fffffff))
}

/** Some in somebody's name: their own, the daemon's, nobody's, several. */
function inANameOr (random: Random, made: Buffer): Buffer {
  return random.chance(0.85) ? made : Buffer.concat([made, message(...random.several(2, (): Field => [ON_BEHALF_OF, name(random)]))])
}

/** A request without its length. */
export function hostileRequest (random: Random): Buffer {
  return inANameOr(random, random.weighted(makers)(random))
}

/** One after which the connection waits for a stream, or has an ERROR. Of protocols that no handler takes away from it. */
export function waitingRequest (random: Random): Buffer {
  const waited = (): Field => [1, random.chance(0.9) ? `/wait/${random.below(20)}` : random.pick(NO_PROTOCOLS)]
  return inANameOr(random, request(STREAM_ACCEPT, [STREAM_ACCEPT, message(...random.several(3, waited), ...optional(random, () => [2, number(random)]))]))
}

/** Ids that nobody may wait for. */
const NO_PROTOCOLS = ['', '\0', '/ipfs/id/1.0.0', '/p2pd/as-daemon/1.0.0', 'x'.repeat(100_000), Buffer.from([0xff])]
