import test from 'ava'
import { spawnSync } from 'node:child_process'
import { safeText } from '../src/log.ts'

for (const [title, text, shown] of [
  ['plain text stays as it is', '/chat/1.0.0 grüße 聊天', '/chat/1.0.0 grüße 聊天'],
  ['a line break cannot begin a line of its own', 'a\nb\r\u2028c', 'a\\u000ab\\u000d\\u2028c'],
  ['an escape sequence cannot colour a terminal', '\u001b[31mred', '\\u001b[31mred'],
  ['a bidirectional mark cannot turn the order round', 'a\u202eb\u2066c', 'a\\u202eb\\u2066c'],
  ['an invisible character is seen', 'a\u200bb\u00ad', 'a\\u200bb\\u00ad'],
  ['half a surrogate pair is no character', 'a\ud800b', 'a\\ud800b'],
  ['what is long is cut', 'x'.repeat(1_000_000), `${'x'.repeat(256)}…`]
] as const) {
  test(title, t => { t.is(safeText(text), shown) })
}

test('a flood of lines is cut, what is missing is counted, and errors are not among it', t => {
  const program = `
    const { createLog } = await import('./src/log.ts')
    const log = createLog('test', 'info')
    for (let i = 0; i < 5000; i++) log.warn({ i }, 'again')
    log.error('wrong')
    await new Promise(resolve => setTimeout(resolve, 200))
    log.info('later')`
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', cwd: new URL('..', import.meta.url) })
  const lines = stderr.trim().split('\n').map(line => JSON.parse(line) as { msg: string, dropped?: number })
  const again = lines.filter(({ msg }) => msg === 'again').length
  t.true(again >= 200 && again < 300, `${again} lines`)
  t.deepEqual(lines.slice(-3).map(({ msg }) => msg), ['wrong', 'lines are missing here: there were too many', 'later'])
  t.is(lines.reduce((sum, { dropped = 0 }) => sum + dropped, again), 5_000)
})
