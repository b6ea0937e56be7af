/** @libp2p/daemon-server on the same Node as ours. Its authors publish no program, so js-daemon.mjs makes the least one. */
import { fileURLToPath } from 'node:url'
import { startClassic, type Contender } from './contender.ts'

const launcher = fileURLToPath(new URL('./js-daemon.mjs', import.meta.url))
const classic = (path: string): string[] => [process.execPath, launcher, path]

export const js: Contender = {
  name: 'js',
  title: '@libp2p/daemon-server',
  over: '/tcp',
  onDemand: false,
  oneRequestPerConnection: true,
  prepare: () => undefined,
  classic,
  start: async dir => startClassic(classic, dir)
}
