/** Names from outside, wherever one is taken: in requests, in manifests, in what the operator is asked. */
import test from 'ava'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unix, unknownPeer } from '../../helpers/addresses.ts'
import { message, type Field } from '../../helpers/protobuf.ts'
import { TYPE, connect, identify, removeStreamHandler, request, streamHandler, streamOpen } from '../../helpers/requests.ts'
import { inWorld } from './helpers.ts'
import { EVERY_NAME, INHERITED, NO_TEXT, UNPRINTABLE, UNSAFE } from './hostileNames.ts'

const [ATTACKER, VICTIM] = [41001, 41002]
const limits = { requestsPerSecond: 100_000, handlers: 64 }
const TENANTS = { a: { uid: ATTACKER, limits }, b: { uid: VICTIM, limits } }
type Name = string | Buffer

test.serial('threat 36: every request that takes a name answers each hostile one, and the connection and the host live on', async t => {
  await inWorld(t, { tenants: TENANTS }, async world => {
    const a = await world.program(ATTACKER)
    const [peer, path] = [unknownPeer(), unix(join(world.homeOf(ATTACKER), 'h'))]
    // The dialects' submessages by hand: whatever they come to mean, a name in them is only a name.
    const inside = (type: number, field: number) => (name: Name): Buffer =>
      request(type, [field, message([1, 0], ...[2, 3, 4].map((number): Field => [number, name]))])
    const takers: Record<string, (name: Name) => Buffer> = {
      STREAM_OPEN: name => streamOpen(peer, name),
      STREAM_HANDLER: name => streamHandler(path, name),
      'STREAM_HANDLER at a path': name => streamHandler(unix(name), '/x'),
      REMOVE_STREAM_HANDLER: name => removeStreamHandler(path, name),
      CONNECT: name => connect(Buffer.from(name)),
      DHT: inside(TYPE.DHT, 5),
      CONNMANAGER: inside(TYPE.CONNMANAGER, 6),
      PUBSUB: inside(TYPE.PUBSUB, 8),
      PEERSTORE: inside(TYPE.PEERSTORE_OR_UPGRADE, 9)
    }
    await a.askOne(world.socketOf('a'), identify())
    const pid = await world.hostPid('a')
    for (const [what, taker] of Object.entries(takers)) {
      const answers = await a.ask(world.socketOf('a'), ...EVERY_NAME.map(taker), identify())
      t.true(answers.at(-1)?.ok, `after ${what}: ${answers.at(-1)?.error}`)
      for (const [i, { response }] of answers.entries()) t.not(response, undefined, `${what} of ${JSON.stringify(EVERY_NAME[i]?.slice(0, 40))}`)
      // What is no name must not have become one.
      for (const { error } of answers) {
        t.notRegex(error, UNSAFE, what)
        t.notRegex(error, /Cannot read|undefined|is not a function/, what)
      }
    }
    for (const name of [...UNPRINTABLE, ...NO_TEXT]) {
      t.false((await a.askOne(world.socketOf('a'), streamHandler(path, name))).ok, `a handler for ${JSON.stringify(name)}`)
    }
    t.is(await world.hostPid('a'), pid)
    t.is((await world.tenant('a')).crashes, 0)
  })
})

test.serial('threat 36: names that every object has are names like any other: handled where they were registered, and nowhere else', async t => {
  await inWorld(t, { tenants: TENANTS }, async world => {
    const [a, b] = await Promise.all([world.program(ATTACKER), world.program(VICTIM)])
    const own = await b.askOne(world.socketOf('b'), identify())
    const { id = Buffer.alloc(0), addrs = [] } = own.response?.identify ?? {}
    const path = join(world.homeOf(VICTIM), 'h')
    await b.listen('h', path)
    const registered = INHERITED.slice(0, 3)
    for (const name of registered) t.true((await b.askOne(world.socketOf('b'), streamHandler(unix(path), name))).ok)
    t.true((await a.askOne(world.socketOf('a'), connect(id, addrs))).ok)
    for (const name of registered) {
      const { opened, end } = await a.exchange(world.socketOf('a'), streamOpen(id, name), 1_000)
      t.is(opened.response?.streamInfo?.proto, name, opened.error)
      t.is(end, 'end')
    }
    for (const name of INHERITED.slice(3)) {
      t.regex((await a.askOne(world.socketOf('a'), streamOpen(id, name))).error, /speaks none of/)
      t.false((await b.askOne(world.socketOf('b'), removeStreamHandler(unix(path), name))).ok)
    }
    for (const name of registered) {
      t.true((await b.askOne(world.socketOf('b'), removeStreamHandler(unix(path), name))).ok)
      t.regex((await a.askOne(world.socketOf('a'), streamOpen(id, name))).error, /speaks none of/)
    }
    // All of them or none, and an answer in any case.
    const many = Array.from({ length: 10_000 }, (_, i) => `/m/${i}`)
    t.regex((await b.askOne(world.socketOf('b'), streamHandler(unix(path), many))).error, /limits\.handlers|proto/)
    t.regex((await a.askOne(world.socketOf('a'), streamOpen(id, many, 5))).error, /speaks none of|not done within|proto/)
    t.is((await world.tenant('b')).figures?.handlers, 0)
  })
})

test.serial('threat 36: manifests with hostile names are refused whole, with the file and the key, and change nothing', async t => {
  await inWorld(t, { tenants: { a: { uid: ATTACKER }, constructor: { uid: VICTIM, groups: ['constructor', 'prototype'] } } }, async world => {
    const [a, c] = await Promise.all([world.program(ATTACKER), world.program(VICTIM)])
    const [first, second] = [await a.askOne(world.socketOf('a'), identify()), await c.askOne(world.socketOf('constructor'), identify())]
    t.notDeepEqual(first.response?.identify?.id, second.response?.identify?.id)
    const before = (await world.status()).tenants.map(({ name, pid, peerId }) => ({ name, pid, peerId }))

    const quoted = (name: Name): string => JSON.stringify(name.toString('utf8'))
    const keys: Record<string, (name: Name) => string> = {
      name: name => `{ "name": ${quoted(name)} }`,
      'app.user': name => `{ "name": "z", "app": { "user": ${quoted(name)} } }`,
      groups: name => `{ "name": "z", "groups": [${quoted(name)}] }`,
      'host.listen': name => `{ "name": "z", "host": { "listen": [${quoted(name)}] } }`,
      'a key of its own': name => `{ "name": "z", ${quoted(name)}: {} }`,
      'limits': name => `{ "name": "z", "limits": { ${quoted(name)}: 1 } }`
    }
    const file = join(world.tenantsDir, 'z.yaml')
    for (const [key, manifest] of Object.entries(keys)) {
      for (const name of EVERY_NAME.filter(each => each.length < 70_000 && !(key === 'groups' && /^[a-z]+$/.test(each.toString())))) {
        writeFileSync(file, manifest(name))
        const refusal = await t.throwsAsync(world.reload(), undefined, `${key} ${quoted(name).slice(0, 60)}`)
        t.regex(refusal?.message ?? '', /z\.yaml/)
        t.true((refusal?.message.length ?? 0) < 4_000, key)
      }
    }
    rmSync(file)
    for (const name of ['__proto__', '..', '%2e%2e', 'toString', 'a%0ab', '%00']) {
      await t.throwsAsync(world.ask('POST', `/v1/tenants/${name}/restart`), { message: /ERR_REQUEST|no such operation/ })
    }
    await world.reload()
    t.deepEqual((await world.status()).tenants.map(({ name, pid, peerId }) => ({ name, pid, peerId })), before)
  })
})
