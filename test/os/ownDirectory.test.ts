import test from 'ava'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assertOwnDirectory, makeOwnDirectory } from '../../src/os/ownDirectory.ts'

const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
test.after.always(() => { rmSync(directory, { recursive: true, force: true }) })
let count = 0
const fresh = (): string => {
  const path = join(directory, String(count++))
  mkdirSync(path)
  return path
}

test('it is made with all above it, each with the mode, whatever the umask, and made once', t => {
  const path = join(fresh(), 'a', 'b')
  makeOwnDirectory(path, 0o700)
  makeOwnDirectory(path, 0o755)
  t.is(statSync(path).mode & 0o777, 0o700)
  t.is(statSync(join(path, '..')).mode & 0o777, 0o700)
  t.notThrows(() => { assertOwnDirectory(path) })
})

test('a link of our own is followed, also one of several steps, and a circle of them is refused', t => {
  const here = fresh()
  mkdirSync(join(here, 'real'))
  symlinkSync('real', join(here, 'near'))
  symlinkSync(join(here, 'near'), join(here, 'far'))
  makeOwnDirectory(join(here, 'far', 'below'), 0o700)
  t.true(existsSync(join(here, 'real', 'below')))
  symlinkSync(join(here, 'right'), join(here, 'left'))
  symlinkSync(join(here, 'left'), join(here, 'right'))
  t.throws(() => { makeOwnDirectory(join(here, 'left', 'below'), 0o700) }, { code: 'ERR_OCCUPIED', message: /too many links/ })
})

test('below a directory that others can write in nothing is made, unless each can only remove what is theirs there', t => {
  const open = fresh()
  chmodSync(open, 0o777)
  t.throws(() => { makeOwnDirectory(join(open, 'a', 'b'), 0o700) }, { code: 'ERR_OCCUPIED', message: /can be written by others.*chmod go-w/ })
  t.false(existsSync(join(open, 'a')))
  chmodSync(open, 0o1777)
  t.notThrows(() => { makeOwnDirectory(join(open, 'a', 'b'), 0o700) })
})

test('what is no directory is named, and stays', t => {
  const path = join(fresh(), 'file')
  writeFileSync(path, 'mine')
  t.throws(() => { makeOwnDirectory(path, 0o700) }, { code: 'ERR_OCCUPIED', message: /file is no directory/ })
  t.throws(() => { assertOwnDirectory(path) }, { code: 'ERR_OCCUPIED', message: /file is no directory/ })
  t.is(statSync(path).size, 4)
})

test('a directory that others can write in is not our own', t => {
  const path = fresh()
  for (const mode of [0o770, 0o707, 0o1777]) {
    chmodSync(path, mode)
    t.throws(() => { assertOwnDirectory(path) }, { code: 'ERR_OCCUPIED', message: /can be written by others/ })
  }
})
