/**
 * Resolves with the signal's name when the process is told to stop (SIGTERM, SIGINT). The second signal ends it at once:
 * somebody is waiting.
 */
export async function untilTold (): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      resolve(name)
      process.once(name, () => { process.exit(1) })
    })
  }
  return await promise
}
