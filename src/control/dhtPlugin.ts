/**
 * What a right answer of the DHT is: to each request its own, with nothing in it that was not asked for.
 *
 * How a plugin is asked, and what becomes of one that answers something else, is plugin.ts's.
 */
import { P2pdError } from '../errors.ts'
import { DHT_SERIES, DHTRequestType, DHTResponseType, decodeDHTResponse, encodeDHTRequest, encodeDHTResponse, type DHTRequest, type DHTResponse, type Response } from '../wire/codec.ts'
import { OK } from './operations/answers.ts'
import type { Answered, PluginQuestion, Series } from './plugin.ts'

/** Of those that are no series, those that have a value for an answer. */
const VALUED: ReadonlySet<number> = new Set([DHTRequestType.FIND_PEER, DHTRequestType.GET_PUBLIC_KEY, DHTRequestType.GET_VALUE])

/** Providers that are returned when the request does not say how many: go-libp2p-daemon's default. */
const DEFAULT_PROVIDERS = 20

export function dhtQuestion (request: DHTRequest): PluginQuestion {
  return { message: encodeDHTRequest(request), answered: first => answerTo(request, first) }
}

function answerTo (request: DHTRequest, { dht }: Response): Answered {
  if (DHT_SERIES.has(request.type)) {
    if (dht?.type !== DHTResponseType.BEGIN) throw noAnswer()
    return { response: { ...OK, dht: { type: DHTResponseType.BEGIN } }, series: seriesOf(request) }
  }
  if (!VALUED.has(request.type)) return { response: OK }
  if (dht?.type !== DHTResponseType.VALUE) throw noAnswer()
  return { response: { ...OK, dht: valueOf(dht) } }
}

function seriesOf (request: DHTRequest): Series {
  return {
    most: mostOf(request),
    read (message) {
      const answer = decodeDHTResponse(message)
      return answer.type === DHTResponseType.VALUE ? encodeDHTResponse(valueOf(answer)) : undefined
    },
    end: encodeDHTResponse({ type: DHTResponseType.END })
  }
}

function valueOf ({ peer, value }: DHTResponse): DHTResponse {
  return { type: DHTResponseType.VALUE, ...peer !== undefined && { peer }, ...value !== undefined && { value } }
}

function mostOf ({ type, count = 0 }: DHTRequest): number {
  if (count > 0) return count
  return type === DHTRequestType.FIND_PROVIDERS ? DEFAULT_PROVIDERS : Infinity
}

function noAnswer (): P2pdError {
  return new P2pdError('ERR_MESSAGE', 'this is no answer to the request')
}
