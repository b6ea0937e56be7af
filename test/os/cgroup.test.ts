/** On a directory that looks like a cgroup: few machines that run tests have one to give away. */
import test from 'ava'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cgroups } from '../../src/os/cgroup.ts'

const root = mkdtempSync(join(tmpdir(), 'p2pd-'))
test.after.always(() => { rmSync(root, { recursive: true, force: true }) })
let count = 0

interface Looks { readonly controllers?: string, readonly procs?: string, readonly children?: readonly string[], readonly suffix?: string }

function cgroup ({ controllers = 'cpuset cpu io memory pids', procs = `${process.pid}\n`, children = [], suffix = '' }: Looks): string {
  const directory = join(root, `${count++}${suffix}`)
  mkdirSync(directory)
  writeFileSync(join(directory, 'cgroup.controllers'), `${controllers}\n`)
  writeFileSync(join(directory, 'cgroup.procs'), procs)
  for (const child of children) mkdirSync(join(directory, child))
  return directory
}

for (const [what, init, why] of [
  ['without controllers', { controllers: '' }, /has not the controllers memory and pids/],
  ['with half of them', { controllers: 'cpu memory' }, /has not the controllers pids/],
  ['that others live in', { procs: `1\n${process.pid}\n` }, /is not p2pd's alone: .*Delegate=yes/],
  ['that others divide', { children: ['session'] }, /is not p2pd's alone/],
  ['of systemd\'s that is not delegated', { suffix: '.service' }, /Delegate=yes/]
] as const) {
  test(`a cgroup ${what} is left as it is, and why is said`, t => {
    const directory = cgroup(init)
    const before = readdirSync(directory)
    const opened = Cgroups.open(directory)
    t.regex('why' in opened ? opened.why : '', why)
    t.deepEqual(readdirSync(directory), before)
  })
}

test('no cgroup at all is said, too', t => {
  const opened = Cgroups.open(join(root, 'nowhere'))
  t.regex('why' in opened ? opened.why : '', /version 2 is not mounted/)
})

test('a cgroup of one\'s own is divided: a leaf for the supervisor, one for each host with its limits; leaves of before go first', t => {
  const directory = cgroup({ children: ['supervisor', 'host-old'] })
  const cgroups = Cgroups.open(directory)
  if (!(cgroups instanceof Cgroups)) {
    t.fail(cgroups.why)
    return
  }
  const text = (file: string): string => readFileSync(join(directory, file), 'utf8')
  t.is(text('supervisor/cgroup.procs'), String(process.pid))
  t.is(text('cgroup.subtree_control'), '+memory +pids +cpu')
  t.is(text('supervisor/cpu.weight'), '1000')
  cgroups.place('chat', 4711, { memoryBytes: 512, tasks: 64 })
  t.is(text('host-chat/memory.max'), '512')
  t.is(text('host-chat/pids.max'), '64')
  t.is(text('host-chat/cgroup.procs'), '4711')
  cgroups.place('chat', 4712, { memoryBytes: 1024, tasks: 64 })
  t.is(text('host-chat/memory.max'), '1024')
  t.deepEqual(readdirSync(directory).filter(name => !name.startsWith('cgroup.')).toSorted(), ['host-chat', 'supervisor'])
})
