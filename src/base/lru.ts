/**
 * A map of bounded size: what was not used for a long time goes first. Two generations instead of one order: an entry that is found is
 * not moved, so that a hit costs one look-up; when the young generation is full it becomes the old one, and what is left of the old one goes.
 */
export class LruMap<K, V> {
  #young = new Map<K, V>()
  #old = new Map<K, V>()
  readonly #half: number

  /** @param limit how many entries it holds at the most; half of them, the last used ones, it holds for certain */
  constructor(limit: number) {
    this.#half = Math.max(1, Math.floor(limit / 2))
  }

  get(key: K): V | undefined {
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const older = this.#old.get(key)
    if (older !== undefined) this.set(key, older)
    return older
  }

  set(key: K, value: V): void {
    this.#young.set(key, value)
    if (this.#young.size <= this.#half) return
    this.#old = this.#young
    this.#young = new Map([[key, value]])
    this.#old.delete(key)
  }
}
