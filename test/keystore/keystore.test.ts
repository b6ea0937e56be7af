import test from 'ava'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { Keystore } from '../../src/keystore/keystore.ts'
import { edit, faultOf, filesUnder, libc, makeWorld, outputOf, settingsIn, withKeystore } from './world.ts'

test('a name is enrolled once, with a fresh Ed25519 key, and keeps it over restarts', async t => {
  const settings = settingsIn(await makeWorld(t))
  const first = await withKeystore(settings, async keystore => await keystore.identity('chat'))
  t.is(first.name, 'chat')
  t.is(first.keyType, 'Ed25519')
  t.regex(first.id, /^[0-9a-f]{32}$/)
  t.is(new Date(first.created).toISOString(), first.created)
  for (let run = 0; run < 5; run++) {
    t.deepEqual(await withKeystore(settings, async keystore => await keystore.identity('chat')), first)
  }
})

test('two names have nothing in common', async t => {
  await withKeystore(settingsIn(await makeWorld(t)), async keystore => {
    const [one, other] = [await keystore.identity('chat'), await keystore.identity('indexer')]
    t.not(one.id, other.id)
    t.not(one.peerId, other.peerId)
    t.notDeepEqual(one.privateKey, other.privateKey)
  })
})

test('calls at the same time for one new name enrol it once', async t => {
  await withKeystore(settingsIn(await makeWorld(t)), async keystore => {
    const identities = await Promise.all(Array.from({ length: 20 }, async () => await keystore.identity('chat')))
    t.is(new Set(identities.map(({ id, peerId }) => `${id} ${peerId}`)).size, 1)
    t.is((await keystore.list()).length, 1)
  })
})

test('keys of all three types are imported, keep their peer ID, and come out as they went in', async t => {
  const settings = settingsIn(await makeWorld(t))
  for (const [type, bits] of [['Ed25519'], ['secp256k1'], ['RSA', 2048]] as const) {
    const key = await generateKeyPair(type, bits)
    const bytes = privateKeyToProtobuf(key)
    const name = type.toLowerCase()
    const imported = await withKeystore(settings, async keystore => await keystore.import(name, bytes))
    t.is(imported.peerId, peerIdFromPrivateKey(key).toString())
    t.is(imported.keyType, type)
    await withKeystore(settings, async keystore => {
      t.deepEqual(await keystore.identity(name), imported)
      t.deepEqual(Buffer.from(await keystore.export(name)), Buffer.from(bytes))
    })
  }
})

test('a key that is none is refused, and says for whom', async t => {
  await withKeystore(settingsIn(await makeWorld(t)), async keystore => {
    const fault = await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.import('chat', Buffer.from('hello')))
    t.regex(fault, /^chat: this is text .* wanted the libp2p PrivateKey protobuf/)
    t.deepEqual(await keystore.list(), [])
  })
})

test('an import takes no other identity\'s place, unless that is asked for', async t => {
  const settings = settingsIn(await makeWorld(t))
  const other = privateKeyToProtobuf(await generateKeyPair('Ed25519'))
  const replaced = await withKeystore(settings, async keystore => {
    const had = await keystore.identity('chat')
    const fault = await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.import('chat', other))
    t.true(fault.startsWith(`chat: has peer ID ${had.peerId}, this key would give it 12D3KooW`), fault)
    t.deepEqual(await keystore.identity('chat'), had)
    t.deepEqual(await keystore.import('chat', had.privateKey), had)
    const now = await keystore.import('chat', other, { replace: true })
    t.not(now.peerId, had.peerId)
    t.not(now.id, had.id)
    return now
  })
  t.deepEqual(await withKeystore(settings, async keystore => await keystore.identity('chat')), replaced)
})

test('renewing gives a new identity, to names that have one', async t => {
  const settings = settingsIn(await makeWorld(t))
  const renewed = await withKeystore(settings, async keystore => {
    const had = await keystore.identity('chat')
    const now = await keystore.renew('chat')
    t.not(now.peerId, had.peerId)
    t.not(now.id, had.id)
    t.regex(await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.renew('chta')), /^chta: has no identity/)
    return now
  })
  t.deepEqual(await withKeystore(settings, async keystore => await keystore.list()), [
    { name: 'chat', id: renewed.id, peerId: renewed.peerId, keyType: 'Ed25519', created: renewed.created }
  ])
})

