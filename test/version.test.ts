import test from 'ava'
import { readFileSync } from 'node:fs'
import { VERSION } from '../src/version.ts'

test('the version the daemon reports is the package\'s', t => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  t.is(VERSION, version)
})
