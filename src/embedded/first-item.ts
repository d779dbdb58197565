import type { OrderByItem } from '../bind/tree.ts'
import { compareStringField } from '../bson/compare.ts'
import { readMs, readSub } from '../bson/exact.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../bson/layout.ts'
import { bsonType, elementType, findField, readInt32, valueOffset } from '../bson/reader.ts'
import { primitiveOf } from '../edm/types.ts'
import type { PrimitiveValue } from '../edm/value.ts'
import { memberPath } from './index-bounds.ts'

/**
 * The order of a row and a sort value by the first item of an order alone, read from the bytes: most rows that a page sorts
 * away are told by it. Negative: the row comes first. NaN: this cannot tell.
 */
export type FirstItem = (row: Uint8Array, value: PrimitiveValue | null) => number

/** For properties that stand in the row itself and have a usual type; undefined: for others. */
export function firstItemOf(
  layout: ModelLayout,
  collection: CollectionLayout,
  [item]: readonly OrderByItem[],
): FirstItem | undefined {
  const path = item && memberPath(layout, collection, item.expression)
  const type = item?.expression.type?.type
  if (path === undefined || path.includes('.') || !type || item?.expression.type?.collection) return undefined
  const compare = comparison(primitiveOf(type)?.name, path)
  return compare && item?.descending ? (row, value) => -compare(row, value) : compare
}

function comparison(type: string | undefined, field: string): FirstItem | undefined {
  switch (type) {
    case 'Edm.DateTimeOffset':
      return instants(field)
    case 'Edm.String':
      return texts(field)
    case 'Edm.Int32':
      return (row, value) => {
        const at = findField(row, field)
        if (typeof value !== 'number' || at < 0 || elementType(row, at) !== bsonType.int32) return Number.NaN
        return readInt32(row, valueOffset(row, at)) - value
      }
    default:
      return undefined
  }
}

/** Years 1 and 9999: whether an instant there can be read depends on its offset. */
const edges = [Date.parse('0002-01-01T00:00:00Z'), Date.parse('9999-01-01T00:00:00Z')] as const

function instants(field: string): FirstItem {
  const exact = `${field}${fields.exact}`
  return (row, value) => {
    if (value === null || typeof value !== 'object' || !('kind' in value) || value.kind !== 'dateTimeOffset')
      return Number.NaN
    const ms = readMs(row, findField(row, field))
    if (!(ms >= edges[0] && ms < edges[1])) return Number.NaN
    return ms === value.ms ? readSub(row, findField(row, exact)) - value.sub : ms - value.ms
  }
}

function texts(field: string): FirstItem {
  let known: PrimitiveValue | null = null
  let bytes = new Uint8Array(0)
  return (row, value) => {
    if (typeof value !== 'string') return Number.NaN
    if (value !== known) {
      known = value
      bytes = Buffer.from(value, 'utf8')
    }
    return compareStringField(row, findField(row, field), bytes)
  }
}
