import test from 'ava'
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
