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
  /**
   * Asks that the rows of some collections be kept as they were before each change, from now on: needed where a row filter
   * decides who may learn that a row is gone. Every process that writes to them has to ask.
   */
  keepImages(collections: readonly CollectionLayout[]): Promise<void>
  /** whether rows of a collection are kept as they were */
  keepsImages(collection: CollectionLayout): boolean
}

export interface ChangeQuery {
  readonly collection: CollectionLayout
  /** a position that this store gave for this collection */
  readonly since: string
  /** whether rows were once in sight is asked; undefined: no matter */
  readonly sight: Sight | undefined
  /** stored fields, the outermost ones, of which it is asked whether a change has touched them */
  readonly fields: readonly string[]
  /** of a further page: as the outcome of the first one says; undefined: everything acknowledged so far */
  readonly until: string | undefined
  /** of a contained collection: only rows of this owner (its path) */
  readonly owner: string | undefined
  /** rows at the most; at least 1 */
  readonly limit: number
}

/** What the caller may have seen: looked at in the rows as they were before each change. */
export interface Sight {
  /** where the delta begins; for a further page before `since` */
  readonly from: string
  readonly test: (row: Uint8Array) => boolean
}

export type ChangeOutcome =
  | {
      readonly kind: 'changes'
      /** each row once, in the order of their last changes */
      readonly rows: readonly ChangedRow[]
      /** how many there are from `since` to `until`, those of further pages included */
      readonly total: number
      /** behind the last of `rows`: from here the next page goes on, or where there is none, the next delta */
      readonly position: string
      /** undefined: where there was too much to look through at once; the next page goes on, to an end of its own */
      readonly until: string | undefined
      readonly more: boolean
    }
  /** what happened since then is no longer known */
  | { readonly kind: 'historyLost' }

export interface ChangedRow {
  /** document that holds nothing but `_id` */
  readonly id: Uint8Array
  /** whether it was in sight before any of the changes, where that was asked for */
  readonly seen: boolean
  /** whether any of the changes may have changed one of the fields that were asked about; a deletion changes all of them */
  readonly touched: boolean
}

interface Change extends ChangedRow {
  /** of the last change */
  readonly position: string
}

/** The changes from one position to another, each row once, as pages are made of them. */
export class ChangedRows {
  /** oldest last change first */
  readonly #rows = new Map<string, Change>()
  /** what pages before have told, up to their end */
  readonly #told = new Set<string>()
  readonly #toldUntil: string | undefined

  /** @param toldUntil position of the last change that pages before have told, where changes before it are added too */
  constructor(toldUntil: string | undefined) {
    this.#toldUntil = toldUntil
  }

  /**
   * Adds the next change.
   * @param id document that holds nothing but `_id`
   * @param change whether the row was in sight before this change, and whether it touched one of the fields asked about
   */
  add(id: Uint8Array, position: string, { seen, touched }: Pick<ChangedRow, 'seen' | 'touched'>): void {
    const key = Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1')
    const earlier = this.#rows.get(key)
    // a later change takes the place of an earlier one, also in the order
    this.#rows.delete(key)
    this.#rows.set(key, {
      id,
      position,
      seen: seen || earlier?.seen === true,
      touched: touched || earlier?.touched === true,
    })
    this.#told.delete(key)
    if (position === this.#toldUntil) for (const each of this.#rows.keys()) this.#told.add(each)
  }

  /**
   * A page where there was too much to look through: what comes behind is for the next one.
   * @param position of the last change added
   */
  cut(limit: number, position: string, until: string): ChangeOutcome {
    const page = this.page(limit, until)
    return page.kind === 'changes'
      ? { ...page, position: page.more ? page.position : position, until: undefined, more: true }
      : page
  }

  page(limit: number, until: string): ChangeOutcome {
    const rows: Change[] = []
    for (const [key, row] of this.#rows) if (!this.#told.has(key)) rows.push(row)
    const page = rows.slice(0, limit)
    const more = rows.length > limit
    return {
      kind: 'changes',
      rows: page,
      total: rows.length,
      position: (more ? page.at(-1)?.position : undefined) ?? until,
      until,
      more,
    }
  }
}
