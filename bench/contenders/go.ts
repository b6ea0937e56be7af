/** go-libp2p-daemon, built from its last release; noise only, as the other two. */
import { fileURLToPath } from 'node:url'
import { goBuild } from '../go.ts'
import { startClassic, type Contender } from './contender.ts'

const source = fileURLToPath(new URL('../load/go-daemon', import.meta.url))
const program = fileURLToPath(new URL('../.cache/go-libp2p-daemon', import.meta.url))
const classic = (path: string): string[] => [
  program, '-q', '-listen', `/unix${path}`, '-hostAddrs', '/ip4/127.0.0.1/tcp/0', '-tls=false', '-plaintext=false'
]

export const go: Contender = {
  name: 'go',
  title: 'go-libp2p-daemon',
  over: '/tcp',
  onDemand: false,
  oneRequestPerConnection: false,
  prepare: () => goBuild(source, program, 'github.com/libp2p/go-libp2p-daemon/p2pd'),
  classic,
  start: async dir => startClassic(classic, dir)
}
