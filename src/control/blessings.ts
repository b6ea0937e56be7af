/** The blessings of this machine's tenants, as the control protocol shows them. Only the daemon's own host has any. */
export interface Blessings {
  /** A signed envelope for each blessing of the tenant that stands; none on any other host. */
  envelopesFor (tenant: string): Promise<Uint8Array[]>
}
