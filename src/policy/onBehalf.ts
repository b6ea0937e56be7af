/**
 * What the daemon's own host decides by, where tenants act in the daemon's name.
 *
 * Owns the intersection: a blessing covers it, and the app's own policies let it act so, and the daemon's policies allow the
 * thing itself. All three are looked at for every question, so that what one of them takes back is gone. What the daemon's
 * host does by itself, and what its operator asks of it, is decided by its policies alone.
 */
import { standsAt, type Grant } from '../blessing/grant.ts'
import { covers, type DaemonAction } from '../blessing/scope.ts'
import { safeText } from '../log.ts'
import type { Ask, Caller, Decision, Policy } from './ask.ts'
import type { BlessedApp, PolicyDocument, PolicyText } from './document.ts'
import { saidByCode } from './codeRules.ts'
import { createPolicy } from './engine.ts'

const ROOT_UID = 0

interface App {
  readonly uid: number
  readonly policy: Policy
  readonly grants: readonly Grant[]
}

/** @param now milliseconds since 1970 */
export function createDaemonPolicy (document: PolicyDocument, now: () => number = Date.now): Policy {
  const { epoch, tenant, blessed = [], policies, appPolicies = [] } = document
  const own = createPolicy(document)
  const texts = new Map([...policies, ...appPolicies].map(policy => [policy.id, policy]))
  const apps = new Map(blessed.map(app => [app.tenant.name, appOf(document, texts, app)]))
  return {
    decide (caller, ask) {
      if (caller.tenant === tenant.name) return own.decide(caller, ask)
      const denied = (policy: string, why: string): Decision => ({ allowed: false, policy, epoch, why })
      const deniedBy = (whose: string, { policy }: Decision, asked: Ask, why: string): Decision =>
        denied(`${whose}: ${policy}`, saidByCode(policy) ?? `${why}: \`${explain(whose, asked)}\` tells an operator what it would take`)
      const app = apps.get(caller.tenant)
      const isMeant = (grant: Grant): boolean => ask.action === 'act' || covers(grant, ask.action as DaemonAction, ask.resource.id)
      const meant = app?.grants.filter(isMeant) ?? []
      const grant = meant.find(candidate => standsAt(candidate, now()))
      if (app === undefined || grant === undefined) return denied('no blessing', whyNot(caller.tenant, ask, app, meant))
      if (!isItsUser(caller, app)) return denied('code: only the app\'s own user acts for it', `${caller.tenant}'s programs are those of uid ${app.uid}`)
      if (ask.action === 'act') return { allowed: true, policy: `blessing ${grant.id}`, epoch }
      const acting = actingOf(ask)
      const its = app.policy.decide(caller, acting)
      if (!its.allowed) return deniedBy(caller.tenant, its, acting, `${caller.tenant}'s own policies do not allow it actForDaemon`)
      const daemons = own.decide({ ...caller, tenant: tenant.name }, ask)
      if (!daemons.allowed) return deniedBy(tenant.name, daemons, ask, 'the daemon\'s own policies do not allow it')
      return { allowed: true, policy: `blessing ${grant.id}, ${its.policy}, ${daemons.policy}`, epoch }
    }
  }
}

/** When the next blessing of those in it ends, milliseconds since 1970; undefined when none will. */
export function nextExpiryOf ({ blessed = [] }: PolicyDocument, nowMs: number): number | undefined {
  const ends = blessed.flatMap(({ grants }) => grants.map(({ expires }) => expires * 1000)).filter(endMs => endMs > nowMs)
  return ends.length === 0 ? undefined : Math.min(...ends)
}

/**
 * Whose sockets are dialled in the end is decided by this user, so it has to be the app's now: nobody's, or that of a user whom the
 * manifest has named before, may be anybody's. Root is the operator.
 */
function isItsUser ({ process }: Caller, { uid }: App): boolean {
  return process !== undefined && (process.uid === uid || process.uid === ROOT_UID)
}

/** @param meant blessings that are about it, and do not stand */
function whyNot (tenant: string, { action }: Ask, app: App | undefined, meant: readonly Grant[]): string {
  const mend = `an operator gives one with \`p2pctl bless ${tenant} --action ${action === 'identify' || action === 'act' ? '...' : action} --resource ...\``
  if (app === undefined) return `${tenant} has no blessing: ${mend}`
  return `no blessing of ${tenant} ${meant.length > 0 ? 'that covers it stands now' : 'covers it'}: ${mend}`
}

function explain (tenant: string, ask: Ask): string {
  const context = ask.action === 'actForDaemon' ? ` --context action=${ask.context.action}` : ''
  return `p2pctl policy explain ${tenant} ${ask.action} ${safeText(ask.resource.id)}${context}`
}

/** A policy that is named and not there would be a forbid that is not heard: then nothing is allowed. */
function appOf ({ epoch, neighbours }: PolicyDocument, texts: ReadonlyMap<string, PolicyText>, { tenant, uid, policies, grants }: BlessedApp): App {
  const found = policies.flatMap(id => texts.get(id) ?? [])
  return { uid, policy: createPolicy({ epoch, tenant, policies: found, neighbours }), grants: found.length === policies.length ? grants : [] }
}

function actingOf ({ action, resource }: Ask): Ask {
  return { action: 'actForDaemon', resource, context: { action } } as Ask
}
