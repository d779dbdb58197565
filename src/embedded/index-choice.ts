import { isDeepStrictEqual } from 'node:util'
import { invariant } from '../base/assert.ts'
import type { Expression, OrderByItem, Parameters } from '../bind/tree.ts'
import type { CollectionLayout, IndexLayout, ModelLayout } from '../bson/layout.ts'
import { type Bound, boundsOf, bytesOfPlace, intervalsOf, memberPath } from './index-bounds.ts'
import { entryForm, type IndexedField, indexedFields, type StoredIndex } from './index-catalog.ts'
import { orderedTypes } from './index-values.ts'
import type { KeyRange } from './key.ts'
import { type KeyOrder, keyOrderOf } from './key-order.ts'

/** An index that helps to find rows, or to meet them in order. */
export interface IndexChoice {
  readonly index: IndexLayout
  readonly fields: readonly IndexedField[]
  /** of the first fields, what their values are: `eq` for all but the last, which may be anything */
  readonly bounds: readonly Bound[]
  /** how many first fields equal one value each */
  readonly equal: number
  readonly order: IndexOrder | undefined
}

/** How the entries of an index stand to the order of a plan. */
export interface IndexOrder {
  /** entries are met from the last to the first */
  readonly reverse: boolean
  /** items of the order that are fields of the index, behind the equal ones */
  readonly items: number
  /** the order behind those items is that of keys, and that is what entries end with; undefined: rows of equal values are sorted */
  readonly key: KeyOrder | undefined
}

/** The indexes of a collection that help with a plan, the best one first. */
export function chooseIndexes(
  layout: ModelLayout,
  collection: CollectionLayout,
  conditions: readonly Expression[],
  orderby: readonly OrderByItem[],
): readonly IndexChoice[] {
  if (collection.indexes.length === 0) return []
  const bounds = boundsOf(layout, collection, conditions)
  const items = orderby.map(({ expression, descending }) => ({
    path: memberPath(layout, collection, expression),
    descending,
  }))
  const choices = collection.indexes.flatMap((index): IndexChoice[] => {
    const fields = indexedFields(index)
    const own: Bound[] = []
    for (const { path, type } of fields) {
      const bound = type === null ? undefined : bounds.get(path)
      if (!bound) break
      own.push(bound)
      if (!isPoints(bound)) break
    }
    const equal = own.findIndex((bound) => !isPoint(bound))
    const choice = { index, fields, bounds: own, equal: equal < 0 ? own.length : equal }
    const order = orderOf(collection, choice, items, orderby)
    return own.length > 0 || order ? [{ ...choice, order }] : []
  })
  return choices.sort((a, b) => rank(b) - rank(a))
}

function rank({ index, fields, bounds, equal, order }: IndexChoice): number {
  const one = index.unique && equal === fields.length ? 10_000 : 0
  return one + equal * 100 + (bounds.length > equal ? 40 : 0) + (order ? 50 : 0)
}

function isPoint(bound: Bound): boolean {
  return bound.kind === 'compare' && bound.operator === 'eq'
}

/** A list of values. */
function isPoints(bound: Bound): boolean {
  return isPoint(bound) || (bound.kind === 'any' && bound.bounds.every(isPoints))
}

function orderOf(
  collection: CollectionLayout,
  { fields, equal }: Pick<IndexChoice, 'fields' | 'equal'>,
  wanted: readonly { readonly path: string | undefined; readonly descending: boolean }[],
  orderby: readonly OrderByItem[],
): IndexOrder | undefined {
  let items = 0
  let reverse: boolean | undefined
  for (const { path, descending } of wanted) {
    const field = fields[equal + items]
    if (!field || field.path !== path || field.type === null || !orderedTypes.has(field.type)) break
    const against = field.descending !== descending
    if (reverse !== undefined && reverse !== against) break
    reverse = against
    items++
  }
  const all = equal + items === fields.length
  const key = all ? keyOrderOf(orderby.slice(items), collection) : undefined
  if (items === 0 && !(key && equal > 0)) return undefined
  return { reverse: reverse ?? key?.descending ?? false, items, key }
}

/** What the entries begin with whose first values equal those that a choice asks for. */
export function baseOfChoice(choice: IndexChoice, index: StoredIndex, parameters: Parameters): Uint8Array {
  const [range] = rangesOfChoice({ ...choice, bounds: choice.bounds.slice(0, choice.equal) }, index, parameters)
  invariant(range, 'single values make one range')
  return range.start
}

/** Prefixes that lists of values may make. */
const maxPrefixes = 256

/** The entries of an index that lead to all rows that a request may want, in the order of entries. */
export function rangesOfChoice(choice: IndexChoice, index: StoredIndex, parameters: Parameters): readonly KeyRange[] {
  const number = Buffer.alloc(4)
  number.writeUInt32BE(index.number)
  let prefixes: readonly Uint8Array[] = [number]
  for (const [i, bound] of choice.bounds.entries()) {
    const field = choice.fields[i]
    if (!field) break
    const intervals = intervalsOf(bound, field, parameters)
    const more = i + 1 < choice.bounds.length
    const points = intervals.every(({ point }) => point)
    if (!more || !points || prefixes.length * intervals.length > maxPrefixes)
      return prefixes.flatMap((prefix) =>
        intervals.map(({ from, to }) => ({
          start: Buffer.concat([prefix, bytesOfPlace(from)]),
          end: Buffer.concat([prefix, bytesOfPlace(to)]),
        })),
      )
    prefixes = prefixes.flatMap((prefix) => intervals.map(({ from }) => Buffer.concat([prefix, from.bytes])))
  }
  return prefixes.map((prefix) => ({ start: prefix, end: Buffer.concat([prefix, Uint8Array.of(0xff, 0xff)]) }))
}

/** Whether the folder has the entries of a choice, all of them, in the form that is expected. */
export function isUsable({ index, fields }: IndexChoice, stored: StoredIndex): boolean {
  return (
    stored.name === index.name &&
    stored.state !== 'building' &&
    stored.form === entryForm &&
    isDeepStrictEqual(stored.fields, fields)
  )
}
