/**
 * The one place where policy is asked, and where what has been allowed is asked about again when policy changes.
 *
 * Owns which policy is in force, the sentence and the audit event of a denial, and the list of what is open by its leave.
 * What decides is a Policy; whoever opens something asks here and says how to close it.
 */
import type { Audit, AuditEvent } from '../audit.ts'
import { P2pdError } from '../errors.ts'
import { safeText } from '../log.ts'
import type { Ask, Caller, Decision, Policy } from './ask.ts'
import { saidByCode } from './codeRules.ts'

/** Throws ERR_DENIED with the action and the resource when it is not allowed. */
export type Require = (caller: Caller, ask: Ask) => void

interface Open {
  readonly caller: Caller
  readonly ask: Ask
  readonly close: (reason: P2pdError) => void
}

export class Judge {
  readonly #tenant: string
  readonly #audit: Audit
  /** Whether what was allowed is to be recorded, too. */
  readonly #auditAllowed: boolean
  readonly #open = new Set<Open>()
  #policy: Policy

  /** @param tenant whose host this is: whoever else calls acts in its name */
  constructor ({ tenant, policy, audit, auditAllowed = false }: { tenant: string, policy: Policy, audit: Audit, auditAllowed?: boolean }) {
    this.#tenant = tenant
    this.#policy = policy
    this.#audit = audit
    this.#auditAllowed = auditAllowed
  }

  /** Asks what is in force now. */
  readonly require: Require = (caller, ask) => { this.#require(this.#policy, caller, ask) }

  /** Asks, again and again, what is in force at this moment: for a request that has several questions. */
  inForce (): Require {
    const policy = this.#policy
    return (caller, ask) => { this.#require(policy, caller, ask) }
  }

  /** Without a trace: for what is only shown or left out. */
  allows (caller: Caller, ask: Ask): boolean {
    return this.#policy.decide(caller, ask).allowed
  }

  /**
   * Something is open because this was allowed. `close` is called, once, when a later policy denies it: at once if policy has
   * changed since it was asked. The function that is returned says that it has ended by itself.
   */
  hold (caller: Caller, ask: Ask, close: (reason: P2pdError) => void): () => void {
    const open: Open = { caller, ask, close }
    this.#open.add(open)
    this.#closeIfDenied(open)
    return () => { this.#open.delete(open) }
  }

  /** From now on this one decides, also about what is open. Returns how much had to be closed. */
  replace (policy: Policy): number {
    this.#policy = policy
    return this.askAgain()
  }

  /** About everything that is open: time has passed, and what allowed it may have ended. Returns how much had to be closed. */
  askAgain (): number {
    return [...this.#open].filter(open => this.#closeIfDenied(open)).length
  }

  #closeIfDenied (open: Open): boolean {
    const decision = this.#policy.decide(open.caller, open.ask)
    if (decision.allowed) return false
    this.#open.delete(open)
    this.#record('revoked', open.caller, open.ask, decision)
    open.close(new P2pdError('ERR_DENIED', `${sentenceOf(open.ask)} from now on${because(decision)}`))
    return true
  }

  #require (policy: Policy, caller: Caller, ask: Ask): void {
    const decision = policy.decide(caller, ask)
    if (decision.allowed) {
      if (this.#auditAllowed) this.#record('allowed', caller, ask, decision)
      return
    }
    this.#record('denied', caller, ask, decision)
    throw new P2pdError('ERR_DENIED', `${sentenceOf(ask)}${because(decision)}`)
  }

  #record (event: AuditEvent['event'], caller: Caller, ask: Ask, decision: Decision): void {
    this.#audit({ ...eventOf(event, caller, ask, decision), ...actorOf(caller, this.#tenant) })
  }
}

/** Who acts, and for whom, where those are two. */
export function actorOf (caller: Pick<Caller, 'tenant'>, hostTenant: string): { actor?: string, onBehalfOf?: string } {
  return caller.tenant === hostTenant ? {} : { actor: caller.tenant, onBehalfOf: hostTenant }
}

/** Policies are the operator's, and not shown; a rule in code is no secret, and nobody should look for a policy in its place. */
function because ({ why, policy }: Decision): string {
  const reason = why ?? saidByCode(policy)
  return reason === undefined ? '' : `: ${reason}`
}

function sentenceOf (ask: Ask): string {
  const at = ask.action === 'dial' || ask.action === 'acceptConnection' ? ` at ${safeText(ask.context.address)}` : ''
  return `${ask.action} denied on ${ask.resource.type} ${safeText(ask.resource.id)}${at}`
}

function eventOf (event: AuditEvent['event'], { process }: Caller, ask: Ask, { policy, epoch }: Decision): AuditEvent {
  const context: { peer?: string, address?: string } = 'context' in ask && ask.action !== 'actForDaemon' ? ask.context : {}
  return {
    event,
    ...process !== undefined && { uid: process.uid, pid: process.pid },
    action: ask.action,
    resource: `${ask.resource.type} ${ask.resource.id}`,
    ...context.peer !== undefined && { peer: context.peer },
    ...context.address !== undefined && { address: context.address },
    policy,
    epoch
  }
}
