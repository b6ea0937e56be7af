/**
 * The messages of the control protocol as plain values: proto/p2pd.proto in TypeScript.
 *
 * Peers, addresses and keys are bytes as on the wire; addresses.ts and peers.ts read them. Timeouts are seconds. An optional
 * field that is absent is undefined, a repeated one is an array. Types are open: a `type` may be a number not listed here.
 */

export const RequestType = {
  IDENTIFY: 0,
  CONNECT: 1,
  STREAM_OPEN: 2,
  STREAM_HANDLER: 3,
  DHT: 4,
  LIST_PEERS: 5,
  CONNMANAGER: 6,
  DISCONNECT: 7,
  PUBSUB: 8,
  /** PEERSTORE with a `dialect` (JavaScript), PERSISTENT_CONN_UPGRADE without (hivemind). */
  PEERSTORE_OR_UPGRADE: 9,
  REMOVE_STREAM_HANDLER: 10,
  STREAM_ACCEPT: 100,
  SERVICES: 101,
  BLESSING: 102
} as const
export type RequestTypeName = keyof typeof RequestType
export type RequestType = typeof RequestType[RequestTypeName]

export const ResponseType = { OK: 0, ERROR: 1 } as const
export type ResponseType = typeof ResponseType[keyof typeof ResponseType]

export const DHTRequestType = {
  FIND_PEER: 0,
  FIND_PEERS_CONNECTED_TO_PEER: 1,
  FIND_PROVIDERS: 2,
  GET_CLOSEST_PEERS: 3,
  GET_PUBLIC_KEY: 4,
  GET_VALUE: 5,
  SEARCH_VALUE: 6,
  PUT_VALUE: 7,
  PROVIDE: 8
} as const
export type DHTRequestType = typeof DHTRequestType[keyof typeof DHTRequestType]

/** Requests that are answered with BEGIN, values and END. */
export const DHT_SERIES: ReadonlySet<number> = new Set([
  DHTRequestType.FIND_PEERS_CONNECTED_TO_PEER, DHTRequestType.FIND_PROVIDERS, DHTRequestType.GET_CLOSEST_PEERS, DHTRequestType.SEARCH_VALUE
])

export const DHTResponseType = { BEGIN: 0, VALUE: 1, END: 2 } as const
export type DHTResponseType = typeof DHTResponseType[keyof typeof DHTResponseType]

export const ConnManagerRequestType = { TAG_PEER: 0, UNTAG_PEER: 1, TRIM: 2 } as const
export type ConnManagerRequestType = typeof ConnManagerRequestType[keyof typeof ConnManagerRequestType]

export const PSRequestType = { GET_TOPICS: 0, LIST_PEERS: 1, PUBLISH: 2, SUBSCRIBE: 3 } as const
export type PSRequestType = typeof PSRequestType[keyof typeof PSRequestType]

export const PeerStoreRequestType = { GET_PROTOCOLS: 1, GET_PEER_INFO: 2 } as const
export type PeerStoreRequestType = typeof PeerStoreRequestType[keyof typeof PeerStoreRequestType]

export interface Request {
  /** One of RequestType, or whatever number the client sent. */
  type: number
  connect?: ConnectRequest | undefined
  streamOpen?: StreamOpenRequest | undefined
  streamHandler?: StreamHandlerRequest | undefined
  dht?: DHTRequest | undefined
  connManager?: ConnManagerRequest | undefined
  disconnect?: DisconnectRequest | undefined
  pubsub?: PSRequest | undefined
  /** A PeerStoreRequest when the type is 9, a RemoveStreamHandlerRequest when it is 10: see codec.ts. */
  dialect?: Uint8Array | undefined
  streamAccept?: StreamAcceptRequest | undefined
  /** The daemon's peer ID, when the request is to run in its name. */
  onBehalfOf?: Uint8Array | undefined
}

export interface Response {
  type: number
  error?: ErrorResponse | undefined
  streamInfo?: StreamInfo | undefined
  identify?: IdentifyResponse | undefined
  dht?: DHTResponse | undefined
  peers: PeerInfo[]
  pubsub?: PSResponse | undefined
  peerStore?: PeerStoreResponse | undefined
  services?: ServicesResponse | undefined
  blessing?: BlessingResponse | undefined
}

/** A response to be encoded: most have no peers. */
export type ResponseInit = Omit<Response, 'peers'> & Partial<Pick<Response, 'peers'>>

export interface IdentifyResponse { id: Uint8Array, addrs: Uint8Array[] }
export interface ConnectRequest { peer: Uint8Array, addrs: Uint8Array[], timeout?: number | undefined }
export interface DisconnectRequest { peer: Uint8Array }
export interface StreamOpenRequest { peer: Uint8Array, proto: string[], timeout?: number | undefined }
export interface StreamHandlerRequest { addr: Uint8Array, proto: string[], balanced?: boolean | undefined }
export interface RemoveStreamHandlerRequest { addr: Uint8Array, proto: string[] }
export interface StreamAcceptRequest { proto: string[] }
export interface ServicesResponse { daemon: Uint8Array, services: ServiceInfo[] }
export interface ServiceInfo { name: string, proto: string, owner: string, callers: number }
export interface BlessingResponse { envelopes: Uint8Array[] }
export interface ErrorResponse { msg: string }
export interface StreamInfo { peer: Uint8Array, addr: Uint8Array, proto: string }
export interface PeerInfo { id: Uint8Array, addrs: Uint8Array[] }

export interface DHTRequest {
  type: number
  peer?: Uint8Array | undefined
  cid?: Uint8Array | undefined
  key?: Uint8Array | undefined
  value?: Uint8Array | undefined
  count?: number | undefined
  timeout?: number | undefined
}
export interface DHTResponse { type: number, peer?: PeerInfo | undefined, value?: Uint8Array | undefined }

export interface ConnManagerRequest {
  type: number
  peer?: Uint8Array | undefined
  tag?: string | undefined
  weight?: number | undefined
}

export interface PSRequest { type: number, topic?: string | undefined, data?: Uint8Array | undefined }
export interface PSResponse { topics: string[], peerIDs: Uint8Array[] }
export interface PSMessage {
  from?: Uint8Array | undefined
  data?: Uint8Array | undefined
  seqno?: Uint8Array | undefined
  topicIDs: string[]
  signature?: Uint8Array | undefined
  key?: Uint8Array | undefined
}

export interface PeerStoreRequest { type: number, id?: Uint8Array | undefined, protos: string[] }
export interface PeerStoreResponse { peer?: PeerInfo | undefined, protos: string[] }

/** Inside a signed envelope. Times are seconds since 1970. */
export interface Blessing {
  issuer: Uint8Array
  audience: Uint8Array
  grant: Uint8Array
  epoch: number
  notBefore: number
  expires: number
  actions: string[]
  resources: string[]
}
export interface BlessingStatusRequest { grant: Uint8Array }
export interface BlessingStatusResponse { stands: boolean, epoch: number, expires: number }
