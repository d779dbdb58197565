/**
 * Changes that start from the value that is there, one after the other for each row: those of one process need not find out by
 * failing that another came first. What other processes change is still found by the row's version.
 */
export class RowQueue {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Runs work when all that came before for the same row has ended, however it ended. */
  async run<T>(row: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(row)
    const mine = before === undefined ? work() : before.then(work, work)
    this.#last.set(row, mine)
    try {
      return await mine
    } finally {
      if (this.#last.get(row) === mine) this.#last.delete(row)
    }
  }
}
