import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { checkInProcess } from '../../src/policy/checkProcess.ts'
import { SCHEMA_FILE } from '../../src/policy/files.ts'
import { loadPolicies } from '../../src/policy/load.ts'
import { makeDir } from '../config/world.ts'
import { EVERYTHING, TENANTS, linesOf, load, policyDir } from './world.ts'

async function faultsOf (dir: string, uid?: number): Promise<string[]> {
  return await loadPolicies(dir, TENANTS, uid === undefined ? {} : { uid }).then(() => [], (error: unknown) => linesOf(error, dir))
}

test('policies come in the order of their files, then of their lines, as plain data', async t => {
  const set = await load(t, {
    'b.cedar': `${EVERYTHING}@id("second") ${EVERYTHING}`, 'a.cedar': EVERYTHING, 'Z.cedar': EVERYTHING, 'schema.cedarschema': readFileSync(SCHEMA_FILE),
    'README.md': '#', 'a.cedar~': '"', '.a.cedar': '"', '.#a.cedar': '"', 'a.cedar.bak': '"', 'old/x.cedar': '"', examples: '['
  })
  if (Array.isArray(set)) return t.fail(set.join('\n'))
  t.deepEqual(set.policies.map(({ id }) => id), ['Z.cedar:1', 'a.cedar:1', 'b.cedar:1', 'second'])
  t.deepEqual({ warnings: set.warnings, examples: set.examples }, { warnings: [], examples: 0 })
  t.deepEqual(JSON.parse(JSON.stringify(set)), set)
})

test('every fault of every file is reported at once', async t => {
  const dir = policyDir(t, {
    'a.cedar': 'permit (principal, action == Action::"dail", resource);\npermit (',
    'b.cedar': `@id("a.cedar:1") ${EVERYTHING}`,
    'B.CEDAR': EVERYTHING,
    'latin.cedar': Buffer.from('// caf\xe9', 'latin1'),
    'large.cedar': '//'.repeat(256 * 1024),
    'schema.cedarschema': 'entity User;',
    'examples.yml': '',
    'examples.yaml': '- alow: chat identify own\n- allow: chat dail x\n- allow: [\n'
  })
  mkdirSync(join(dir, 'dir.cedar'))
  symlinkSync('nowhere', join(dir, 'dangling.cedar'))
  execFileSync('mkfifo', [join(dir, 'fifo.cedar')])
  t.deepEqual(await faultsOf(dir), [
    'B.CEDAR: is not read; rename it to B.cedar',
    "dangling.cedar: cannot be read (ENOENT: no such file or directory, open 'dangling.cedar')",
    'dir.cedar: is no regular file',
    'examples.yaml: 4:1: Flow sequence in block collection must be sufficiently indented and end with a ]',
    'examples.yml: is not read; rename it to examples.yaml',
    'fifo.cedar: is no regular file',
    'large.cedar: must be at most 262144 bytes, found 524288',
    'latin.cedar: is no UTF-8 text',
    `schema.cedarschema: differs from what this p2pd knows; copy it again from ${SCHEMA_FILE}, or take it out: only editors need it here`,
    'a.cedar:2: a policy begins here that does not end; a policy ends with `;`',
    'b.cedar:1: there is a policy "a.cedar:1" already, in a.cedar:1; an @id can be given once',
    'a.cedar:1: unrecognized action `Action::"dail"`; did you mean `Action::"dial"`?'
  ])
})

test('a directory without policies denies everything, and says so', async t => {
  t.deepEqual(await load(t, {}), { policies: [], warnings: ['there is no policy, so everything is denied'], examples: 0 })
})

test('a directory that is not there or is a file says what to do', async t => {
  const dir = makeDir(t, { file: '' })
  t.deepEqual(await faultsOf(join(dir, 'none')), ['DIR: no such directory; make it, and put a policy into it: without one everything is denied'])
  t.deepEqual(await faultsOf(join(dir, 'file')), ['DIR: is no directory'])
})

test('root takes no policy that everyone may write, no examples, and no directory; links are followed', async t => {
  const dir = policyDir(t, { 'a.cedar': EVERYTHING, 'examples.yaml': '', 'data/b': EVERYTHING })
  symlinkSync('data/b', join(dir, 'b.cedar'))
  t.deepEqual(await faultsOf(dir, 0), [])
  for (const name of ['a.cedar', 'examples.yaml', 'data/b']) chmodSync(join(dir, name), 0o666)
  const open = 'can be written by every user of this machine; take that right away: chmod o-w'
  t.deepEqual(await faultsOf(dir, 0), [`a.cedar: ${open}`, `b.cedar: ${open}`, `examples.yaml: ${open}`])
  t.deepEqual(await faultsOf(dir, 1000), [])
  chmodSync(dir, 0o777)
  t.deepEqual(await faultsOf(dir, 0), [`DIR: ${open}`])
})

