/** `p2pctl policy check`: whether a policy directory would be applied, and everything that is wrong with it if not. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { examples } from '../help.ts'
import { sentence } from '../output.ts'
import { tenantsForPolicy } from '../policies.ts'

export function policyCheck (parent: Command): void {
  parent.command('check')
    .summary('whether a policy directory would be applied')
    .description('Reads the policies as a reload would: their form, whether they fit the schema, and whether every example holds. ' +
      'Nothing is applied, and no daemon has to run. Exit code 2 with every fault on a line of its own.')
    .argument('[dir]', 'the directory (default: the one p2pd decides by)')
    .addHelpText('after', examples({
      'p2pctl policy check': 'before `p2pctl reload`',
      'p2pctl policy check ./next': 'another directory',
      'p2pctl policy check --json': '{"dir":"...","policies":12,"examples":24,"warnings":[]}'
    }))
    .action(async (dir: string | undefined, _: unknown, command: Command) => {
      const context = contextOf(command)
      const { loadPolicies } = await import('../../policy/load.ts')
      const { policyDir, tenants } = await tenantsForPolicy(context)
      const checked = dir === undefined ? policyDir : resolve(dir)
      const { policies, examples: held, warnings } = await loadPolicies(checked, tenants)
      const text = `${sentence(checked)}: ${count(policies.length, 'policy', 'policies')}, ${count(held, 'example holds', 'examples hold')}\n`
      context.answer({ dir: checked, policies: policies.length, examples: held, warnings }, text + warnings.map(warning => `warning: ${sentence(warning)}\n`).join(''))
    })
}

function count (number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`
}
