/**
 * The ways to misbehave, and how each is begun and ended.
 *
 * Most are a program of the tenant that misbehaves (load/misbehave.go); where a host itself hangs or dies, signals do that,
 * because no tenant should be able to.
 */
import { Conversation } from '../conversation.ts'
import { loadCommand } from '../load.ts'
import { last, makeSessionLast } from './priority.ts'
import { NEIGHBOURS, ROGUE, type Scene } from './scene.ts'

/** What an attack says it has done, by name. */
export type Deeds = Record<string, number>

/** One that goes on. */
export interface Attack {
  /** The process whose CPU time is the attacker's own. */
  readonly pid: number
  /** Ends it, and says what it did; the same again when it is called again. */
  stop: () => Promise<Deeds>
}

export interface Mode {
  readonly name: string
  readonly title: string
  /** Not p2pd's doing: shown to compare with, and not judged. */
  readonly calibration?: boolean
  /** Prepares it. What is given begins it. */
  readonly prepare: (scene: Scene) => Promise<() => Attack>
}

export async function beginAttack (scene: Scene, mode: Mode): Promise<Attack> {
  const { pid, stop } = (await mode.prepare(scene))()
  let stopped: Promise<Deeds> | undefined
  return { pid, stop: async () => await (stopped ??= stop()) }
}

/** How often the host of a crash loop is looked for. */
const CRASH_LOOK_MS = 50

async function program (scene: Scene, mode: string, { accomplice = scene.accomplice, busy = false } = {}): Promise<() => Attack> {
  const { frontDesk: front, dir } = scene
  const line = loadCommand('misbehave', { mode, a: scene.socket(ROGUE), b: accomplice, front, dir, within: '10m' })
  const talk = new Conversation(busy ? line : last(line), { ownSession: true })
  if (!busy) makeSessionLast(talk.pid)
  await talk.next()
  return () => {
    talk.say('begin')
    return {
      pid: talk.pid,
      async stop () {
        talk.end()
        const deeds = await talk.next<Deeds>()
        await talk[Symbol.asyncDispose]()
        return deeds
      }
    }
  }
}

const ofProgram = (name: string, title: string): Mode => ({ name, title, prepare: async scene => await program(scene, name) })

export const modes: readonly Mode[] = [
  { name: 'busy', title: 'a busy program, no tenant', calibration: true, prepare: async scene => await program(scene, 'busy', { busy: true }) },
  ofProgram('requests', 'request flood'),
  ofProgram('opens', 'open flood'),
  { name: 'neighbour', title: 'open flood at a neighbour', prepare: async scene => await program(scene, 'neighbour', { accomplice: scene.socket(NEIGHBOURS[0] ?? '') }) },
  ofProgram('halves', 'half frames'),
  ofProgram('unread', 'not reading'),
  {
    name: 'blocked',
    title: 'blocked loop',
    async prepare (scene) {
      const begin = await program(scene, 'poke')
      return () => {
        const asking = begin()
        const host = scene.rogueHost
        if (host !== undefined) process.kill(host, 'SIGSTOP')
        return {
          pid: asking.pid,
          async stop () {
            // A host that does not answer may have been killed meanwhile.
            if (host !== undefined && scene.rogueHost === host) process.kill(host, 'SIGCONT')
            return { stopped: host === undefined ? 0 : 1, ...await asking.stop() }
          }
        }
      }
    }
  },
  {
    name: 'crash',
    title: 'crash loop',
    async prepare (scene) {
      await scene.restartRogue()
      const begin = await program(scene, 'poke')
      return () => {
        const asking = begin()
        let crashes = 0
        const timer = setInterval(() => {
          const host = scene.rogueHost
          if (host === undefined) return
          process.kill(host, 'SIGKILL')
          crashes++
        }, CRASH_LOOK_MS)
        return {
          pid: asking.pid,
          async stop () {
            clearInterval(timer)
            const deeds = await asking.stop()
            await scene.restartRogue()
            return { crashes, ...deeds }
          }
        }
      }
    }
  },
  ofProgram('descriptors', 'descriptors'),
  ofProgram('hang', 'handler that hangs')
]
