/** Four hundred epochs of a policy, one after the other; says how many MB are in use after half of them and at the end. */
import { readFileSync } from 'node:fs'
import { ASKS, CALLER, engine } from '../world.ts'

/** By then V8 has compiled what it will. */
const EARLY = 200
const EPOCHS = 400

function privateMb (): number {
  global.gc?.()
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024
}

let early = 0
for (let epoch = 1; epoch <= EPOCHS; epoch++) {
  const policies = Array.from({ length: 30 }, (_, index) =>
    `permit (principal, action in Action::"outbound", resource in ProtocolFamily::"/${index % 10}/") when { context.local || ${epoch} == ${index} };`.replace('Action::"outbound"', '[Action::"openStream"]'))
  const { decide } = engine(policies.join('\n'), { epoch })
  for (let index = 0; index < 20; index++) decide(CALLER, ASKS.open(`/${index}/${epoch}`))
  if (epoch === EARLY) early = privateMb()
}
console.log(JSON.stringify({ early, late: privateMb() }))
