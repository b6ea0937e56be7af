import test from 'ava'
import { named, tcp, udp, unix, unknownPeer, withPeer } from '../helpers/addresses.ts'
import { isHarmless } from './harmless.ts'

test('what the fuzzer may have dialled is on this machine and closed', t => {
  const local = tcp('127.0.0.1', 9)
  for (const [address, harmless] of [
    [local, true],
    [tcp('::1', 65_535), true],
    [withPeer(local, unknownPeer()), true],
    [withPeer(local, Buffer.alloc(100_000)), true],
    [unix('/nowhere'), true],
    [local.subarray(0, 7), true],
    [Buffer.from([0xff, 0xff, 0x7f]), true],
    [tcp('127.0.0.1', 4001), false],
    [tcp('10.0.0.1', 9), false],
    [tcp('0.0.0.0', 9), false],
    [tcp('::', 9), false],
    [tcp('::ffff:127.0.0.1', 9), false],
    [udp('192.0.2.1', 9), false],
    [Buffer.concat([local, tcp('192.0.2.1', 9)]), false],
    [named('dns4', 'localhost', 9), false],
    [named('dns', 'example.com', 9), false],
    [Buffer.concat([local, Buffer.from([0x35, 0x01, 0x61])]), false]
  ] as const) t.is(isHarmless(address), harmless, address.subarray(0, 40).toString('hex'))
})
