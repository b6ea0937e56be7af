/**
 * A logger that says nothing, for libp2p.
 *
 * The library's own makes a scoped logger for every stream and asks the terminal for its colours each time, a system call.
 * What operators should know is logged where it is decided, in our words; for the library's own traces there is the stock
 * logger, with DEBUG set as its documentation says.
 */
import type { ComponentLogger, Logger } from '@libp2p/interface'

const silent: Logger = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  enabled: false,
  newScope: () => silent
})

export const quietLogger: ComponentLogger = { forComponent: () => silent }
