import test from 'ava'
import { spawnSync } from 'node:child_process'
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { passingPair, receiveDescriptor, sendDescriptor } from '../../src/os/passing.ts'

const NO_ROOM = fileURLToPath(new URL('children/noRoom.ts', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
const file = join(directory, 'file')
writeFileSync(file, 'what the descriptor is open on')
test.after.always(() => { rmSync(directory, { recursive: true, force: true }) })

test('a descriptor that was sent is there at once, with its number, and in order', t => {
  const { ours, theirs } = passingPair()
  const fd = openSync(file, 'r')
  t.is(receiveDescriptor(theirs), undefined)
  for (const number of [7, 2 ** 32 - 1, 0]) t.is(sendDescriptor(ours, fd, number), 'sent')
  for (const number of [7, 2 ** 32 - 1, 0]) {
    const received = receiveDescriptor(theirs)
    t.is(received?.number, number)
    t.is(fstatSync(received?.fd ?? -1).ino, fstatSync(fd).ino)
    closeSync(received?.fd ?? -1)
  }
  t.is(receiveDescriptor(theirs), undefined)
  const bytes = Buffer.alloc(8)
  t.is(readSync(fd, bytes, 0, 8, 0), 8, 'it stays open here')
  for (const open of [fd, ours, theirs]) closeSync(open)
})

test('nothing waits for a receiver that takes nothing: after some hundred it is full, and not any more once one was taken', t => {
  const { ours, theirs } = passingPair()
  const fd = openSync(file, 'r')
  let sent = 0
  while (sendDescriptor(ours, fd, sent) === 'sent') sent++
  t.true(sent >= 64, `${sent}`)
  for (let taken = 0; taken < sent; taken++) closeSync(receiveDescriptor(theirs)?.fd ?? -1)
  t.is(sendDescriptor(ours, fd, 0), 'sent')
  for (const open of [fd, ours, theirs]) closeSync(open)
})

test('nothing can be sent back, and a receiver that has gone is told from one that is busy', t => {
  const { ours, theirs } = passingPair()
  t.throws(() => writeSync(theirs, 'back'), { code: 'EPIPE' })
  closeSync(theirs)
  t.is(sendDescriptor(ours, ours, 0), 'gone')
  closeSync(ours)
})

test('a process without room for another descriptor hears which one it lost, and goes on', t => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [NO_ROOM], { encoding: 'utf8' })
  t.is(status, 0, stderr)
  t.deepEqual(JSON.parse(stdout), { lost: { number: 1 }, next: 2 })
})
