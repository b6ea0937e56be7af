/** A terminal without anybody at it: what a program takes for one on stdin or stdout. */
import { closeSync, openSync } from 'node:fs'
import koffi from 'koffi'

const libc = koffi.load(null)
const posixOpenpt = libc.func('int posix_openpt(int flags)')
const grantpt = libc.func('int grantpt(int fd)')
const unlockpt = libc.func('int unlockpt(int fd)')
const ptsname = libc.func('const char *ptsname(int fd)')

const O_RDWR_NOCTTY = 0o402

/** The descriptor of the program's side. */
export function openTerminal (): { fd: number } & Disposable {
  const master = posixOpenpt(O_RDWR_NOCTTY) as number
  if (master < 0 || grantpt(master) !== 0 || unlockpt(master) !== 0) throw new Error('no pseudo-terminal could be made')
  const fd = openSync(ptsname(master) as string, O_RDWR_NOCTTY)
  return {
    fd,
    [Symbol.dispose] () {
      closeSync(fd)
      closeSync(master)
    }
  }
}
