/**
 * From root to another user, for good: user, group and no further groups.
 *
 * A child starts as root and calls this once all it needs is loaded, because the user may not be able to read this checkout.
 */
export function become (uid: number, gid: number = uid): void {
  process.setgroups?.([])
  process.setgid?.(gid)
  process.setuid?.(uid)
  if (process.geteuid?.() !== uid || process.getegid?.() !== gid) throw new Error(`still uid ${process.geteuid?.()}`)
}
