import type { Request } from '../../wire/codec.ts'
import type { Operation } from '../operation.ts'
import { OK } from './answers.ts'
import { protocolsFrom, required } from './fields.ts'

/** Waits on this connection for an inbound stream of these protocols, whose pipe the connection then becomes. */
export const streamAccept = {
  ask: request => protocolsOf(request).map(protocol => ({ action: 'handleStream', resource: { type: 'Protocol', id: protocol } })),
  async run ({ handlers, caller }, request) {
    return { response: OK, queues: await handlers.queuesFor(protocolsOf(request), caller) }
  }
} satisfies Operation

function protocolsOf (request: Request): string[] {
  return protocolsFrom(required(request.streamAccept, 'streamAccept').proto)
}
