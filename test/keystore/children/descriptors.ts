/** Names the files under the directory it is given that it was born with open. */
import { readdirSync, readlinkSync } from 'node:fs'

for (const fd of readdirSync('/proc/self/fd')) {
  try {
    const target = readlinkSync(`/proc/self/fd/${fd}`)
    if (target.startsWith(process.argv[2] ?? '')) console.log(target)
  } catch {
    // The descriptor of the listing itself, closed by now.
  }
}
