import type { Expression, OrderByItem, Parameters, SearchExpression } from '../bind/tree.ts'
import { decodeField } from '../bson/decode.ts'
import { bsonType, elementType, firstElement, nextElement, valueOffset } from '../bson/reader.ts'
import type { StructuredType, TypeReference } from '../edm/model.ts'
import type { Value } from '../edm/value.ts'
import { type EvalContext, prepareItemPredicate, prepareItemValue } from './compile.ts'
import { isInstanceOf } from './member.ts'
import { prepareItemSearch } from './search.ts'
import { compareKeys } from './sort-values.ts'

/** Which items of a stored collection are wanted. */
export interface ItemSelection {
  /** of the items, after casts */
  readonly type: TypeReference
  /** as the property declares them */
  readonly declared: TypeReference
  /** items of other types are left out */
  readonly casts: readonly StructuredType[]
  readonly filters: readonly Expression[]
  readonly search: SearchExpression | undefined
  /** none: as they are stored */
  readonly orderby: readonly OrderByItem[]
  readonly skip: number
  readonly top: number | undefined
}

/** The chosen items of one row. */
export interface SelectedItems {
  /** their elements in the row, in order */
  readonly elements: readonly number[]
  /** how many there are before $skip and $top */
  readonly total: number
}

/**
 * Chooses items of a collection of primitive or complex values that stands in a row (U 5.1). Items that are equal in the order keep
 * their places.
 * @returns `(parameters) => (row, at)`; `at` is the element of the array, -1 for none
 * @throws ODataError notImplemented for navigation from inside items
 */
export function prepareItems(
  selection: ItemSelection,
  context: EvalContext,
): (parameters: Parameters) => (row: Uint8Array, at: number) => SelectedItems {
  const { type, declared, casts, orderby, skip, top } = selection
  const tests = selection.filters.map((filter) => prepareItemPredicate(filter, type, context))
  const search = selection.search && prepareItemSearch(selection.search, declared, context)
  const values = orderby.map(({ expression }) => prepareItemValue(expression, type, context))
  const descending = orderby.map((item) => item.descending)
  return (parameters) => {
    const passes = tests.map((test) => test(parameters))
    const keys = values.map((value) => value(parameters))
    const matches = search?.(parameters)
    return (row, at) => {
      const found: { readonly element: number; readonly sorted: readonly Value[] }[] = []
      if (at >= 0 && elementType(row, at) === bsonType.array)
        for (let element = firstElement(row, valueOffset(row, at)); element >= 0; element = nextElement(row, element)) {
          if (matches !== undefined && !matches(row, element)) continue
          const item =
            tests.length + keys.length + casts.length === 0
              ? null
              : decodeField(row, element, declared, -1, context.layout)
          if (!casts.every((cast) => isInstanceOf(item, cast)) || !passes.every((test) => test(item))) continue
          found.push({ element, sorted: keys.map((key) => key(item)) })
        }
      if (keys.length > 0) found.sort((a, b) => compareKeys(a.sorted, b.sorted, descending))
      const end = top === undefined ? undefined : skip + top
      return { elements: found.slice(skip, end).map(({ element }) => element), total: found.length }
    }
  }
}
