/**
 * A child that does what its parent says, as the user in its first argument: one message an order, one message what came
 * of it. See ../actor.ts for the parent's end. Ends with its parent.
 */
import { become } from '../../children/become.ts'

/** Call it when everything is loaded: the user may not be able to read this checkout. */
export function obey (act: (order: never) => Promise<unknown>): void {
  become(Number(process.argv[2]))
  process.on('disconnect', () => { process.exit(0) })
  process.on('message', ({ number, order }: { number: number, order: never }) => {
    act(order).then(
      result => { process.send?.({ number, result: result ?? null }) },
      (error: unknown) => { process.send?.({ number, error: error instanceof Error ? error.message : String(error) }) }
    )
  })
  process.send?.({ number: 0, result: null })
}
