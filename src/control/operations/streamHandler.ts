import { parseSocketAddress } from '../../wire/addresses.ts'
import { decodeRemoveStreamHandlerRequest, type Request } from '../../wire/codec.ts'
import type { Sharing } from '../handlers.ts'
import type { Operation } from '../operation.ts'
import { OK } from './answers.ts'
import { protocolsFrom, required } from './fields.ts'
import { handlingOf } from './handling.ts'

/** Sends the inbound streams of these protocols to where the client listens. */
export const streamHandler = {
  ask: (request, daemon) => protocolsFrom(required(request.streamHandler, 'streamHandler').proto).map(protocol => handlingOf(protocol, daemon)),
  async run ({ handlers, caller }, request) {
    const { addr, proto, balanced } = required(request.streamHandler, 'streamHandler')
    await handlers.add(protocolsFrom(proto), { address: parseSocketAddress(addr), tenant: caller.tenant, uid: caller.process?.uid, gid: caller.process?.gid, ...caller.process !== undefined && { pid: caller.process.pid } }, sharingOf(balanced))
    return { response: OK }
  }
} satisfies Operation

/** Takes a handler back: the same address, any of its protocols. */
export const removeStreamHandler = {
  ask: (request, daemon) => protocolsFrom(removalOf(request).proto).map(protocol => handlingOf(protocol, daemon)),
  async run ({ handlers, caller }, request) {
    const { addr, proto } = removalOf(request)
    await handlers.remove(protocolsFrom(proto), parseSocketAddress(addr), caller.tenant)
    return { response: OK }
  }
} satisfies Operation

function removalOf (request: Request): { addr: Uint8Array, proto: readonly string[] } {
  return decodeRemoveStreamHandlerRequest(required(request.dialect, 'removeStreamHandler'))
}

/** `balanced` is of one dialect of the protocol; clients of the others leave it out and expect to overwrite. */
function sharingOf (balanced: boolean | undefined): Sharing {
  if (balanced === undefined) return 'replace'
  return balanced ? 'share' : 'exclusive'
}
