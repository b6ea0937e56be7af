import test, { type ExecutionContext } from 'ava'
import { cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { Keystore, type Identity } from '../../src/keystore/keystore.ts'
import { edit, faultOf, makeWorld, settingsIn, withKeystore } from './world.ts'

interface Town { settings: ReturnType<typeof settingsIn>, stateDir: string, database: string, witness: string, chat: Identity, bob: Identity }

/** A closed keystore with two identities in it. */
async function makeTown (t: ExecutionContext): Promise<Town> {
  const settings = settingsIn(await makeWorld(t))
  const { stateDir } = settings
  const [chat, bob] = await withKeystore(settings, async keystore => [await keystore.identity('chat'), await keystore.identity('bob')] as const)
  return { settings, stateDir, database: join(stateDir, 'keystore'), witness: join(stateDir, 'identities.json'), chat, bob }
}

const mend = (stateDir: string): string => `restore ${stateDir}/keystore from a backup, or \`p2pctl key import chat FILE\`, ` +
  'or give it a new identity deliberately with `p2pctl key renew chat`'

/** chat is refused by every way in, bob is well, nothing was made anew, and the list shows the fault. */
async function assertOnlyChatRefused (t: ExecutionContext, { settings, stateDir, chat, bob }: Town, what: RegExp): Promise<void> {
  for (let run = 0; run < 2; run++) {
    await withKeystore(settings, async keystore => {
      for (const call of [async () => await keystore.identity('chat'), async () => await keystore.export('chat')]) {
        const fault = await faultOf(t, 'ERR_KEYSTORE', call)
        t.regex(fault, what)
        t.true(fault.endsWith(`(it had peer ID ${chat.peerId}); ${mend(stateDir)}`), fault)
      }
      t.deepEqual(await keystore.identity('bob'), bob)
      const list = await keystore.list()
      t.deepEqual(list.map(({ name, peerId }) => [name, peerId]), [['bob', bob.peerId], ['chat', chat.peerId]])
      t.is(list[0]?.fault, undefined)
      t.regex(list[1]?.fault ?? '', what)
    })
  }
}

test('a deleted key is missed', async t => {
  const town = await makeTown(t)
  await edit(town.stateDir, async level => { await level.del(`key!${town.chat.id}`) })
  await assertOnlyChatRefused(t, town, /^chat: its key is missing from the keystore/)
})

test('a deleted record is missed', async t => {
  const town = await makeTown(t)
  await edit(town.stateDir, async level => { await level.del('tenant!chat') })
  await assertOnlyChatRefused(t, town, /^chat: its key is missing from the keystore/)
})

test('an identity deleted whole is missed', async t => {
  const town = await makeTown(t)
  await edit(town.stateDir, async level => { await level.batch([{ type: 'del', key: 'tenant!chat' }, { type: 'del', key: `key!${town.chat.id}` }]) })
  await assertOnlyChatRefused(t, town, /^chat: its key is missing from the keystore/)
})

test('swapped keys are refused', async t => {
  const { settings, stateDir, chat, bob } = await makeTown(t)
  await swap(stateDir, `key!${chat.id}`, `key!${bob.id}`)
  await withKeystore(settings, async keystore => {
    for (const name of ['chat', 'bob']) {
      t.regex(await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.identity(name)), /its key in the keystore is damaged: it was changed, or belongs elsewhere/)
    }
  })
})

test('swapped records are refused', async t => {
  const { settings, stateDir } = await makeTown(t)
  await swap(stateDir, 'tenant!chat', 'tenant!bob')
  await withKeystore(settings, async keystore => {
    for (const name of ['chat', 'bob']) {
      t.regex(await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.identity(name)), /its record in the keystore is damaged: it was changed, or belongs elsewhere/)
    }
  })
})

test('a record copied to another name gives that name nothing', async t => {
  const { settings, stateDir } = await makeTown(t)
  await edit(stateDir, async level => { await level.put('tenant!eve', await level.get('tenant!chat')) })
  await withKeystore(settings, async keystore => {
    await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.identity('eve'))
    t.deepEqual((await keystore.list()).map(({ name, fault }) => [name, fault === undefined]), [['bob', true], ['chat', true], ['eve', false]])
  })
})

for (const [what, change] of [
  ['a changed', (value: Uint8Array) => value.map((byte, at) => at === 20 ? byte ^ 1 : byte)],
  ['a cut', (value: Uint8Array) => value.subarray(0, value.length / 2)],
  ['an emptied', () => new Uint8Array()],
  ['a random', (value: Uint8Array) => crypto.getRandomValues(new Uint8Array(value.length))]
] as const) {
  for (const part of ['record', 'key'] as const) {
    test(`${what} ${part} is refused`, async t => {
      const town = await makeTown(t)
      await edit(town.stateDir, async level => {
        const key = part === 'key' ? `key!${town.chat.id}` : 'tenant!chat'
        await level.put(key, change(await level.get(key)))
      })
      await assertOnlyChatRefused(t, town, new RegExp(`^chat: its ${part} in the keystore is damaged: it `))
    })
  }
}

