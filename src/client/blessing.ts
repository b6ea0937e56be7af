/** What the tenant may do in the daemon's name, as its programs see it. Whether a blessing holds is verify.ts's to say, wherever it is shown. */
import { readUnverifiedBlessing, type UnverifiedBlessing } from '../blessing/verify.ts'
import { P2pdError } from '../errors.ts'

/** What the daemon says that the tenant is blessed for. It is the tenant's own daemon that says so: nothing here is verified. */
export interface Blessing {
  /** The proof for others, as it is to be shown: a remote peer checks it with `verifyBlessing` of `p2pd/verify-blessing`. */
  envelope: Uint8Array
  /** The grant's id, 32 hexadecimal digits: what the daemon can be asked about. */
  grant: string
  /** Peer IDs: the daemon's, and the tenant's, which alone can show it. */
  issuer: string
  audience: string
  /** Counts up with every blessing that is given, renewed or taken back on this machine. */
  epoch: number
  /** It stands from the first until before the second, unless it is taken back. */
  notBefore: Date
  expires: Date
  /** Each of these actions on each of these resources. */
  actions: readonly string[]
  resources: readonly string[]
}

/** Throws ERR_MESSAGE: it is the daemon that sent it. */
export function blessingOf (envelope: Uint8Array): Blessing {
  const { grant, issuer, audience, epoch, notBefore, expires, actions, resources } = read(envelope)
  return { envelope, grant, issuer, audience, epoch, notBefore: new Date(notBefore * 1000), expires: new Date(expires * 1000), actions, resources }
}

function read (envelope: Uint8Array): UnverifiedBlessing {
  try {
    return readUnverifiedBlessing(envelope)
  } catch (cause) {
    throw new P2pdError('ERR_MESSAGE', 'the daemon sent what is no blessing', { cause })
  }
}
