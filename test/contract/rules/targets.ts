/** Where a handler may not be: the daemon dials for whoever asks, and must not be talked into reaching its own, or others'. */
import { linkSync, symlinkSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { named, tcp, tcpOf, udp, unix, unknownPeer, withPeer } from '../../helpers/addresses.ts'
import { frame } from '../../helpers/protobuf.ts'
import * as requests from '../../helpers/requests.ts'
import { ResponseType } from '../../../src/wire/codec.ts'
import type { Scene } from '../scene.ts'
import { endsInSilence, isError, isOk, isUsable, type Claim, type Suite } from '../suite.ts'

/** What no daemon can ever dial as a handler, whoever asks. */
const FORBIDDEN: Array<readonly [what: string, addr: Buffer]> = [
  ['an abstract socket', unix('\0p2pd-contract')],
  ['an abstract socket as people write it', unix('@p2pd-contract')],
  ['a path with a NUL in it', unix('/tmp/a\0b')],
  ['a path that no socket can have, for its length', unix(`/tmp/${'x'.repeat(103)}`)],
  ['an address of another machine', tcp('192.0.2.1', 4001)],
  ['every address', tcp('0.0.0.0', 4001)],
  ['the metadata service of clouds', tcp('169.254.169.254', 80)],
  ['every IPv6 address', tcp('::', 4001)],
  ['an IPv4 address as an IPv6 one', tcp('::ffff:127.0.0.1', 4001)],
  ['a port of the system\'s', tcp('127.0.0.1', 631)],
  ['port 0', tcp('127.0.0.1', 0)],
  ['a name', named('dns4', 'localhost', 4001)],
  ['a name of any family', named('dns', 'localhost', 4001)],
  ['UDP', udp('127.0.0.1', 4001)],
  ['an address with a peer in it', withPeer(tcp('127.0.0.1', 4001), unknownPeer())],
  ['no address', Buffer.alloc(0)]
]

/** Ways to name the socket at `path`. */
function spellings (scene: Scene, path: string): Array<readonly [how: string, path: string]> {
  const [link, directoryLink] = [scene.path(), scene.path()]
  symlinkSync(path, link)
  symlinkSync(dirname(path), directoryLink)
  return [
    ['as it is', path],
    ['with dots', join(dirname(path), '.').concat(`/./${path.slice(dirname(path).length + 1)}`)],
    ['through a link', link],
    ['through a link to its directory', `${directoryLink}/${path.slice(dirname(path).length + 1)}`]
  ]
}

export function targets ({ differs }: Suite): void {
  differs('any-handler-address', {
    ours: [
      ...FORBIDDEN.map(([what, addr]): Claim => [`a handler cannot be ${what}: an ERROR, and the connection goes on`, async (t, scene) => {
        const connection = await scene.dial()
        const protocol = scene.protocol()
        isError(t, await connection.ask(requests.streamHandler(addr, protocol)))
        await isUsable(t, connection)
        await scene.connected()
        const { id } = await scene.identity(scene.a)
        isError(t, await scene.ask(requests.streamOpen(id, protocol), scene.b), /\w/, 'nothing was registered')
      }]),

      ['a handler cannot be one of the daemon\'s own sockets, however it is named', async (t, scene) => {
        const connection = await scene.dial()
        t.true(scene.a.ownPaths.length > 0 || scene.a.ownPorts.length > 0)
        for (const own of scene.a.ownPaths) {
          for (const [how, path] of spellings(scene, own)) {
            isError(t, await connection.ask(requests.streamHandler(unix(path), scene.protocol())), /own/, `${own} ${how}`)
          }
        }
      }],

      ['a handler cannot be one of the daemon\'s own ports', async (t, scene) => {
        const connection = await scene.dial()
        const { addrs } = await scene.identity(scene.a)
        const reached = addrs.map(tcpOf).map(({ port }) => port)
        t.true(reached.length > 0)
        for (const port of [...reached, ...scene.a.ownPorts]) {
          isError(t, await connection.ask(requests.streamHandler(tcp('127.0.0.1', port), scene.protocol())), /own/, `port ${port}`)
        }
      }],

      ['a handler cannot be another name of one of the daemon\'s own sockets, or else is not spoken to', async (t, scene) => {
        for (const own of scene.b.ownPaths) {
          const protocol = scene.protocol()
          const name = scene.path()
          linkSync(own, name)
          const { type } = await scene.ask(requests.streamHandler(unix(name), protocol), scene.b)
          if (type === ResponseType.ERROR) continue
          await scene.connected()
          const { stream } = await scene.open(protocol)
          stream.pour(frame(requests.identify()))
          await endsInSilence(t, stream, own)
        }
        t.pass()
      }],

      ['a path that becomes a link to one of the daemon\'s own sockets is not spoken to', async (t, scene) => {
        const own = scene.b.ownPaths[0]
        if (own === undefined) {
          t.pass('controlled over TCP: it has no sockets with paths')
          return
        }
        const protocol = scene.protocol()
        const listener = await scene.handler(protocol)
        const { address } = listener
        await listener.stopListening()
        const path = 'path' in address ? address.path : ''
        symlinkSync(own, path)
        const { stream } = await scene.open(protocol)
        stream.pour(frame(requests.identify()))
        await endsInSilence(t, stream)
        unlinkSync(path)
        const back = await scene.listen(address)
        await scene.open(protocol)
        t.is((await (await back.next()).streamInfo()).proto, protocol)
      }]
    ],

    theirs: [
      ['a handler may be any address that can be parsed: the daemon\'s own sockets, other machines, names', async (t, scene) => {
        const { addrs } = await scene.identity(scene.a)
        const reached = addrs.map(addr => tcp('127.0.0.1', tcpOf(addr).port))
        for (const addr of [tcp('192.0.2.1', 4001), named('dns4', 'localhost', 4001), tcp('127.0.0.1', 631), ...scene.a.ownPaths.map(unix), ...reached]) {
          isOk(t, await scene.ask(requests.streamHandler(addr, scene.protocol())), addr.toString('hex'))
        }
      }]
    ]
  })
}
