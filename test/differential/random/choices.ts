/** Seeded random choices: the same seed gives the same models, data and requests on every machine. */
export class Choices {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** @returns a number of [0, 1) (mulberry32) */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  /** a whole number of [least, most] */
  int(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** @param share of one */
  chance(share: number): boolean {
    return this.next() < share
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  /** one of the second members, by the weights before them */
  weighted<T>(items: readonly (readonly [weight: number, item: T])[]): T {
    let rest = this.next() * items.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, item] of items) {
      rest -= weight
      if (rest < 0) return item
    }
    const last = items.at(-1)
    if (last === undefined) throw new Error('nothing to pick from')
    return last[1]
  }

  /** up to `most` of the items, each once */
  some<T>(items: readonly T[], most: number, least = 0): T[] {
    const rest = [...items]
    const found: T[] = []
    for (let left = this.int(least, Math.min(most, items.length)); left > 0; left--)
      found.push(...rest.splice(Math.floor(this.next() * rest.length), 1))
    return found
  }
}