test('a name removed and enrolled again is somebody else', async t => {
  const settings = settingsIn(await makeWorld(t))
  const had = await withKeystore(settings, async keystore => {
    const identity = await keystore.identity('chat')
    await keystore.remove('chat')
    t.deepEqual(await keystore.list(), [])
    return identity
  })
  await withKeystore(settings, async keystore => {
    t.deepEqual(await keystore.list(), [])
    const now = await keystore.identity('chat')
    t.not(now.id, had.id)
    t.not(now.peerId, had.peerId)
    await keystore.remove('never')
  })
})

test('no sealed key stays behind when its identity goes', async t => {
  const settings = settingsIn(await makeWorld(t))
  await withKeystore(settings, async keystore => {
    for (const name of ['one', 'two', 'three']) await keystore.identity(name)
    await keystore.renew('one')
    await keystore.import('two', privateKeyToProtobuf(await generateKeyPair('Ed25519')), { replace: true })
    await keystore.remove('three')
  })
  const keys = await edit(settings.stateDir, async level => await level.keys().all())
  t.is(keys.filter(key => key.startsWith('key!')).length, 2)
  t.deepEqual(keys.filter(key => key.startsWith('tenant!')), ['tenant!one', 'tenant!two'])
})

test('exporting a name that has no identity fails and enrols nobody', async t => {
  await withKeystore(settingsIn(await makeWorld(t)), async keystore => {
    t.is(await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.export('chat')),
      'chat: has no identity; a tenant gets one when it first starts, or with `p2pctl key import chat FILE`')
    t.deepEqual(await keystore.list(), [])
  })
})

test('names that mean something to JavaScript are names like any other', async t => {
  const settings = settingsIn(await makeWorld(t))
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '7']
  const first = await withKeystore(settings, async keystore => {
    t.deepEqual(await keystore.list(), [])
    return await Promise.all(names.map(async name => await keystore.identity(name)))
  })
  t.is(new Set(first.map(({ peerId }) => peerId)).size, names.length)
  await rm(join(settings.stateDir, 'identities.json'))
  await withKeystore(settings, async keystore => {
    t.deepEqual(await Promise.all(names.map(async name => await keystore.identity(name))), first)
  })
  await rm(join(settings.stateDir, 'keystore'), { recursive: true })
  await withKeystore(settings, async keystore => {
    for (const name of names) await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.identity(name))
  })
})

test('names that would break an entry\'s name or a message are refused', async t => {
  await withKeystore(settingsIn(await makeWorld(t)), async keystore => {
    for (const name of ['', 'a!b', 'key!x', 'a\nb', 'a\0b', '\u202Ea', '\ud800', 'x'.repeat(129)]) {
      const fault = await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.identity(name))
      t.regex(fault, /is no name for a tenant/)
      t.notRegex(fault, /[\n\0]/)
    }
  })
})

test('a second keystore on the same directory is refused, in this process and in another', async t => {
  const settings = settingsIn(await makeWorld(t))
  await withKeystore(settings, async keystore => {
    const had = await keystore.identity('chat')
    t.is(await outputOf('open.ts', settings.stateDir), 'ERR_OCCUPIED\n')
    t.regex(await faultOf(t, 'ERR_OCCUPIED', async () => await Keystore.open(settings)), /another p2pd has the keystore open/)
    // LevelDB drops its lock when the same process opens a database twice: fcntl(2).
    t.is(await outputOf('open.ts', settings.stateDir), 'ERR_OCCUPIED\n')
    t.deepEqual(await keystore.identity('chat'), had)
  })
  t.is(await outputOf('open.ts', settings.stateDir), 'opened\n')
})

