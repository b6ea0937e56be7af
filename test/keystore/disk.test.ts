import test, { type ExecutionContext } from 'ava'
import { z } from 'zod'
import { makeWorld, outputOf, settingsIn, withKeystore } from './world.ts'

const identity = z.object({ name: z.string(), id: z.string(), peerId: z.string() })
const Report = z.object({
  before: identity, refused: z.array(z.string()), meanwhile: z.array(z.unknown()).optional(), after: z.array(identity), list: z.array(identity)
})

/** Plays the scene in a child of its own, then opens what it left: everything acknowledged is there. */
async function play (t: ExecutionContext, scene: string): Promise<z.infer<typeof Report> & { stateDir: string }> {
  const settings = settingsIn(await makeWorld(t))
  const report = Report.parse(JSON.parse(await outputOf('disk.ts', scene, settings.stateDir)))
  await withKeystore(settings, async keystore => {
    t.deepEqual((await keystore.list()).map(info => identity.parse(info)), report.list)
    for (const { name, id, peerId } of [report.before, ...report.after]) t.like(await keystore.identity(name), { id, peerId, name })
  })
  return { ...report, stateDir: settings.stateDir }
}

test('a disk that refuses takes no identity away, and later calls work', async t => {
  const { stateDir, refused, before, meanwhile, after } = await play(t, 'full')
  t.is(refused.length, 103)
  for (const fault of refused) t.regex(fault, /^ERR_SYSTEM .*: cannot be written.*: file too large$/i)
  // Before the database is touched at all.
  t.is(refused[0], `ERR_SYSTEM ${stateDir}/identities.json: cannot be written: file too large`)
  t.like(meanwhile, [before, [{ name: 'kept', peerId: before.peerId }], true])
  t.is(after[2]?.id, before.id)
})

test('what is written after a record that was torn by the disk is not lost with it', async t => {
  const { refused, before, meanwhile, list } = await play(t, 'torn')
  t.is(refused.length, 2)
  for (const fault of refused) t.regex(fault, /^ERR_SYSTEM /)
  t.like(meanwhile, [before, [{ name: 'kept' }], true])
  t.deepEqual(list.map(({ name }) => name), ['kept', 'new-0', 'new-1'])
})

test('an identity whose witness could not be written is not handed out before it is', async t => {
  const { stateDir, refused, list } = await play(t, 'witness')
  for (const fault of refused) t.is(fault, `ERR_SYSTEM ${stateDir}/identities.json: cannot be written: file too large`)
  t.is(list.length, 62)
})
