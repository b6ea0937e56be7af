/** An engine that is given a policy no check would let through, so deep that evaluating it runs Cedar out of stack. */
import { createPolicy } from '../../../src/policy/engine.ts'
import { ASKS, CALLER, CHAT, EVERYTHING, shown } from '../world.ts'

const DEEP = `permit (principal, action == Action::"dial", resource) when { context.port${' + 1'.repeat(600)} > 0 };`

const policies = [{ id: 'all', text: EVERYTHING }, { id: 'deep', text: DEEP }].map(policy => ({ ...policy, file: 'a.cedar', line: 1 }))
const [one, two] = [createPolicy({ epoch: 1, tenant: CHAT, neighbours: [], policies }), createPolicy({ epoch: 2, tenant: CHAT, neighbours: [], policies: policies.slice(0, 1) })]
const before = shown(one.decide(CALLER, ASKS.identify))
const trapped = shown(one.decide(CALLER, ASKS.dial('8.8.8.8')))
console.log(JSON.stringify({ before, trapped, after: shown(one.decide(CALLER, ASKS.connect())), other: shown(two.decide(CALLER, ASKS.identify)) }))
