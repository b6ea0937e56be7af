import test from 'ava'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { assertPrivate } from '../../src/keystore/files.ts'
import { Keystore } from '../../src/keystore/keystore.ts'
import { edit, faultOf, filesUnder, foreignDirectory, libc, makeWorld, NOBODY, settingsIn, withKeystore } from './world.ts'

test('the state directory is 0700, and what is in it is for its owner alone', async t => {
  const settings = settingsIn(await makeWorld(t))
  const { stateDir } = settings
  await withKeystore(settings, async keystore => { await keystore.identity('chat') })
  for (const [path, mode] of [['', 0o700], ['keystore', 0o700], ['keystore.key', 0o600], ['identities.json', 0o600]] as const) {
    t.is((await stat(join(stateDir, path))).mode & 0o7777, mode, path)
  }
  t.is((await readFile(join(stateDir, 'keystore.key'))).length, 32)
})

// Alone: the umask is the whole process's.
test.serial('modes do not depend on the umask', async t => {
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  const settings = settingsIn(await makeWorld(t))
  await withKeystore(settings, async keystore => { await keystore.identity('chat') })
  for (const path of ['', 'keystore', 'keystore.key', 'identities.json']) {
    t.is((await stat(join(settings.stateDir, path))).mode & 0o077, 0, path)
  }
})

test('a state directory that others can reach is refused', async t => {
  const settings = settingsIn(await makeWorld(t))
  await mkdir(settings.stateDir)
  for (const mode of [0o755, 0o750, 0o701, 0o770, 0o720, 0o1777]) {
    await chmod(settings.stateDir, mode)
    const fault = await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settings))
    t.true(fault.startsWith(`${settings.stateDir}: has mode ${mode.toString(8).padStart(4, '0')}, so others can reach it: \`chmod go= `), fault)
  }
  await chmod(settings.stateDir, 0o700)
  t.is((await filesUnder(settings.stateDir)).size, 0)
  await withKeystore(settings, async keystore => { await keystore.identity('chat') })
})

test('a state directory that somebody else owns is refused', async t => {
  const stateDir = await foreignDirectory(await makeWorld(t))
  t.regex(await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open({ stateDir, env: {} })), /: belongs to uid \d+, wanted uid \d+: what holds keys belongs to the service alone$/)
})

test('private means: of an owner that was named, and no bit for anybody else', t => {
  t.notThrows(() => { assertPrivate('f', { uid: 7, mode: 0o100600 }, [7]) })
  t.notThrows(() => { assertPrivate('f', { uid: 0, mode: 0o100400 }, [7, 0]) })
  t.throws(() => { assertPrivate('f', { uid: 0, mode: 0o100600 }, [7]) }, { message: /^f: belongs to uid 0, wanted uid 7/ })
  for (let bit = 0; bit < 6; bit++) t.throws(() => { assertPrivate('f', { uid: 7, mode: 0o100600 | 1 << bit }, [7]) }, { message: /^f: has mode 06/ })
})

test('a key file of the wrong length, mode, owner or kind is refused, and left as it is', async t => {
  const settings = settingsIn(await makeWorld(t))
  const path = join(settings.stateDir, 'keystore.key')
  const chat = await withKeystore(settings, async keystore => await keystore.identity('chat'))
  const whole = await readFile(path)
  const refused = async (what: RegExp): Promise<void> => {
    const fault = await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settings))
    t.true(fault.startsWith(`${path}: `) && what.test(fault), fault)
  }
  for (const bytes of [Buffer.of(), whole.subarray(1), Buffer.concat([whole, Buffer.of(10)])]) {
    await writeFile(path, bytes)
    await refused(/holds \d+ bytes/)
    t.deepEqual(await readFile(path), bytes)
  }
  await writeFile(path, whole)
  for (const mode of [0o640, 0o604, 0o660]) {
    await chmod(path, mode)
    await refused(/has mode 06\d\d, so others can reach it/)
  }
  await rm(path)
  libc.mkfifo(path, 0o600)
  await refused(/is no regular file/)
  await rm(path)
  await foreignKeyAt(path, whole)
  await refused(/belongs to uid \d+|is no regular file/)
  await rm(path)
  await writeFile(path, whole, { mode: 0o600 })
  t.deepEqual(await withKeystore(settings, async keystore => await keystore.identity('chat')), chat)
})

