/** Whole requests as a hostile client would make them: right in form, and wrong in everything else. */
import { message, type Field } from '../helpers/protobuf.ts'
import { TYPE, request } from '../helpers/requests.ts'
import type { Random } from './random.ts'
import { address, field, number, peer, protocol } from './values.ts'

type Make = (random: Random) => Buffer

const optional = (random: Random, make: () => Field): Field[] => random.chance(0.5) ? [make()] : []
const addresses = (random: Random): Field[] => random.several(random.chance(0.01) ? 200 : 3, () => [2, address(random)])
const protocols = (random: Random): Field[] => random.several(random.chance(0.01) ? 200 : 3, () => [2, protocol(random)])
const handlerFields = (random: Random): Buffer => message([1, address(random)], ...protocols(random), ...optional(random, () => [3, number(random)]))

const makers: ReadonlyArray<readonly [weight: number, make: Make]> = [
  [12, () => request(TYPE.IDENTIFY)],
  [12, () => request(TYPE.LIST_PEERS)],
  // Dials cost far more than all the rest: few of them, or the time goes there.
  [1, random => request(TYPE.CONNECT, [2, message([1, peer(random)], ...addresses(random), ...optional(random, () => [3, number(random)]))])],
  [3, random => request(TYPE.STREAM_OPEN, [3, message([1, peer(random)], ...protocols(random), ...optional(random, () => [3, number(random)]))])],
  [10, random => request(TYPE.STREAM_HANDLER, [4, handlerFields(random)])],
  [10, random => request(TYPE.REMOVE_STREAM_HANDLER, [9, handlerFields(random)])],
  [10, random => request(TYPE.DISCONNECT, [7, message([1, peer(random)])])],
  [6, random => request(TYPE.DHT, [5, message([1, number(random)], ...anyFields(random, 8))])],
  [6, random => request(TYPE.CONNMANAGER, [6, message([1, number(random)], ...anyFields(random, 5))])],
  [6, random => request(TYPE.PUBSUB, [8, message([1, number(random)], ...anyFields(random, 4))])],
  [6, random => request(TYPE.PEERSTORE_OR_UPGRADE, ...optional(random, () => [9, message([1, number(random)], ...anyFields(random, 4))]))],
  [6, random => request(number(random), ...anyFields(random, 10))],
  [4, random => request(random.below(11))],
  // One submessage for another's type, or several at once, or one twice, which is to be merged.
  [6, random => request(random.below(11), ...random.several(6, (): Field => [2 + random.below(8), handlerFields(random)]))]
]

function anyFields (random: Random, highest: number): Field[] {
  return random.several(6, () => field(random, random.chance(0.9) ? 1 + random.below(highest) : 1 + random.next() % 0x1fffffff))
}

/** A request without its length. */
export function hostileRequest (random: Random): Buffer {
  return random.weighted(makers)(random)
}
