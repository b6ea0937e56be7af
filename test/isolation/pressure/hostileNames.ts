/** Names as a hostile program would choose them: what has a meaning to the language, to a terminal or to a log. */

/** Would be a line of its own, were a newline to come through. */
export const FORGED = '{"forged":true}'

/** Names that every object has; as good as any other where a name is only a key. */
export const INHERITED = ['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', '__defineGetter__'] as const

/** What may not come out again: control characters, the end of a line among them, and what is invisible or reorders text. */
export const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

/** What no text should hold: it forges lines, colours terminals, turns its own order round, or cannot be seen. */
export const UNPRINTABLE: readonly string[] = [
  `\n${FORGED}\n`, `\r\n${FORGED}`, '\0', 'a\0b', '\u001b[2J\u001b[31mred', '\u001b]0;title\u0007', '\b\b\b', '\u007f', '\u0085',
  '\u202egnp.exe', '\u2066\u2069', '\u200bzero', '\ufeffmark', '\u2028line', '\u2029paragraph', '\u{e0041}tag'
]

/** Bytes that are no UTF-8: a lone byte, an overlong form, a surrogate, beyond the last character, cut off. */
export const NO_TEXT: readonly Buffer[] = [
  Buffer.from([0xff]), Buffer.from([0xc0, 0x80]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xf4, 0x90, 0x80, 0x80]), Buffer.from([0x2f, 0xe2, 0x82])
]

export const LONG: readonly string[] = ['x'.repeat(257), 'x'.repeat(64 * 1024), 'x'.repeat(1024 * 1024), '\u{1f642}'.repeat(65), '\n'.repeat(1024 * 1024)]

export const ODD: readonly string[] = ['', ' ', '/', '//', '.', '..', '../../etc/passwd', '%s%n', '${7*7}', '{{7*7}}', '"', '\\', '\'; --', 'a, b', '*']

export const EVERY_NAME: ReadonlyArray<string | Buffer> = [...INHERITED, ...UNPRINTABLE, ...NO_TEXT, ...LONG, ...ODD]
