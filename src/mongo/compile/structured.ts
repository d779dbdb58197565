import type { Expression, MemberExpression, MemberStep } from '../../bind/tree.ts'
import { fieldPathOf } from '../../bson/field-path.ts'
import { fields } from '../../bson/layout.ts'
import type { TypeReference } from '../../edm/model.ts'
import { isStructured } from '../../edm/types.ts'
import { type CollectionValue, isStructuredValue, type StructuredValue, type Value } from '../../edm/value.ts'
import { isOrdered } from '../../eval/comparison.ts'
import { equalValues, isCollectionValue } from '../../eval/values.ts'
import { compareField, storedValue } from './comparison.ts'
import { type Condition, conjunction, type Filter, type Placement, unsure } from './condition.ts'
import type { Constant } from './constant.ts'
import { type Field, fieldOf, kindOf, propertiesOf, type QueryContext } from './field.ts'

/**
 * Equality of a complex property, or of a collection of primitive values, with a value that no row tells (URL Conventions
 * 5.1.1.1.1). MongoDB compares documents by the order of their fields and arrays by the order of their items, so it is asked
 * member by member and item by item. What that leaves open is a wider filter.
 */

/** A complex property or a collection of the row or of the item of a lambda, and where it stands. */
interface Place {
  readonly expression: MemberExpression
  readonly type: TypeReference
  /** dotted path; empty: the item itself */
  readonly path: string
  readonly ordered: boolean
}

/** `expression eq value`; undefined: the expression is no such property. */
export function equalsStructured(
  expression: Expression,
  constant: Constant | undefined,
  context: QueryContext,
): Condition | undefined {
  const place = constant && placeOf(expression, context)
  if (constant === undefined || place === undefined) return undefined
  return (placement) => {
    const value = constant(placement)
    if (isStructuredValue(value)) return equalsComplex(place, value, context, placement)
    if (isCollectionValue(value)) return equalsCollection(place, value, context, placement)
    return unsure(placement)
  }
}

function placeOf(expression: Expression, context: QueryContext): Place | undefined {
  if (expression.kind !== 'member' || expression.variable !== (context.item?.variable ?? '$it')) return undefined
  // a key within a complex property stands elsewhere
  if (context.item === undefined && context.collection.key.parts.some(({ names }) => names.length > 1)) return undefined
  const properties = propertiesOf(expression.steps, context.item?.type.type ?? context.type)
  const last = properties?.at(-1)
  const type = last?.type ?? context.item?.type
  if (properties === undefined || type === undefined) return undefined
  if (type.collection ? kindOf({ ...type, collection: false }) === undefined : !isStructured(type.type))
    return undefined
  const path = fieldPathOf(context.layout, context.item ? undefined : context.collection, properties).join('.')
  return { expression, type, path, ordered: isOrdered(expression) }
}

function equalsComplex(
  place: Place,
  value: StructuredValue,
  context: QueryContext,
  placement: Placement,
): Filter | boolean {
  const declared = place.type.type
  if (place.type.collection || !isStructured(declared)) return false
  const parts: (Filter | boolean)[] = []
  if (place.path !== '') parts.push({ [place.path]: { $type: 'object' } })
  const typeField = place.path === '' ? fields.type : `${place.path}.${fields.type}`
  const unnamed = value.type === context.layout.structured(declared).withoutType
  if (!unnamed) parts.push({ [typeField]: value.type.name })
  else if (declared.derivedTypes.length > 0) parts.push({ [typeField]: { $in: [null, value.type.name] } })
  if (value.type.open) placement.exact = false
  for (const property of value.type.allProperties.values()) {
    const member = value.members.get(property.name) ?? null
    const steps: readonly MemberStep[] = [...place.expression.steps, { kind: 'property', property }]
    const expression: MemberExpression = { ...place.expression, steps, type: property.type }
    const field = fieldOf(expression, context)
    const equal = field && compareField(field, 'eq', member, context.layout)
    const inner = equal === undefined && isStructuredValue(member) ? placeOf(expression, context) : undefined
    if (equal !== undefined) parts.push(equal)
    else if (inner !== undefined && isStructuredValue(member))
      parts.push(equalsComplex(inner, member, context, placement))
    else placement.exact = false
  }
  return conjunction(parts)
}

function equalsCollection(
  { type, path, ordered }: Place,
  value: CollectionValue,
  context: QueryContext,
  placement: Placement,
): Filter | boolean {
  if (!type.collection || path === '') return unsure(placement)
  if (value.length === 0) return { [`${path}.0`]: { $exists: false } }
  const item = { ...type, collection: false }
  const kind = kindOf(item)
  const sized: Filter = { [path]: { $size: value.length } }
  if (kind === undefined || kind === 'instant' || value.length > mostItems) {
    placement.exact = false
    return sized
  }
  const field: Field = { path, subPath: '', kind, type: item, key: false }
  const stored = value.map((one) => storedValue(field, one, context.layout))
  if (value.some(isNaNValue)) return false
  if (stored.includes(undefined)) {
    placement.exact = false
    return sized
  }
  // as many items, and each of them: the same ones, where none comes twice
  const distinct = value.every((one, i) => !value.slice(0, i).some((other) => equalValues(one, other)))
  if (value.length > 1 && (ordered || !distinct)) placement.exact = false
  return { [path]: { $size: value.length, $all: stored } }
}

/** Longer lists are compared by `eval/` alone. */
const mostItems = 100

/** NaN equals nothing. */
function isNaNValue(value: Value): boolean {
  return value !== null && !equalValues(value, value)
}
