/** How help and arguments look, the same for every command. */
import { NOT_TO_THE_DAEMON, whyNoTenantName, whyNoTenantOrDaemon } from '../config/names.ts'
import { show } from '../config/show.ts'
import { ConfigError } from '../errors.ts'

/** The text under a command's options: what to type, and what that does. */
export function examples (rows: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(rows).map(row => row.length))
  return `\nExamples:\n${Object.entries(rows).map(([command, effect]) => `  ${command.padEnd(width)}   ${effect}`.trimEnd()).join('\n')}\n`
}

/** An argument that has to be a tenant's name. Throws a ConfigError. */
export function tenantName (text: string): string {
  return judged(text, whyNoTenantName(text))
}

/** The same, for what can be done to tenants only; says so of the daemon. */
export function tenantTo (operation: keyof typeof NOT_TO_THE_DAEMON): (text: string) => string {
  return text => judged(text, whyNoTenantName(text, NOT_TO_THE_DAEMON[operation]))
}

/** The same, where the daemon's own host can be meant too. */
export function tenantOrDaemon (text: string): string {
  return judged(text, whyNoTenantOrDaemon(text))
}

function judged (text: string, why: string | undefined): string {
  if (why !== undefined) throw new ConfigError([{ file: 'argv', path: 'NAME', what: `${why}, found ${show(text)}` }])
  return text
}
