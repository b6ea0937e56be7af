/**
 * The keys of the vectors: fixed, published with them, and nobody's. The same bytes come out of them on every machine, as all
 * three kinds of signature are made without chance.
 */
import { generateKeyPairFromSeed, privateKeyFromProtobuf, privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'

/** A libp2p PrivateKey protobuf with 2048 bits; there is no seed that everybody makes the same RSA key of. */
const RSA =
  'CAASqAkwggSkAgEAAoIBAQCqCTvzyaDgH2vWzRbxs2+Lhd2t4GmXiyj52A/XDX/r48GUXNJMDD7qwDSLk1bWOkdQNaO/qfT8PblqTyqnZaxHyucXBCPYQ9Oc23pIlJdN8kVA1/l5366F2Z+WwhAyBr' +
  'Ksm2hwdrgCXBsiWGHoZT+UiSDVTJxhTpZ82IEvZdujW4W6l3tPYVh9P3m8G4JU4gtA0ysnOX2uALwibodGJA+m8rgn9qurffsZ6iIgDBRuP7boxHkbS/kSqbnkG/UiOt7t7fmmL/2TkhWIHVCn4yvm' +
  'PoxyouIKUG7+1d41l/m8nCsiNzDfAIc4fg2DD4yvSP1gZbRxSFWMH1600kMpNG5pAgMBAAECggEAA6mXgZ6nERDIMjwgaYQdi9YuMlG2QIoCL9B+Ndn/9oElQSh3LKVqYQTTFOsPaKWgddsz69vRr7' +
  'G2KdKq9uhXG8REcj/X9E9wsk0dbw0JTcfhQz5rrJr7b71iZT1Im0U+6b4es6Zw+/cHLBgWgsqUgiLqgsGn0CZA0k9ZB//0CUqVQsdQfUCeR0wRsHQladGAN+Sr8X5LHcjMJmDr0jgDzrZc856nNs+x' +
  'W5rS6MdHxthOEYO2w1c0IJTvPBgCYteTNAEdEOTTnZh9/8qKmcfdAbv+TX13GZ36Y93JZCK0lnGzkR1qS4RiSEZp2i5aIa/EFzl2kEIUxwYl6kEpAMVPQQKBgQDW5KnSWBOK6nUzO4CseZ5rHJpmo1' +
  '5RV95N7dUHHB0k69zyuHuNMvHxTiORN3gocVy4i8VkgiGJeZKkadKSHs/zb6soG5DrEivxQKtCEe1nADOvMoBYyIuNzcVfOdXqYSD2q7fALnDA/foMc2CMPL1fql5T9RL0G24K9TjK48g5KQKBgQDK' +
  'j+nB+vq9ECd4QakSqTQ/1yrbG9S3H8R1BQEyhTsp+y84qibX7oKfZvTr4gmWDMkTemRiALNid17L2Avd830L/GyP2HxjG4ctACT6yGHZAsld97RZUeUorBoVZ98JJECxyYmLULUrR8lqeirxqQmPQA' +
  'E0PZ24G2cwLQgGU7zzQQKBgQCdhXCWp8lrgwH2VB+2TlA54/WqVwbESczDAxus4obakaqcoW6vyjBf2g9oW2jQ/IgjHxHK4zkCNQOxUYDxa3Sz1Z94/vvz1JYxel4PSGTlo9g/DJ3YdukVQUj0zMhp' +
  'zlkDeExxq5krXwD0L38OTVfj0Fbk5DjIh3LaxXakAuS6QQKBgEFJfztBbH1xbndJGnhkRu3oqOx0HOxk9coNseQZowcV6ZNm7BweyMUdxwUcFqDhQBHiGeaoeSjcdpZW7QQ9jWlGk6sNSJIc9kWfzU' +
  'tzOG5cgpCh3OQJDEY+qi2KDA4DPELRRV68xZfMjHOgKqU3KViddYXj8ii71FdnvDVl2fnBAoGBAKEhgGnjizMxLIvM7XdBCxtG7vAUkuyAABWUaDYr9heCI1h0biIyholQPzUk9VjcgdVHatBCCecb' +
  'eCYqchrqn7uFCnZBpIsekWAOiF9a5OgqQrS8wPGh+zuYyNuLg66Q+IB8Byo4ZGTroCprqpqP8PeMI1bY9kByTWvcFsOYC8Vg'

const seeded = (byte: number): Promise<PrivateKey> => generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(byte))

/** Three daemons, one for each kind of key. */
export const DAEMONS: Readonly<Record<'ed25519' | 'rsa' | 'secp256k1', PrivateKey>> = {
  ed25519: await seeded(1),
  rsa: privateKeyFromProtobuf(Buffer.from(RSA, 'base64')),
  secp256k1: privateKeyFromRaw(new Uint8Array(32).fill(2))
}
export type DaemonName = keyof typeof DAEMONS

/** Another daemon; the blessed app; another app. */
export const OTHER_DAEMON = await seeded(3)
export const APP = await seeded(4)
export const OTHER_APP = await seeded(5)
