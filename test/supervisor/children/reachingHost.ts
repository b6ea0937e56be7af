/** A host that asks for one connection, to the peer of b, and writes down the one that it takes for it. */
import { SupervisorLink } from '../../../src/host/supervisorLink.ts'

const link = new SupervisorLink([], () => { process.exit(0) })
link.start(message => { if (message.kind === 'stop') process.exit(0) })
const asked = link.reach('peer of b', new AbortController().signal)
link.send({ kind: 'ready', peerId: 'nobody', addresses: [] })
const socket = await asked
socket.end('to b')