test('a deleted or emptied database is no fresh machine', async t => {
  for (const ruin of [
    async ({ database }: Town) => { await rm(database, { recursive: true }) },
    async ({ database }: Town) => { await rm(database, { recursive: true }); await mkdir(database, { mode: 0o700 }) },
    async ({ database, stateDir }: Town) => { await rm(database, { recursive: true }); await rm(join(stateDir, 'keystore.key')) },
    async ({ stateDir }: Town) => { await edit(stateDir, async level => { await level.clear({ gt: 'tenant!', lt: 'tenant~' }) }) }
  ]) {
    const town = await makeTown(t)
    await ruin(town)
    await withKeystore(town.settings, async keystore => {
      for (const { name, peerId } of [town.chat, town.bob]) {
        const fault = await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.identity(name))
        t.true(fault.startsWith(`${name}: its key is missing from the keystore (it had peer ID ${peerId}); restore `), fault)
      }
      t.is((await keystore.identity('new')).keyType, 'Ed25519')
    })
  }
})

test('a database put back from a backup gives the identities back', async t => {
  const { settings, database, stateDir, chat, bob } = await makeTown(t)
  await cp(database, join(stateDir, 'backup'), { recursive: true })
  await rm(database, { recursive: true })
  await withKeystore(settings, async keystore => { await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.identity('chat')) })
  await rm(database, { recursive: true })
  await cp(join(stateDir, 'backup'), database, { recursive: true })
  await withKeystore(settings, async keystore => {
    t.deepEqual([await keystore.identity('chat'), await keystore.identity('bob')], [chat, bob])
  })
})

test('a directory with nothing left in it is a fresh machine', async t => {
  const { settings, stateDir, chat } = await makeTown(t)
  for (const entry of await readdir(stateDir)) await rm(join(stateDir, entry), { recursive: true })
  await withKeystore(settings, async keystore => { t.not((await keystore.identity('chat')).peerId, chat.peerId) })
})

test('a database cut off anywhere never gives anybody a fresh or foreign identity', async t => {
  const { settings, database, chat, bob } = await makeTown(t)
  // Opened once more, so that there is a table as well as a log.
  await withKeystore(settings, async keystore => { await keystore.identity('third') })
  for (const file of await readdir(database)) {
    if (['LOCK', 'LOG', 'LOG.old'].includes(file)) continue
    const path = join(database, file)
    const { size } = await stat(path)
    const whole = await readFile(path)
    for (const length of new Set([0, 1, Math.floor(size / 3), Math.floor(size / 2), size - 1])) {
      const aside = `${database}.aside`
      await cp(database, aside, { recursive: true })
      await truncate(path, Math.max(0, length))
      try {
        await using keystore = await Keystore.open(settings)
        for (const had of [chat, bob]) {
          const now = await keystore.identity(had.name).catch(() => undefined)
          t.true(now === undefined || (now.peerId === had.peerId && now.id === had.id), `${file} cut to ${length}`)
        }
      } catch (error) {
        t.regex(String(error), /keystore: is damaged \(.*\): restore .*keystore from a backup, or move it away and import the keys again/s)
      }
      await rm(database, { recursive: true })
      await cp(aside, database, { recursive: true })
      await rm(aside, { recursive: true })
    }
    t.deepEqual(await readFile(path), whole)
  }
})

test('a database without its CURRENT file is damaged, not new', async t => {
  const { settings, database, stateDir } = await makeTown(t)
  await rm(join(database, 'CURRENT'))
  const fault = await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settings))
  t.true(fault.endsWith(`restore ${stateDir}/keystore from a backup, or move it away and import the keys again (\`p2pctl key import NAME FILE\`)`), fault)
  // The fault left nothing open.
  t.is(await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settings)), fault)
})

test('a database without its meta record, or from another version, is refused', async t => {
  for (const [value, fault] of [
    [undefined, /is damaged, its meta record is missing/],
    ['{', /is damaged, its meta record cannot be read/],
    ['{"version":2}', /has format version 2, this p2pd knows version 1/],
    ['{"version":1,"scrypt":{"N":1073741824,"r":64,"p":1,"salt":"00"}}', /is damaged, its scrypt parameters make no sense/]
  ] as const) {
    const { settings, stateDir } = await makeTown(t)
    await edit(stateDir, async level => { await (value === undefined ? level.del('meta!keystore') : level.put('meta!keystore', Buffer.from(value))) })
    t.regex(await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settings)), fault)
  }
})

test('a damaged check value alone locks nobody out', async t => {
  const { settings, stateDir, chat } = await makeTown(t)
  await edit(stateDir, async level => { await level.put('meta!check', Buffer.from('x')) })
  t.deepEqual(await withKeystore(settings, async keystore => await keystore.identity('chat')), chat)
})

