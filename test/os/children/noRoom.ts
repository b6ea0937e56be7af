/** Receives a descriptor when it may have no more, and another when it has made room; prints what it got. */
import { closeSync, openSync } from 'node:fs'
import { passingPair, receiveDescriptor, sendDescriptor } from '../../../src/os/passing.ts'
import { limitResource } from '../../../src/os/process.ts'

const { ours, theirs } = passingPair()
sendDescriptor(ours, 0, 1)
sendDescriptor(ours, 0, 2)
limitResource('descriptors', 64)
const filled: number[] = []
try {
  for (;;) filled.push(openSync('/dev/null', 'r'))
} catch {
  // EMFILE
}
const lost = receiveDescriptor(theirs)
for (const fd of filled) closeSync(fd)
const next = receiveDescriptor(theirs)
console.log(JSON.stringify({ lost, next: next?.fd === undefined ? 'nothing' : next.number }))