/** Root gives the file away; anybody else can only point at one that is not theirs. */
async function foreignKeyAt (path: string, bytes: Buffer): Promise<void> {
  if (process.geteuid?.() !== 0) return await symlink('/etc/passwd', path)
  await writeFile(path, bytes, { mode: 0o600 })
  libc.chown(path, NOBODY, NOBODY)
}

test('a database whose key file is gone is refused, and no new key file is made', async t => {
  const settings = settingsIn(await makeWorld(t))
  const path = join(settings.stateDir, 'keystore.key')
  const chat = await withKeystore(settings, async keystore => await keystore.identity('chat'))
  const aside = `${path}.aside`
  await rename(path, aside)
  for (let run = 0; run < 2; run++) {
    const fault = await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settings))
    t.true(fault.startsWith(`${path}: is missing, and without it the keys in ${settings.stateDir}/keystore cannot be read: restore it from a backup`), fault)
    await t.throwsAsync(async () => await stat(path), { code: 'ENOENT' })
  }
  await rename(aside, path)
  t.deepEqual(await withKeystore(settings, async keystore => await keystore.identity('chat')), chat)
})

test('another key is told apart from a damaged entry', async t => {
  const settings = settingsIn(await makeWorld(t))
  const path = join(settings.stateDir, 'keystore.key')
  await withKeystore(settings, async keystore => { await keystore.identity('chat') })
  await writeFile(path, randomBytes(32))
  t.is(await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settings)),
    `${settings.stateDir}/keystore: is sealed with another key than ${path}: give the one it was made with, or restore both from one backup`)
})

test('a key file whose database was never made is taken up', async t => {
  const settings = settingsIn(await makeWorld(t))
  const path = join(settings.stateDir, 'keystore.key')
  const key = randomBytes(32)
  await mkdir(settings.stateDir, { mode: 0o700 })
  await writeFile(path, key, { mode: 0o600 })
  await withKeystore(settings, async keystore => { await keystore.identity('chat') })
  t.deepEqual(await readFile(path), key)
})

test('what a crash left of a database or a key file in the making is cleared away', async t => {
  const settings = settingsIn(await makeWorld(t))
  const { stateDir } = settings
  await mkdir(join(stateDir, 'keystore.new-0123456789abcdef'), { recursive: true, mode: 0o700 })
  await chmod(stateDir, 0o700)
  await writeFile(join(stateDir, 'keystore.key.new-0123456789abcdef'), 'half')
  await writeFile(join(stateDir, 'identities.json.new'), '{"ch')
  await writeFile(join(stateDir, 'audit.jsonl'), 'not ours')
  const chat = await withKeystore(settings, async keystore => await keystore.identity('chat'))
  t.deepEqual(await withKeystore(settings, async keystore => await keystore.identity('chat')), chat)
  const left = [...(await filesUnder(stateDir)).keys()].map(path => path.slice(stateDir.length + 1)).filter(path => !path.startsWith('keystore/'))
  t.deepEqual(left.sort(), ['audit.jsonl', 'identities.json', 'keystore.key'])
})

test('a passphrase seals instead of a key file, and stands nowhere in the state directory', async t => {
  const world = await makeWorld(t)
  const passphraseFile = join(world, 'passphrase')
  const passphrase = 'correct horse battery staple'
  await writeFile(passphraseFile, passphrase, { mode: 0o600 })
  const settings = { ...settingsIn(world), passphraseFile }
  const chat = await withKeystore(settings, async keystore => await keystore.identity('chat'))
  const files = await filesUnder(settings.stateDir)
  t.false(files.has(join(settings.stateDir, 'keystore.key')))
  t.deepEqual([...files].filter(([, bytes]) => bytes.includes(passphrase)), [])
  // What an editor adds is not part of it.
  await writeFile(passphraseFile, `${passphrase}\n`)
  t.deepEqual(await withKeystore(settings, async keystore => await keystore.identity('chat')), chat)

  await writeFile(passphraseFile, 'correct horse battery stable')
  t.is(await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settings)),
    `${settings.stateDir}/keystore: is sealed with another key than the passphrase in ${passphraseFile}: give the one it was made with, or restore both from one backup`)
  t.is(await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settingsIn(world))),
    `${settings.stateDir}/keystore: is sealed under a passphrase: name the file that holds it`)
})

