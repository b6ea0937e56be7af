/** Moments as people read them: the time, and how far it is from now. */

const UNITS = [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]] as const

/** `2026-11-28 13:00:00 UTC, in 59 min`; rounded down, so that it is never later than it says. */
export function until (seconds: number, nowMs: number): string {
  const time = new Date(seconds * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC')
  const left = Math.floor(seconds - nowMs / 1000)
  return `${time}, ${left > 0 ? `in ${span(left)}` : 'over'}`
}

/** In the largest unit, and below ten of it in the next one too: `1 h 59 min`, `59 min`. */
function span (seconds: number): string {
  const at = UNITS.findIndex(([, unit]) => seconds >= unit)
  const [[name, unit] = ['s', 1] as const, next] = UNITS.slice(Math.max(at, 0))
  const count = Math.floor(seconds / unit)
  const rest = next === undefined || count >= 10 ? 0 : Math.floor(seconds % unit / next[1])
  return `${count} ${name}${rest === 0 ? '' : ` ${rest} ${next?.[0]}`}`
}
