import type { CollectionLayout } from '../bson/layout.ts'
import type { Session } from './port.ts'

/**
 * The changes face of a store (Protocol 11.3): which rows of a collection were written to since a moment. What they are now is
 * read like any row; whoever asks finds out which of them are gone.
 */
export interface ChangeFeed {
  /**
   * A position at which everything acknowledged so far has happened already: rows read after this has resolved, and the changes
   * since this position, are together everything there is.
   * @throws ODataError notImplemented where the store keeps no history, storeUnavailable
   */
  now(collection: CollectionLayout, session: Session): Promise<string>
  /** The rows changed since a position, up to the moment at which this was asked first (`until`). @throws as `now` does */
  since(query: ChangeQuery, session: Session): Promise<ChangeOutcome>
}

export interface ChangeQuery {
  readonly collection: CollectionLayout
  /** a position that this store gave for this collection */
  readonly since: string
  /** of a further page: as the outcome of the first one says; undefined: everything acknowledged so far */
  readonly until: string | undefined
  /** of a contained collection: only rows of this owner (its path) */
  readonly owner: string | undefined
  /** rows at the most; at least 1 */
  readonly limit: number
}

export type ChangeOutcome =
  | {
      readonly kind: 'changes'
      /** documents that hold nothing but `_id`, each row once, in the order of their last changes */
      readonly ids: readonly Uint8Array[]
      /** how many there are from `since` to `until`, those of further pages included */
      readonly total: number
      /** behind the last of `ids`: from here the next page goes on, or where there is none, the next delta */
      readonly position: string
      readonly until: string
      readonly more: boolean
    }
  /** what happened since then is no longer known */
  | { readonly kind: 'historyLost' }

/** The changes from one position to another, each row once, as pages are made of them. */
export class ChangedRows {
  /** where each row was last changed, oldest first */
  readonly #last = new Map<string, { readonly id: Uint8Array; readonly position: string }>()

  /** Adds the next change. @param id document that holds nothing but `_id` */
  add(id: Uint8Array, position: string): void {
    const key = Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1')
    // a later change takes the place of an earlier one, also in the order
    this.#last.delete(key)
    this.#last.set(key, { id, position })
  }

  page(limit: number, until: string): ChangeOutcome {
    const rows = [...this.#last.values()].slice(0, limit)
    const more = this.#last.size > limit
    return {
      kind: 'changes',
      ids: rows.map(({ id }) => id),
      total: this.#last.size,
      position: (more ? rows.at(-1)?.position : undefined) ?? until,
      until,
      more,
    }
  }
}