test('two databases under one passphrase have different keys', async t => {
  const passphraseFile = join(await makeWorld(t), 'passphrase')
  await writeFile(passphraseFile, 'correct horse', { mode: 0o600 })
  const metas = await Promise.all([0, 1].map(async () => {
    const settings = { ...settingsIn(await makeWorld(t)), passphraseFile }
    await withKeystore(settings, async () => {})
    return await edit(settings.stateDir, async level => Buffer.from(await level.get('meta!keystore')).toString())
  }))
  const [one, other] = metas.map(meta => JSON.parse(meta))
  t.like(one, { version: 1, scrypt: { N: 131072, r: 8, p: 1 } })
  t.regex(one.scrypt.salt, /^[0-9a-f]{32}$/)
  t.not(one.scrypt.salt, other.scrypt.salt)
})

test('a passphrase file that is missing, short, long or open to others is refused', async t => {
  const world = await makeWorld(t)
  const passphraseFile = join(world, 'passphrase')
  const settings = { ...settingsIn(world), passphraseFile }
  const refused = async (what: string): Promise<void> => {
    const fault = await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settings))
    t.true(fault.startsWith(`${passphraseFile}: ${what}`), fault)
  }
  await refused('the passphrase file is missing')
  await writeFile(passphraseFile, 'short\n', { mode: 0o600 })
  await refused('holds a passphrase of 5 bytes, wanted at least 8')
  await writeFile(passphraseFile, 'x'.repeat(5000))
  await refused('holds 5000 bytes, at most 4096 were expected')
  await writeFile(passphraseFile, 'correct horse')
  await chmod(passphraseFile, 0o644)
  await refused('has mode 0644, so others can reach it')
})

test('a passphrase for a database that has none is refused', async t => {
  const world = await makeWorld(t)
  const passphraseFile = join(world, 'passphrase')
  await writeFile(passphraseFile, 'correct horse', { mode: 0o600 })
  await withKeystore(settingsIn(world), async () => {})
  t.is(await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open({ ...settingsIn(world), passphraseFile })),
    `${passphraseFile}: ${world}/state/keystore is not sealed under a passphrase: start without one`)
})

test('a systemd credential seals instead of a key file, as bytes or as hex', async t => {
  const world = await makeWorld(t)
  const key = randomBytes(32)
  const credential = join(world, 'p2pd-keystore')
  const settings = { ...settingsIn(world), env: { CREDENTIALS_DIRECTORY: world } }
  // Open to its group, as systemd makes it where an ACL lets the service read: stat(2) shows an ACL so.
  await writeFile(credential, key, { mode: 0o640 })
  const chat = await withKeystore(settings, async keystore => await keystore.identity('chat'))
  t.false((await filesUnder(settings.stateDir)).has(join(settings.stateDir, 'keystore.key')))
  for (const spelling of [key.toString('hex'), `${key.toString('hex').toUpperCase()}\n`]) {
    await writeFile(credential, spelling)
    t.deepEqual(await withKeystore(settings, async keystore => await keystore.identity('chat')), chat)
  }
  for (const wrong of ['', 'short', key.toString('hex').slice(1), 'g'.repeat(64), key.toString('base64')]) {
    await writeFile(credential, wrong)
    t.true((await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settings))).startsWith(`${credential}: holds `))
  }
  await writeFile(credential, randomBytes(32))
  t.regex(await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settings)), /is sealed with another key than .*p2pd-keystore/)
  await rm(credential)
  t.regex(await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settings)), /keystore\.key: is missing, .* or give the key as the systemd credential p2pd-keystore/)
})
