/** What is said of tenants where nobody is asked for figures: a line each, and what a reload changed. */

/** One line of the list, without asking the host for anything. */
export interface Row {
  readonly name: string
  /** Absent if the identity is damaged; the reason says how. */
  readonly peerId?: string
  readonly socket: string
  readonly state: string
  readonly addresses: readonly string[]
}

export interface Changes {
  added: string[]
  removed: string[]
  changed: string[]
  same: string[]
  /** The policy that decides from now on: its epoch, and how many policies it has. */
  epoch: number
  policies: number
}
