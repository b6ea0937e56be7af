/** Processes as /proc has them: who belongs to whom, who runs as whom. */
import { readFileSync, readdirSync } from 'node:fs'

interface Row { readonly pid: number, readonly parent: number, readonly group: number, readonly state: string }

function rows (): Row[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap(name => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      // What follows the last parenthesis: state, parent, group; proc(5).
      const [state = '', parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return [{ pid: Number(name), parent: Number(parent), group: Number(group), state }]
    } catch {
      return [] // it has gone
    }
  })
}

/** Children, their children, and so on. */
export function descendantsOf (pid: number): number[] {
  const all = rows()
  const below = (parent: number): number[] => all.filter(row => row.parent === parent).flatMap(row => [row.pid, ...below(row.pid)])
  return below(pid)
}

/** Living processes of a process group. */
export function groupMembers (group: number): number[] {
  return rows().filter(row => row.group === group && row.state !== 'Z').map(({ pid }) => pid)
}

export interface Identity {
  /** Real, effective, saved, of the file system. */
  readonly uids: readonly number[]
  readonly gids: readonly number[]
  readonly groups: readonly number[]
  /** Effective capabilities. */
  readonly capabilities: bigint
  readonly noNewPrivileges: boolean
}

export function identityOf (pid: number): Identity {
  const status = new Map(readFileSync(`/proc/${pid}/status`, 'utf8').trim().split('\n').map(line => {
    const [name = '', value = ''] = line.split(/:\s*/)
    return [name, value]
  }))
  const numbers = (name: string): number[] => (status.get(name) ?? '').split(/\s+/).filter(word => word !== '').map(Number)
  return {
    uids: numbers('Uid'),
    gids: numbers('Gid'),
    groups: numbers('Groups'),
    capabilities: BigInt(`0x${status.get('CapEff') ?? '0'}`),
    noNewPrivileges: status.get('NoNewPrivs') === '1'
  }
}
