/** What waits for its turn, by tenant: each has a turn after the other, so that none waits for all that another wants. */
export class Rota<T> {
  /** Whose turn it is first. */
  readonly #waiting = new Map<string, T[]>()

  get isEmpty (): boolean { return this.#waiting.size === 0 }

  /** How much of this tenant's waits. */
  count (tenant: string): number { return this.#waiting.get(tenant)?.length ?? 0 }

  add (tenant: string, what: T): void {
    const its = this.#waiting.get(tenant)
    if (its === undefined) this.#waiting.set(tenant, [what])
    else its.push(what)
  }

  /** Undefined when nothing waits. */
  next (): { readonly tenant: string, readonly what: T } | undefined {
    const [first] = this.#waiting
    if (first === undefined) return undefined
    const [tenant, its] = first
    const [what] = its.splice(0, 1)
    this.#waiting.delete(tenant)
    if (its.length > 0) this.#waiting.set(tenant, its)
    return what === undefined ? undefined : { tenant, what }
  }

  /** It could not have its turn: it is this tenant's first again. */
  putBack (tenant: string, what: T): void {
    this.#waiting.set(tenant, [what, ...this.#waiting.get(tenant) ?? []])
  }

  /** Everything that waits, and nothing does any more. */
  clear (): T[] {
    const all = [...this.#waiting.values()].flat()
    this.#waiting.clear()
    return all
  }
}
