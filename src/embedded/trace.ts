import type { Parameters } from '../bind/tree.ts'
import type { RowTest } from '../eval/compile.ts'
import type { Trace } from '../store/trace.ts'
import { type Access, ownerOf } from './access.ts'
import type { IndexUse } from './index-use.ts'

/** Ranges of entries that are told; a list of values may make hundreds. */
const toldRanges = 8

/** A walk over rows, as `explain` tells it. */
export interface ToldWalk {
  readonly access: Access
  /** undefined: rows are met in the order of their keys */
  readonly use: IndexUse | undefined
  /** each row is tested */
  readonly test: RowTest | undefined
  /** rows looked at so far */
  readonly rows: () => number
  /** where the order comes from: entries of the index, keys, sorting; `any`: none is wanted */
  readonly order: 'index' | 'key' | 'sorted' | 'any'
}

export function noteWalk(trace: Trace, { access, use, test, rows, order }: ToldWalk): void {
  trace({
    command: {
      walk: access.collection.layout.name,
      by: use ? 'index' : access.owner === undefined ? 'all keys' : 'keys of one owner',
      ...(use ? indexOf(use) : {}),
      order,
      filter: test ? 'each row is tested' : 'none',
    },
    outcome: async () => ({ rowsWalked: rows() }),
  })
}

function indexOf({ choice, ranges }: IndexUse) {
  const { index, fields, bounds, equal } = choice
  return {
    index: index.name,
    fields: fields.map(({ path, descending }, i) => ({
      path,
      ...(descending ? { descending } : {}),
      entries: i < equal ? 'one value' : i < bounds.length ? 'ranges' : 'all',
    })),
    ranges: ranges.length,
    // keys of lmdb, as hexadecimal digits
    from: ranges.slice(0, toldRanges).map(({ start, end }) => `${hex(start)} .. ${hex(end)}`),
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** One row, by its key. */
export function noteKey(trace: Trace, access: Access, parameters: Parameters, test: RowTest | undefined): void {
  const owner = ownerOf(access, parameters)
  trace({
    command: {
      get: access.collection.layout.name,
      by: 'key',
      key: (access.key ?? []).map((index) => readable(parameters[index] ?? null)),
      ...(owner === undefined ? {} : { owner }),
      filter: test ? 'the row is tested' : 'none',
    },
  })
}

function readable(value: Parameters[number]): unknown {
  if (typeof value === 'object' && value !== null && 'kind' in value) return value
  return typeof value === 'number' || typeof value === 'boolean' ? value : String(value)
}

/** All rows, counted while they were written. */
export function noteCount(trace: Trace, { collection }: Access): void {
  trace({ command: { count: collection.layout.name, by: 'counter' } })
}
