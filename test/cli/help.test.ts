/** What the command line says about itself, and to those who get it wrong. */
import test from 'ava'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { LAUNCHER, World, type Finished } from './world.ts'

async function run (...args: string[]): Promise<Finished> {
  await using world = new World()
  return await world.startBare(args).finished()
}

/** The names under `Commands:`. */
function commandsIn (help: string): string[] {
  const section = /^Commands:\n((?: {2}.*\n)+)/m.exec(help)?.[1] ?? ''
  return [...section.matchAll(/^ {2}([a-z]\S*)/gm)].map(([, name = '']) => name).filter(name => name !== 'help')
}

test('every command has help with examples and with the options that all have', async t => {
  const { stdout: help } = await run('--help')
  t.regex(help, /Exit codes: 0/)
  const top = commandsIn(help)
  t.deepEqual(top, ['status', 'reload', 'bless', 'unbless', 'blessings', 'services', 'audit', 'dial', 'listen', 'tenant', 'policy', 'key'])
  const check = async (command: string[]): Promise<void> => {
    const { code, stdout, stderr } = await run(...command, '--help')
    t.is(code, 0, command.join(' '))
    t.is(stderr, '')
    t.regex(stdout, new RegExp(`^Usage: p2pctl ${command.join(' ')}`))
    t.regex(stdout, /\nExamples:\n {2}\S/)
    for (const option of ['--tenants', '--policy', '--state', '--run', '--passphrase-file', '--json']) t.true(stdout.includes(option), `${command.join(' ')} ${option}`)
    await Promise.all(commandsIn(stdout).map(async name => { await check([...command, name]) }))
  }
  await Promise.all(top.map(async name => { await check([name]) }))
})

for (const [what, args, sentence] of [
  ['an unknown command', ['statsu'], /^p2pctl: unknown command 'statsu' \(Did you mean status\?\)\n$/],
  ['an unknown option', ['status', '--jsn'], /^p2pctl: unknown option '--jsn' \(Did you mean --json\?\)\n$/],
  ['a missing argument', ['key', 'export'], /^p2pctl: missing required argument 'name'\n$/],
  ['one argument too many', ['reload', 'now'], /^p2pctl: too many arguments for 'reload'/],
  ['a choice there is not', ['tenant', 'add', 'chat', '--start', 'never'], /'never' is invalid.*Allowed choices are on-demand, always\.\n$/],
  ['a name that none can have', ['tenant', 'restart', '../x'], /^argv: NAME: must be lower-case letters.*found "\.\.\/x"\n$/],
  ['a name of p2pd itself', ['tenant', 'add', 'daemon'], /^argv: NAME: is a name of p2pd itself; choose another, found "daemon"\n$/],
  ['a blessing without a resource', ['bless', 'chat', '--action', 'openStream'], /^p2pctl: required option '--resource <resource\.\.\.>' not specified\n$/],
  ['a blessing of the daemon', ['bless', 'daemon', '--action', 'openStream', '--resource', '/a'], /^argv: NAME: is in whose name others act: name the tenant whose app it is about, found "daemon"\n$/],
  ['a blessing for more than a day', ['bless', 'chat', '--action', 'openStream', '--resource', '/a', '--for', '25h'], /^argv: --for: must be from 1m to 24h: one that is to last longer belongs in the manifest, under `blessed`, and is renewed then, found "25h"\n$/],
  ['an empty directory name', ['status', '--run', ''], /^argv: --run: must not be empty\n$/]
] as const) {
  test(`${what} is wrong usage: one sentence, exit code 2`, async t => {
    const { code, stdout, stderr } = await run(...args)
    t.is(code, 2)
    t.is(stdout, '')
    t.regex(stderr, sentence)
  })
}

test('with --json a fault is one line of JSON on stderr', async t => {
  const { code, stdout, stderr } = await run('statsu', '--json')
  t.is(code, 2)
  t.is(stdout, '')
  t.deepEqual(JSON.parse(stderr), { error: { code: 'ERR_CONFIG', message: 'unknown command \'statsu\' (Did you mean status?)' } })
})

test('a group of commands by itself shows its help, with exit code 2', async t => {
  const { code, stderr } = await run('tenant')
  t.is(code, 2)
  t.regex(stderr, /^Usage: p2pctl tenant[^]*\np2pctl: name a command/)
})

test('the launcher starts it, and its version is the package’s', async t => {
  const { default: { version } } = await import('../../package.json', { with: { type: 'json' } })
  const { stdout, stderr } = await promisify(execFile)(LAUNCHER, ['--version'])
  t.deepEqual({ stdout, stderr }, { stdout: `${version}\n`, stderr: '' })
})
