import { parseSocketAddress } from '../../wire/addresses.ts'
import { decodeRemoveStreamHandlerRequest, type Request } from '../../wire/codec.ts'
import type { Ask } from '../../policy/ask.ts'
import type { Sharing } from '../handlers.ts'
import type { Operation } from '../operation.ts'
import { OK } from './answers.ts'
import { protocolsFrom, required } from './fields.ts'

/** Sends the inbound streams of these protocols to where the client listens. */
export const streamHandler = {
  ask: request => handlingOf(required(request.streamHandler, 'streamHandler').proto),
  async run ({ handlers, caller }, request) {
    const { addr, proto, balanced } = required(request.streamHandler, 'streamHandler')
    await handlers.add(protocolsFrom(proto), { address: parseSocketAddress(addr), uid: caller.process?.uid, gid: caller.process?.gid }, sharingOf(balanced))
    return { response: OK }
  }
} satisfies Operation

/** Takes a handler back: the same address, any of its protocols. */
export const removeStreamHandler = {
  ask: request => handlingOf(removalOf(request).proto),
  async run ({ handlers }, request) {
    const { addr, proto } = removalOf(request)
    await handlers.remove(protocolsFrom(proto), parseSocketAddress(addr))
    return { response: OK }
  }
} satisfies Operation

function removalOf (request: Request): { addr: Uint8Array, proto: readonly string[] } {
  return decodeRemoveStreamHandlerRequest(required(request.dialect, 'removeStreamHandler'))
}

function handlingOf (protocols: readonly string[]): Ask[] {
  return protocolsFrom(protocols).map(protocol => ({ action: 'handleStream', resource: { type: 'Protocol', id: protocol } }))
}

/** `balanced` is of one dialect of the protocol; clients of the others leave it out and expect to overwrite. */
function sharingOf (balanced: boolean | undefined): Sharing {
  if (balanced === undefined) return 'replace'
  return balanced ? 'share' : 'exclusive'
}
