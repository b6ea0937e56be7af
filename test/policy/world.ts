/**
 * Policies for one test: a directory of them, the lines of what is wrong with it, and engines without a directory.
 */
import { chmodSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import type { Ask, Caller, Decision, Endpoint, Policy } from '../../src/policy/ask.ts'
import { checkPolicies, type ScopedPolicy } from '../../src/policy/checkPolicies.ts'
import type { Neighbour } from '../../src/policy/document.ts'
import { createPolicy } from '../../src/policy/engine.ts'
import { documentFor, loadPolicies, type PolicySet } from '../../src/policy/load.ts'
import { ConfigError } from '../../src/errors.ts'
import { makeDir } from '../config/world.ts'

export const CHAT = { name: 'chat', groups: ['messaging'] }
export const INDEXER = { name: 'indexer', groups: ['messaging', 'storage'] }
export const TENANTS = [CHAT, INDEXER]

export const EVERYTHING = 'permit (principal, action, resource);\n'

/** A directory with these files, closed to all others as one for root has to be. */
export function policyDir (t: ExecutionContext, files: Readonly<Record<string, string | Uint8Array>>): string {
  const dir = makeDir(t, files)
  chmodSync(dir, 0o755)
  return dir
}

/** What loading them gives, or the lines of the ConfigError, with the directory left out. */
export async function load (t: ExecutionContext, files: Readonly<Record<string, string | Uint8Array>>, tenants = TENANTS): Promise<PolicySet | string[]> {
  const dir = policyDir(t, files)
  return await loadPolicies(dir, tenants).catch((error: unknown) => linesOf(error, dir))
}

export function linesOf (error: unknown, dir: string): string[] {
  if (!(error instanceof ConfigError)) throw error
  return error.message.split('\n').map(line => line.replaceAll(`${dir}/`, '').replaceAll(dir, 'DIR'))
}

/** Policies that have to be good. */
export function policies (text: string, file = 'a.cedar'): ScopedPolicy[] {
  const { policies: good, faults } = checkPolicies([{ name: file, text }])
  if (faults.length > 0) throw new Error(JSON.stringify(faults))
  return good
}

/** The faults of one file, as its lines. */
export function faultsIn (text: string): string[] {
  return checkPolicies([{ name: 'a.cedar', text }]).faults.map(({ file, what }) => `${file}: ${what}`)
}

export function engine (text: string, { tenant = CHAT, neighbours = [], epoch = 1 }: { tenant?: { name: string, groups: string[] }, neighbours?: Neighbour[], epoch?: number } = {}): Policy {
  return createPolicy(documentFor({ policies: policies(text) }, { epoch, tenant, neighbours }))
}

export const CALLER: Caller = { tenant: 'chat', process: { uid: 1000, gid: 100, pid: 7 } }

export const ASKS = {
  identify: { action: 'identify', resource: { type: 'Host', id: 'own' } } satisfies Ask,
  connect: (peer = 'x'): Ask => ({ action: 'connect', resource: { type: 'Peer', id: peer } }),
  dial: (ip: string, peer = 'x', rest: Partial<Endpoint> = {}): Ask => ({ action: 'dial', resource: { type: 'Peer', id: peer }, context: { address: `/ip4/${ip}/tcp/4001`, ip, port: 4001, relayed: false, ...rest } }),
  open: (protocol = '/chat/1.0.0', peer = 'x', relayed = false): Ask => ({ action: 'openStream', resource: { type: 'Protocol', id: protocol }, context: { peer, relayed } }),
  handle: (protocol = '/chat/1.0.0'): Ask => ({ action: 'handleStream', resource: { type: 'Protocol', id: protocol } }),
  accept: (protocol = '/chat/1.0.0', peer = 'x', ip = '8.8.8.8'): Ask => ({ action: 'acceptStream', resource: { type: 'Protocol', id: protocol }, context: { peer, address: `/ip4/${ip}/tcp/1`, ip, port: 1, relayed: false } })
}

/** `allow by a, b` */
export function shown ({ allowed, policy }: Decision): string {
  return `${allowed ? 'allow' : 'deny'} by ${policy}`
}
