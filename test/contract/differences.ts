/**
 * Where a daemon that the contract is run against is known not to keep it.
 *
 * Each name stands for behaviour that is asserted too, in place of ours, and that proto/PROTOCOL.md lists with its reason.
 */

/** go-libp2p-daemon v0.9.2. */
export const GO_DIFFERENCES = [
  'closes-in-silence',
  'half-frames-wait-forever',
  'reserves-what-is-announced',
  'loses-bytes-behind-a-request',
  'prefers-what-it-has-heard-of',
  'no-half-close',
  'reset-shows-as-a-fault',
  'a-close-may-lose-the-last-bytes',
  'dials-on-without-a-client',
  'five-seconds-for-a-local-dial',
  'any-protocol-id',
  'any-number-of-addresses',
  'any-handler-address',
  'paths-with-their-slash',
  'handlers-only-overwrite',
  'no-waiting-for-streams',
  'a-connection-manager'
] as const

export type Difference = typeof GO_DIFFERENCES[number]
