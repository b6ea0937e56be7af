import type { Request } from '../../wire/codec.ts'
import type { Operation } from '../operation.ts'
import { OK } from './answers.ts'
import { protocolsFrom, required } from './fields.ts'
import { handlingOf } from './handling.ts'

/** Waits on this connection for an inbound stream of these protocols, whose pipe the connection then becomes. */
export const streamAccept = {
  ask: (request, daemon) => protocolsOf(request).map(protocol => handlingOf(protocol, daemon)),
  async run ({ handlers, caller }, request) {
    return { response: OK, queues: await handlers.queuesFor(protocolsOf(request), caller) }
  }
} satisfies Operation

function protocolsOf (request: Request): string[] {
  return protocolsFrom(required(request.streamAccept, 'streamAccept').proto)
}