test('of several that start at once on a fresh machine, those that lose say that it is occupied', async t => {
  const settings = settingsIn(await makeWorld(t))
  const outputs = await Promise.all(Array.from({ length: 4 }, async () => await outputOf('open.ts', settings.stateDir)))
  t.true(outputs.includes('opened\n'), outputs.join(''))
  t.true(outputs.every(output => output === 'opened\n' || output === 'ERR_OCCUPIED\n'), outputs.join(''))
  const { stateDir } = settings
  await withKeystore(settings, async keystore => { await keystore.identity('chat') })
  const outside = [...(await filesUnder(stateDir)).keys()].filter(path => !path.startsWith(join(stateDir, 'keystore') + '/'))
  t.deepEqual(outside.sort(), [join(stateDir, 'identities.json'), join(stateDir, 'keystore.key')])
})

test('a closed keystore finishes what is under way and refuses what comes after', async t => {
  const settings = settingsIn(await makeWorld(t))
  const keystore = await Keystore.open(settings)
  const underWay = keystore.identity('chat')
  await Promise.all([keystore.close(), keystore.close()])
  const had = await underWay
  t.is(await faultOf(t, 'ERR_KEYSTORE', async () => await keystore.identity('chat')), 'the keystore is closed')
  t.deepEqual(await withKeystore(settings, async again => await again.identity('chat')), had)
})

test('no key is found anywhere in the state directory, whatever was done to it', async t => {
  const world = await makeWorld(t)
  const settings = settingsIn(world)
  const secrets: Uint8Array[] = []
  await withKeystore(settings, async keystore => {
    for (const name of ['stays', 'renewed', 'removed']) secrets.push((await keystore.identity(name)).privateKey)
    secrets.push((await keystore.renew('renewed')).privateKey)
    await keystore.remove('removed')
    for (const [type, bits] of [['secp256k1'], ['RSA', 2048]] as const) {
      secrets.push((await keystore.import(type, privateKeyToProtobuf(await generateKeyPair(type, bits)))).privateKey)
    }
  })
  const { stateDir } = settings
  // The last 32 bytes of a seed or of a number in an RSA key stand for the whole.
  const traces = secrets.flatMap(bytes => [Buffer.from(bytes), ...windows(Buffer.from(bytes))])
  const spelled = traces.flatMap(bytes => [bytes, Buffer.from(bytes.toString('hex')), Buffer.from(bytes.toString('base64').slice(0, 42))])
  const look = async (): Promise<string[]> => [...await filesUnder(stateDir)].filter(([, file]) => spelled.some(trace => file.includes(trace))).map(([path]) => path)
  t.deepEqual(await look(), [])
  await edit(stateDir, async level => {
    if (!('compactRange' in level) || typeof level.compactRange !== 'function') throw new Error('Level no longer compacts')
    await level.compactRange('\0', '\xff')
  })
  t.deepEqual(await look(), [])
  // The search does find what is there.
  const files = await filesUnder(stateDir)
  const sealingKey = files.get(join(stateDir, 'keystore.key')) ?? Buffer.of()
  t.deepEqual([...files].filter(([, file]) => file.includes(sealingKey)).map(([path]) => path), [join(stateDir, 'keystore.key')])
})

function windows (bytes: Buffer): Buffer[] {
  // The 32 bytes of an Ed25519 seed or a secp256k1 number stand behind 4 bytes of protobuf; an RSA key's secrets in its last half.
  const starts = bytes.length < 100 ? [4] : Array.from({ length: 8 }, (_, part) => Math.floor(bytes.length / 2 + part * bytes.length / 20))
  return starts.map(start => bytes.subarray(start, start + 32))
}

test('a child process inherits none of the database\'s descriptors', async t => {
  const settings = settingsIn(await makeWorld(t))
  const inherited = async (): Promise<string[]> => (await outputOf('descriptors.ts', settings.stateDir)).split('\n').filter(line => line !== '')
  await withKeystore({ ...settings, closeOnExec: libc.closeOnExec }, async keystore => {
    t.deepEqual(await inherited(), [])
    for (let count = 0; count < 20; count++) await keystore.identity(`tenant-${count}`)
    t.deepEqual(await inherited(), [])
  })
  await withKeystore(settings, async () => {
    // Why the caller is asked for it. When this fails, LevelDB has learned O_CLOEXEC and closeOnExec can go.
    t.true((await inherited()).length > 0)
  })
})
