import type { Rows } from '../store/port.ts'
import { RowBatch, type RowSource } from './row-source.ts'
import { pause } from './scan.ts'

/** Looked at before each piece of work. @throws ODataError where the request is over */
export type Guard = () => void

/** The rows of a source in batches, each made when it is asked for. */
export class BatchedRows implements Rows {
  readonly first: readonly Uint8Array[]
  readonly complete: boolean
  readonly batches: AsyncIterable<readonly Uint8Array[]>
  readonly #closed: () => void
  #open: boolean

  private constructor(source: RowSource, guard: () => Guard, first: RowBatch, ended: boolean, closed: () => void) {
    this.first = first.rows
    this.complete = ended
    this.#open = !ended
    this.#closed = closed
    this.batches = this.#iterate(source, guard)
    if (ended) closed()
  }

  /**
   * @param guard gives the guard of one batch
   * @param closed called when nothing more will be read; not where this throws
   */
  static async start(source: RowSource, guard: () => Guard, closed: () => void): Promise<BatchedRows> {
    const { batch, ended } = await nextBatch(source, guard())
    return new BatchedRows(source, guard, batch, ended, closed)
  }

  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    this.#closed()
  }

  async *#iterate(source: RowSource, guard: () => Guard): AsyncGenerator<readonly Uint8Array[]> {
    try {
      if (this.first.length > 0) yield this.first
      while (this.#open) {
        const { batch, ended } = await nextBatch(source, guard())
        if (batch.rows.length > 0) yield batch.rows
        if (ended) return
      }
    } finally {
      await this.close()
    }
  }
}

async function nextBatch(source: RowSource, guard: Guard): Promise<{ batch: RowBatch; ended: boolean }> {
  const batch = new RowBatch()
  for (;;) {
    guard()
    const outcome = source.fill(batch)
    if (outcome !== 'paused') return { batch, ended: outcome === 'ended' }
    await pause()
  }
}