test('the witness is written anew where it is missing, and where it lacks an identity', async t => {
  const { settings, witness, chat, bob } = await makeTown(t)
  const whole = await readFile(witness, 'utf8')
  t.deepEqual(JSON.parse(whole), { chat: chat.peerId, bob: bob.peerId })
  for (const left of [undefined, '{}', JSON.stringify({ bob: bob.peerId })]) {
    await (left === undefined ? rm(witness) : writeFile(witness, left))
    await withKeystore(settings, async keystore => { t.deepEqual(await keystore.identity('chat'), chat) })
    t.deepEqual(JSON.parse(await readFile(witness, 'utf8')), { chat: chat.peerId, bob: bob.peerId })
  }
  t.is((await stat(witness)).mode & 0o777, 0o600)
})

test('a damaged witness is a fault with a mend, never ignored', async t => {
  const { settings, witness, chat } = await makeTown(t)
  for (const [text, what] of [['', 'is no JSON'], ['{"chat"', 'is no JSON'], ['[]', 'is no JSON object'], ['{"chat":7}', 'has no peer ID for "chat"'], ['\0\0\0', 'is no JSON']] as const) {
    await writeFile(witness, text)
    t.is(await faultOf(t, 'ERR_KEYSTORE', async () => await Keystore.open(settings)),
      `${witness}: ${what}: restore it from a backup, or, if you are sure that the keystore beside it is whole, delete it: it is then written anew from the keystore`)
  }
  await rm(witness)
  t.deepEqual(await withKeystore(settings, async keystore => await keystore.identity('chat')), chat)
})

test('a crash between the two writes of a renewal leaves the new identity, and no fault', async t => {
  const { settings, witness } = await makeTown(t)
  const before = await readFile(witness)
  const renewed = await withKeystore(settings, async keystore => await keystore.renew('chat'))
  await writeFile(witness, before)
  t.deepEqual(await withKeystore(settings, async keystore => await keystore.identity('chat')), renewed)
  t.is(JSON.parse(await readFile(witness, 'utf8')).chat, renewed.peerId)
})

test('a crash between the two writes of a removal leaves the identity as it was', async t => {
  const { settings, witness, chat, bob } = await makeTown(t)
  await writeFile(witness, JSON.stringify({ bob: bob.peerId }))
  t.deepEqual(await withKeystore(settings, async keystore => await keystore.identity('chat')), chat)
})

test('a database older than the witness does not bring an old identity back in silence', async t => {
  const { settings, database, stateDir, chat } = await makeTown(t)
  await cp(database, join(stateDir, 'backup'), { recursive: true })
  const renewed = await withKeystore(settings, async keystore => await keystore.renew('chat'))
  await rm(database, { recursive: true })
  await cp(join(stateDir, 'backup'), database, { recursive: true })
  await withKeystore(settings, async keystore => {
    const fault = await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.identity('chat'))
    t.true(fault.startsWith(`chat: the keystore holds peer ID ${chat.peerId}, ${stateDir}/identities.json names ${renewed.peerId}`), fault)
    // The operator who has the right key needs no force to give it back, and force to take the old one.
    await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.import('chat', chat.privateKey))
    t.is((await keystore.import('chat', renewed.privateKey)).peerId, renewed.peerId)
  })
  t.is((await withKeystore(settings, async keystore => await keystore.identity('chat'))).peerId, renewed.peerId)
})

test('the key it had mends an identity, without force; its id stays where it can still be read', async t => {
  for (const [entry, keeps] of [['key', true], ['record', false]] as const) {
    const { settings, stateDir, chat, bob } = await makeTown(t)
    await edit(stateDir, async level => { await level.put(entry === 'key' ? `key!${chat.id}` : 'tenant!chat', Buffer.from('ruined')) })
    const mended = await withKeystore(settings, async keystore => await keystore.import('chat', chat.privateKey))
    t.is(mended.peerId, chat.peerId)
    t.is(mended.id === chat.id, keeps)
    await withKeystore(settings, async keystore => {
      t.deepEqual(await keystore.identity('chat'), mended)
      t.deepEqual(await keystore.identity('bob'), bob)
    })
    t.is((await edit(stateDir, async level => await level.keys({ gt: 'key!', lt: 'key~' }).all())).length, 2)
  }
})

test('another key mends an identity only by force; so does renewing, and removing forgets it', async t => {
  for (const how of ['import', 'renew', 'remove'] as const) {
    const { settings, database, chat } = await makeTown(t)
    await rm(database, { recursive: true })
    const other = privateKeyToProtobuf(await generateKeyPair('Ed25519'))
    const now = await withKeystore(settings, async keystore => {
      await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.import('chat', other))
      await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.identity('chat'))
      if (how === 'import') return await keystore.import('chat', other, { replace: true })
      if (how === 'renew') return await keystore.renew('chat')
      await keystore.remove('chat')
      return await keystore.identity('chat')
    })
    t.not(now.peerId, chat.peerId)
    t.deepEqual(await withKeystore(settings, async keystore => await keystore.identity('chat')), now)
  }
})

async function swap (stateDir: string, one: string, other: string): Promise<void> {
  await edit(stateDir, async level => {
    const [first, second] = [await level.get(one), await level.get(other)]
    await level.batch([{ type: 'put', key: one, value: second }, { type: 'put', key: other, value: first }])
  })
}
