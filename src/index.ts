/** The package: the client of a tenant's control socket. Programs that run the daemon use its commands, p2pd and p2pctl. */
export * from './client/index.ts'