test('more than a megabyte of policies is not parsed at all', async t => {
  const text = `// ${'x'.repeat(220_000)}\n`
  t.deepEqual(await load(t, Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map(name => [`${name}.cedar`, text]))), ['DIR: all policies together must be at most 1048576 bytes, found 1100020'])
})

test('a policy for a tenant or a group that is not there is taken, with a warning', async t => {
  const set = await load(t, {
    'a.cedar': 'permit (principal == Tenant::"chatt", action, resource);\npermit (principal in Group::"telemetry", action == Action::"dial", resource in Tenant::"indexer");\npermit (principal, action == Action::"openStream", resource) when { context.peer in Group::"mesaging" };'
  })
  t.like(set, { warnings: ['a.cedar:1: there is no tenant "chatt"; did you mean chat?', 'a.cedar:2: no tenant is in a group "telemetry"', 'a.cedar:3: no tenant is in a group "mesaging"; did you mean messaging?'] })
})

const DEEP: ReadonlyArray<readonly [what: string, text: string, fault: RegExp]> = [
  ['brackets', `permit (principal, action, resource) when { ${'('.repeat(100_000)}true${')'.repeat(100_000)} };`, /^bad\.cedar:1: has brackets nested 100001 deep/],
  ['a chain', `permit (principal, action, resource) when { ${Array(300).fill('principal is Tenant').join(' && ')} };`, /^bad\.cedar:1: is nested \d+ deep, at most 100/],
  ['a sum', `permit (principal, action == Action::"dial", resource) when { context.port${' + 1'.repeat(20_000)} > 0 };`, /^bad\.cedar: cannot be checked: .+; something in it is too long or nested too deeply, write it as several policies$/],
  ['choices', `permit (principal, action, resource) when { ${'if true then true else '.repeat(5_000)}true };`, /^bad\.cedar: cannot be checked: /]
]

for (const [what, text, fault] of DEEP) {
  test(`${what} nested beyond what a parser can take: a fault that names the file, and this process goes on`, async t => {
    const lines = await load(t, { 'a.cedar': EVERYTHING, 'bad.cedar': text, 'c.cedar': 'permit (principal, action, resource) when { 1 };' })
    if (!Array.isArray(lines)) return t.fail('it was taken')
    t.is(lines.filter(line => fault.test(line)).length, 1, lines.join('\n'))
    t.is(lines.length, 2, lines.join('\n'))
    t.regex(lines.find(line => line.startsWith('c.cedar')) ?? '', /^c\.cedar:1: unexpected type: expected Bool but saw Long/)
    t.is(lines.some(line => line.startsWith('a.cedar')), false)
  })
}

test('a checker that is killed, ends without a word or says what is no answer is a fault, and not a policy that is taken', async t => {
  const dir = makeDir(t, {
    'killed.mjs': 'process.kill(process.pid, "SIGKILL")',
    'silent.mjs': 'process.exit(7)',
    'picky.mjs': 'let text = ""; for await (const chunk of process.stdin) text += chunk; if (JSON.parse(text).files.length > 1) throw new RangeError("too much"); process.stdout.write(JSON.stringify({ policies: [], faults: [], warnings: [], examples: 0 }))'
  })
  const files = ['a.cedar', 'b.cedar'].map(name => ({ name, text: EVERYTHING }))
  const check = async (entry: string): Promise<string[]> => (await checkInProcess({ files, examples: [], tenants: [] }, join(dir, entry))).faults.map(({ file, what }) => `${file}: ${what}`)
  const how = (why: string): string[] => ['a', 'b'].map(name => `${name}.cedar: cannot be checked: ${why}; something in it is too long or nested too deeply, write it as several policies`)
  t.deepEqual(await check('killed.mjs'), how('the process that reads it was ended by SIGKILL'))
  t.deepEqual(await check('silent.mjs'), how('the process that reads it ended with 7'))
  t.deepEqual(await check('picky.mjs'), [': cannot be checked: too much, though each file by itself can; make them fewer or shorter'])
  writeFileSync(join(dir, 'babbles.mjs'), 'console.log("hello")')
  await t.throwsAsync(check('babbles.mjs'), { code: 'ERR_SYSTEM', message: /^policies cannot be checked: / })
})

test('nothing of the operator\'s environment reaches the checker', async t => {
  const dir = makeDir(t, { 'env.mjs': 'process.stdout.write(JSON.stringify({ policies: [], faults: [], warnings: Object.keys(process.env), examples: 0 }))' })
  process.env['NODE_OPTIONS'] = '--no-warnings'
  t.teardown(() => { delete process.env['NODE_OPTIONS'] })
  const { warnings } = await checkInProcess({ files: [], examples: [], tenants: [] }, join(dir, 'env.mjs'))
  t.deepEqual(warnings.filter(name => name !== 'NODE_COMPILE_CACHE'), [])
})
