/**
 * Imports go down only. Each arrow that exists is listed with its reason; one that is not listed is a fault, however
 * convenient it would be.
 */
import test from 'ava'
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const SRC = fileURLToPath(new URL('../src', import.meta.url))

/** room -> what it may import, and why. A room may always import itself. */
const FLOORS: Record<string, Record<string, string>> = {
  'main.ts': { cli: 'the programs', 'errors.ts': 'its exit code' },
  'index.ts': { client: 'what the package exports' },
  cli: {
    supervisor: 'it starts one', blessing: 'grants are shown', policy: 'check and explain', config: 'flags become values', keystore: 'keys can be handled while no daemon runs', client: 'dial and listen are clients',
    wire: 'addresses people type', os: 'descriptors kept from children', 'audit.ts': 'where the audit log is', 'errors.ts': 'exit codes', 'log.ts': 'it chooses the level', 'limits.ts': 'bounds', 'version.ts': '--version'
  },
  supervisor: {
    'link.ts': 'what hosts are told', 'linkChannel.ts': 'how they are told', 'tokenBucket.ts': 'how much of a host is heard', control: 'telling a client no', policy: 'which policy is in force', blessing: 'grants are kept', keystore: 'identities', config: 'declarations',
    wire: 'socket addresses', os: 'sockets, locks', 'audit.ts': 'what the log holds', 'auditLimiter.ts': 'tenants may not flood it', 'errors.ts': 'faults', 'log.ts': 'log',
    'version.ts': 'status'
  },
  host: {
    'link.ts': 'how it is started', 'linkChannel.ts': 'how it is told', control: 'it serves the control protocol', local: 'how hosts of this machine meet', blessing: 'what the daemon signs', policy: 'the decision in force', wire: 'addresses', os: 'its ties to its parent',
    'audit.ts': 'what is recorded', 'tokenBucket.ts': 'it tells no faster than it is read', 'auditLimiter.ts': 'what nobody would write is not sent', 'errors.ts': 'faults', 'limits.ts': 'bounds', 'log.ts': 'log'
  },
  'link.ts': { control: 'registrations are carried', policy: 'callers are carried', 'audit.ts': 'events are carried', 'errors.ts': 'faults', 'limits.ts': 'bounds' },
  'linkChannel.ts': { wire: 'frames', 'errors.ts': 'faults' },
  control: {
    policy: 'every request is asked for', wire: 'messages', os: 'who calls', 'audit.ts': 'who was turned away', 'tokenBucket.ts': 'bytes a second', 'errors.ts': 'faults', 'limits.ts': 'bounds',
    'log.ts': 'log'
  },
  policy: {
    config: 'what operators write, and the words of faults', blessing: 'who may act in the daemon\'s name', wire: 'the names of p2pd\'s own protocols', 'audit.ts': 'denials are recorded', 'tokenBucket.ts': 'rates', 'errors.ts': 'faults', 'log.ts': 'text from outside, made safe'
  },
  keystore: { 'errors.ts': 'faults' },
  config: { blessing: 'what can be blessed', wire: 'peer IDs among its resources', 'errors.ts': 'faults', 'limits.ts': 'bounds' },
  client: { blessing: 'what an envelope holds', wire: 'messages', 'errors.ts': 'typed errors', 'limits.ts': 'bounds' },
  blessing: { wire: 'messages, peer IDs', 'errors.ts': 'faults' },
  local: { os: 'who is at the other end', wire: 'addresses', 'errors.ts': 'faults' },
  wire: { 'errors.ts': 'faults', 'limits.ts': 'bounds' },
  os: { 'errors.ts': 'faults', 'limits.ts': 'bounds' },
  'auditLimiter.ts': { 'audit.ts': 'events', 'tokenBucket.ts': 'a rate' },
  'audit.ts': {},
  'tokenBucket.ts': {},
  'errors.ts': {},
  'log.ts': { 'tokenBucket.ts': 'nobody may flood it' },
  'limits.ts': {},
  'version.ts': {}
}

/** Packages that only some rooms may load, and why. */
const PACKAGES: Array<{ match: RegExp, rooms: string[], reason: string }> = [
  { match: /^koffi$/, rooms: ['os'], reason: 'system calls have one door' },
  { match: /^(libp2p|@libp2p\/(tcp|identify|ping)|@chainsafe\/libp2p-.*)$/, rooms: ['host'], reason: 'the supervisor and the control protocol run no libp2p node' },
  { match: /^@cedar-policy\//, rooms: ['policy'], reason: 'what decides has one door' },
  { match: /^level$/, rooms: ['keystore'], reason: 'the database is the keystore\'s' },
  { match: /^(zod|yaml|ms)$/, rooms: ['config'], reason: 'what operators write becomes values in one place' },
  { match: /^(commander|cli-table3)$/, rooms: ['cli'], reason: 'only programs have a command line' },
  { match: /^protobufjs/, rooms: ['wire'], reason: 'bytes become messages in one place' },
  { match: /^pino$/, rooms: ['log.ts'], reason: 'one log' }
]

interface Import { file: string, room: string, target: string }

function roomOf (path: string): string {
  return relative(SRC, path).split('/')[0] ?? ''
}

function imports (): Import[] {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts') && !name.includes('generated'))
  return files.flatMap(name => {
    const file = join(SRC, name)
    const found = readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)
    return [...found].map(([, target = '']) => ({ file: name, room: roomOf(file), target }))
  })
}

test('every room is on a floor', t => {
  t.deepEqual(readdirSync(SRC).filter(name => FLOORS[name] === undefined), [])
})

test('imports go down, by arrows that have a reason', t => {
  const found = imports().filter(({ target }) => target.startsWith('.'))
  t.true(found.length > 100, 'the scan finds the imports')
  const faults = found.flatMap(({ file, room, target }) => {
    const to = roomOf(join(dirname(join(SRC, file)), target))
    return to === room || FLOORS[room]?.[to] !== undefined ? [] : [`${file} imports ${to} (${target})`]
  })
  t.deepEqual(faults, [])
})

test('every arrow that has a reason is used', t => {
  const used = new Set(imports().filter(({ target }) => target.startsWith('.')).map(({ file, room, target }) => `${room} -> ${roomOf(join(dirname(join(SRC, file)), target))}`))
  const unused = Object.entries(FLOORS).flatMap(([from, arrows]) => Object.keys(arrows).map(to => `${from} -> ${to}`)).filter(arrow => !used.has(arrow))
  t.deepEqual(unused, [])
})

test('packages with consequences are loaded only where they belong', t => {
  const faults = imports().flatMap(({ file, room, target }) => PACKAGES
    .filter(({ match, rooms }) => match.test(target) && !rooms.includes(room))
    .map(({ reason }) => `${file} imports ${target}: ${reason}`))
  t.deepEqual(faults, [])
})
