import test from 'ava'
import type { ToHost } from '../../src/link.ts'
import { DialBack } from '../../src/supervisor/dialBack.ts'

test('a host that has gone has nothing dialled any more, whatever its last words asked for', t => {
  const told: ToHost[] = []
  const dialBack = new DialBack({ rightsOf: () => undefined, send: message => { told.push(message) }, give: () => t.fail() })
  dialBack.ask(1, '/nowhere', 'chat')
  t.deepEqual(told, [{ kind: 'notDialled', id: 1, code: 'EACCES', reason: 'permission denied' }])
  dialBack[Symbol.dispose]()
  dialBack.ask(2, '/nowhere', 'chat')
  t.is(told.length, 1)
})
