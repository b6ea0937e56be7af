/**
 * Policy directories of a given size, for measuring: one as operators have it, and the worst that Cedar can be asked.
 *
 * They are Cedar files by name, as they stand in a directory.
 */

/** The group of all tenants here: its members reach each other. */
export const GROUP = 'apps'

/** A tenant, and the family of protocols that is its own. */
export interface App { readonly name: string, readonly family: string }

/** Policies of a tenant, below. */
const OF_APP = 6

const ofApp = ({ name, family }: App): string => `
@id("${name}-connect")
permit (principal == Tenant::"${name}", action == Action::"connect", resource);

@id("${name}-dial")
permit (principal == Tenant::"${name}", action == Action::"dial", resource)
when { context.public && context.port >= 1024 }
unless { context.ip.isInRange(ip("198.18.0.0/15")) };

@id("${name}-accept")
permit (principal == Tenant::"${name}", action == Action::"acceptConnection", resource)
unless { context.relayed };

@id("${name}-streams")
permit (
  principal == Tenant::"${name}",
  action in [Action::"openStream", Action::"handleStream", Action::"acceptStream"],
  resource in ProtocolFamily::"${family}"
)
unless { context.relayed };

@id("${name}-neighbours")
permit (principal == Tenant::"${name}", action == Action::"openStream", resource)
when { context.peer in Group::"${GROUP}" };

@id("${name}-never-private")
forbid (principal == Tenant::"${name}", action == Action::"dial", resource)
unless { context.public || context.local };
`

/** What holds for all. */
const COMMON = [
  '@id("own-host")\npermit (principal, action in Action::"inspect", resource);\n',
  `@id("neighbours")
permit (
  principal in Group::"${GROUP}",
  action in [Action::"connect", Action::"dial", Action::"acceptConnection"],
  resource in Group::"${GROUP}"
)
when { context.local };
`,
  '@id("no-relays-inbound")\nforbid (principal, action == Action::"acceptStream", resource) when { context.relayed && !context.local };\n',
  `@id("no-test-networks")
forbid (principal, action in [Action::"dial", Action::"acceptConnection"], resource)
when { context.ip.isInRange(ip("192.0.2.0/24")) || context.ip.isInRange(ip("2001:db8::/32")) };
`
]

/** As operators have it: a file for each tenant, and one for what they have in common. */
export function realisticPolicies (apps: readonly App[]): Map<string, string> {
  return new Map([['common.cedar', COMMON.join('\n')], ...apps.map((app): [string, string] => [`${app.name}.cedar`, ofApp(app)])])
}

/** So many policies of that kind, for the fewest tenants that make them. */
export function realisticOf (count: number): Map<string, string> {
  const apps = Array.from({ length: Math.round((count - COMMON.length) / OF_APP) }, (_, n) => ({ name: `app${n + 1}`, family: `/app${n + 1}/` }))
  return realisticPolicies(apps)
}

/** As a tenant has it that does many things: all its own, spread over what it does. */
export function oneTenantOf (count: number): Map<string, string> {
  const policies = Array.from({ length: count / OF_DUTY }, (_, n) => `
permit (principal == Tenant::"app1", action in [Action::"openStream", Action::"handleStream", Action::"acceptStream"], resource in ProtocolFamily::"/app1/${n}/")
unless { context.relayed };

permit (principal == Tenant::"app1", action in [Action::"connect", Action::"dial"], resource in Group::"${GROUP}${n}");

permit (principal == Tenant::"app1", action in [Action::"dial", Action::"acceptConnection"], resource)
when { context.port == ${4_001 + n} && context.public };

forbid (principal == Tenant::"app1", action in [Action::"dial", Action::"acceptConnection"], resource)
when { context.ip.isInRange(ip("10.${n}.0.0/16")) };

permit (principal == Tenant::"app1", action == Action::"connect", resource) when { context has caller && context.caller.uid == ${1_000 + n} };
`)
  return new Map([['app1.cedar', policies.join('')]])
}

/** Policies of one thing that such a tenant does. */
const OF_DUTY = 5

/** All about one tenant and one action, so that Cedar has to look at each of them, and each with a condition to work out. */
export function worstOf (count: number): Map<string, string> {
  const policies = Array.from({ length: count }, (_, n) => n % 5 === 0
    ? `forbid (principal == Tenant::"app1", action == Action::"acceptStream", resource in ProtocolFamily::"/app1/")
when { context.port == ${20_000 + n} && !context.local || context.ip.isInRange(ip("10.${n}.0.0/16")) };`
    : `permit (principal == Tenant::"app1", action == Action::"acceptStream", resource in ProtocolFamily::"/app1/")
when { context.peer in Group::"${GROUP}" || context.ip.isInRange(ip("172.${n}.0.0/16")) || context.ip.isInRange(ip("2001:db8:${n.toString(16)}::/48")) }
unless { context.relayed };`)
  return new Map([['worst.cedar', policies.join('\n\n')]])
}
