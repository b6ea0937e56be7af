/** The end of one direction is not the end of the other. */
import { createHash, randomBytes } from 'node:crypto'
import { endsInSilence, type Suite } from '../suite.ts'

/** Of a megabyte nobody wants to see where it differs. */
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const DIRECTIONS = [['opener', 'handler'], ['handler', 'opener']] as const

export function halfClose ({ differs }: Suite): void {
  for (const [asking, answering] of DIRECTIONS) {
    differs('no-half-close', {
      ours: [[`the ${asking} ends its writing, and the ${answering}'s answer still comes`, async (t, scene) => {
        const stream = await scene.stream()
        await stream[asking].write('question')
        stream[asking].end()
        t.is(String(await stream[answering].readToEnd()), 'question')
        const answer = randomBytes(512 * 1024)
        await stream[answering].write(answer)
        stream[answering].end()
        t.is(sha256(await stream[asking].readToEnd()), sha256(answer))
      }]],
      theirs: [[`when the ${asking} ends its writing, the ${answering}'s answer is lost`, async (t, scene) => {
        const stream = await scene.stream()
        await stream[asking].write('question')
        stream[asking].end()
        t.is(String(await stream[answering].readToEnd()), 'question')
        await stream[answering].write('answer').catch(() => {})
        await endsInSilence(t, stream[asking])
      }]]
    })

    differs('a-close-may-lose-the-last-bytes', {
      ours: [[`all that the ${asking} wrote comes before the end of its writing`, async (t, scene) => {
        const stream = await scene.stream()
        const bytes = randomBytes(1024 * 1024)
        await stream[asking].write(bytes)
        stream[asking].end()
        t.is(sha256(await stream[answering].readToEnd()), sha256(bytes))
      }]],
      theirs: [[`what the ${asking} wrote before the end of its writing comes in its order, and may be cut short`, async (t, scene) => {
        const stream = await scene.stream()
        const bytes = randomBytes(1024 * 1024)
        await stream[asking].write(bytes)
        stream[asking].end()
        const arrived = await stream[answering].readToEnd()
        t.is(sha256(arrived), sha256(bytes.subarray(0, arrived.length)))
      }]]
    })
  }
}
