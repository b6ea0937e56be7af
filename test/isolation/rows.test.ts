/**
 * Every attack that the project promises to withstand has a test in this suite, or waits for the capability it is about.
 *
 * A test says which attack it is by the beginning of its title: `threat 4: ...`, `threats 6, 7: ...`.
 */
import test from 'ava'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The rows of docs/THREATS.md. */
const ROWS: ReadonlyMap<number, string> = new Map([
  'a handler that is another app\'s socket', 'a handler that is the daemon\'s own socket', 'a handler that is internal TCP',
  'a path swapped between check and dial', 'links, fifos and directories planted where sockets and keys are made',
  'another\'s handler overwritten, its name taken', 'another\'s peers listed, disconnected, tagged, its topics read',
  'our socket path made first', 'another\'s socket connected to', 'pid reuse, descriptors inherited and passed on',
  'endless varints, 4 GiB announced', 'half frames', 'floods of requests, opens, dials', 'all descriptors used up',
  'an end that does not read', 'a blocked event loop', 'the key read from disk', 'the key read from memory, a core, a debugger',
  'one\'s identity for another after deletes and renames', 'forged and flooded logs', 'DHT and pubsub abused',
  'private addresses dialled', 'the relay used by strangers', 'floods of connections and handshakes', 'malformed bytes from peers',
  'a blessed app beyond its blessing', 'the daemon as a signing oracle', 'stale sockets after SIGKILL', 'the app gone, its handler stays',
  'a host that crashes in a loop', 'a full disk', 'SIGKILL in the middle of a keystore write', 'an app signals its own host',
  'acting between the old policy and the new', 'a caller that says it is another', 'names that are no names'
].map((attack, i) => [i + 1, attack]))

/** What they are about is not there yet, so that there is nothing to attack. */
const WAITING: ReadonlyMap<number, string> = new Map([
  [21, 'the DHT and pubsub'],
  [23, 'the relay']
])

const sources = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.test.ts') && name !== 'rows.test.ts')
  .map(name => ({ name, text: readFileSync(join(import.meta.dirname, name), 'utf8') }))

function covered (): Set<number> {
  const titles = sources.flatMap(({ text }) => [...text.matchAll(/\btest(?:\.serial)?\(\s*(['"`])threats? ([\d, and]+):/g)])
  return new Set(titles.flatMap(([, , numbers = '']) => numbers.match(/\d+/g) ?? []).map(Number))
}

test('each of the 36 attacks has a test here or waits for what it is about, and none does both', t => {
  t.is(ROWS.size, 36)
  const tested = covered()
  const neither = [...ROWS].filter(([row]) => !tested.has(row) && !WAITING.has(row))
  const both = [...ROWS].filter(([row]) => tested.has(row) && WAITING.has(row))
  const unknown = [...tested, ...WAITING.keys()].filter(row => !ROWS.has(row))
  t.deepEqual({ neither, both, unknown }, { neither: [], both: [], unknown: [] })
})

test('no test of this suite is skipped, expected to fail or left for later: what does not run is a failure', t => {
  for (const { name, text } of sources) t.notRegex(text, /\b(?:test|serial)\.(?:skip|failing|todo|only)\b/, name)
})
