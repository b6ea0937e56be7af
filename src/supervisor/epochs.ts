/** Which policy a running host decides by: the epoch it was told last, the one it has said to be in force, and who waits for that. */
export class Epochs {
  #told = -Infinity
  #inForce = -Infinity
  #waiting: Array<{ readonly epoch: number, readonly resolve: () => void }> = []

  /** A host begins with this one; with none where policies do not decide. */
  begin (epoch = -Infinity): void {
    this.#told = epoch
    this.#inForce = epoch
  }

  /** Whether the host is to be told of it: it counts as told from then on. */
  tell (epoch: number): boolean {
    if (epoch <= this.#told) return false
    this.#told = epoch
    return true
  }

  /** This one decides, and those before it no more; Infinity when there is no host that anything could decide in. */
  reach (epoch: number): void {
    this.#inForce = epoch
    const reached = this.#waiting.filter(waiting => waiting.epoch <= epoch)
    this.#waiting = this.#waiting.filter(waiting => waiting.epoch > epoch)
    for (const { resolve } of reached) resolve()
  }

  /** Resolved once no older one decides; `giveUp` resolves it before. */
  reached (epoch: number): { readonly promise: Promise<void>, readonly giveUp: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#inForce >= epoch) resolve()
    else this.#waiting.push({ epoch, resolve })
    return { promise, giveUp: resolve }
  }
}
