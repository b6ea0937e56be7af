/** Protocol ids: which are ids, and that any id is only ever a name. */
import * as requests from '../../helpers/requests.ts'
import { unix } from '../../helpers/addresses.ts'
import { isError, isOk, isUsable, type Claim, type Suite } from '../suite.ts'

const REFUSED: Array<readonly [what: string, id: string | Uint8Array]> = [
  ['empty', ''],
  ['257 bytes', `/${'x'.repeat(256)}`],
  ['258 bytes in 129 characters', 'é'.repeat(129)],
  ['a megabyte', 'x'.repeat(1024 * 1024)],
  ['a newline', '/chat/1.0.0\n'],
  ['a NUL', '/chat\0/1.0.0'],
  ['a terminal\'s escape', '/\x1b[31mchat'],
  ['text that turns its order round', '/chat/\u202e0.0.1'],
  ['invalid UTF-8', Buffer.from([0x2f, 0xff, 0xfe])],
  ['half of a surrogate pair', Buffer.from([0x2f, 0xed, 0xa0, 0x80])]
]

const TAKEN = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '/ü/1.0.0', '/with space', `/${'x'.repeat(255)}`]

export function protocolIds ({ test, differs }: Suite): void {
  differs('any-protocol-id', {
    ours: REFUSED.map(([what, id]): Claim => [`no protocol id: ${what}`, async (t, scene) => {
      const { id: peer } = await scene.connected()
      const connection = await scene.dial()
      const good = scene.protocol()
      isError(t, await connection.ask(requests.streamHandler(unix(scene.path()), [good, id])), /proto/)
      isError(t, await connection.ask(requests.streamOpen(peer, [good, id])), /proto/)
      await isUsable(t, connection)
    }]),
    theirs: REFUSED.filter(([what]) => what !== 'a megabyte').map(([what, id]): Claim => [`a handler's protocol id may be anything: ${what}`, async (t, scene) => {
      isOk(t, await scene.ask(requests.streamHandler(unix(scene.path()), id)))
    }])
  })

  differs('any-protocol-id', {
    ours: [['a protocol of libp2p itself is the host\'s: no handler, and the host goes on answering it', async (t, scene) => {
      await scene.connected()
      for (const id of ['/ipfs/id/1.0.0', '/ipfs/ping/1.0.0']) {
        isError(t, await scene.ask(requests.streamHandler(unix(scene.path()), id), scene.b), /denied/)
        t.is((await scene.open(id)).info.proto, id)
      }
    }]],
    theirs: [['a protocol of libp2p itself can be taken from the host', async (t, scene) => {
      const listener = await scene.handler('/ipfs/ping/1.0.0')
      await scene.open('/ipfs/ping/1.0.0')
      t.is((await (await listener.next()).streamInfo()).proto, '/ipfs/ping/1.0.0')
    }]]
  })

  test('a STREAM_HANDLER with no protocol registers nothing, or says so', async (t, scene) => {
    const connection = await scene.dial()
    await connection.ask(requests.streamHandler(unix(scene.path()), []))
    await isUsable(t, connection)
  })

  for (const id of TAKEN) {
    test(`a protocol id is only a name: ${id.slice(0, 20)}`, async (t, scene) => {
      const { id: peer } = await scene.connected()
      isError(t, await scene.ask(requests.streamOpen(peer, id)), /\w/, 'nobody handles it yet')
      const listener = await scene.handler(id)
      const { info } = await scene.open(id)
      t.is(info.proto, id)
      t.is((await (await listener.next()).streamInfo()).proto, id)
    })
  }
}
