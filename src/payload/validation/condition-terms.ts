import { primitiveReference } from '../../bind/type-references.ts'
import { constantTypes } from '../../edm/annotations.ts'
import { Decimal } from '../../edm/decimal.ts'
import type { AnnotationExpression, PrimitiveTypeName, TypeReference } from '../../edm/model.ts'
import { convertNumber } from '../../edm/numbers.ts'
import {
  comparePrimitive,
  equalPrimitive,
  isNumeric,
  parsePrimitive,
  primitiveTypeOf,
  promotedType,
} from '../../edm/primitives.ts'
import { primitiveOf } from '../../edm/types.ts'
import { isStructuredValue, type PrimitiveValue, type Value } from '../../edm/value.ts'
import { isCollectionValue } from '../../eval/values.ts'
import { constantOf, constantText } from './constant.ts'

/** A value with its type, as far as it is known: the declared one, else the one that the value shows. */
export interface Known {
  readonly value: Value
  readonly type: TypeReference | undefined
}

/** A value, or a constant of the model: that takes the type of what it meets. */
export type Term = Known | { readonly constant: AnnotationExpression }

/** undefined where it is no constant */
export function constantTerm(constant: AnnotationExpression): Term | undefined {
  return constantText(constant) === undefined ? undefined : { constant }
}

/**
 * A term as a value.
 * @param met type of what a constant meets; undefined, or where it is no value of it: its own
 */
export function known(term: Term, met?: TypeReference): Known {
  if (!('constant' in term)) return term
  const { constant } = term
  const value = met === undefined ? undefined : constantOf(constant, met.type)
  if (value !== undefined && met !== undefined) return { value, type: { ...met, collection: false } }
  // `Age gt 1.5`: the number is none of the property's type
  const name = met !== undefined && isNumber(met) ? 'Edm.Decimal' : constantTypes[constant.kind]
  const own = name && parsePrimitive(name, constantText(constant) ?? '')
  return own === undefined || name === undefined
    ? { value: null, type: undefined }
    : { value: own, type: primitiveReference(name) }
}

function isNumber({ type, collection }: TypeReference): boolean {
  const name = primitiveOf(type)?.name
  return !collection && name !== undefined && isNumeric(name)
}

/** The type that a value shows. */
export function shownType(value: Value): TypeReference | undefined {
  if (value === null || isCollectionValue(value) || isStructuredValue(value)) return undefined
  return primitiveReference(primitiveTypeOf(value))
}

export type Comparison = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'

/** Compares as $filter does (URL Conventions 5.1.1.1). @returns undefined where the types have nothing to compare */
export function compared(operator: Comparison, left: Term, right: Term): boolean | undefined {
  const a = known(left, typeOf(right))
  const b = known(right, typeOf(left))
  // a constant that is no value of any type says nothing
  if (('constant' in left && a.value === null) || ('constant' in right && b.value === null)) return undefined
  if (a.value === null || b.value === null) {
    const equal = a.value === b.value
    return operator === 'eq' ? equal : operator === 'ne' ? !equal : false
  }
  const order = orderOf(a, b)
  if (order === undefined) return undefined
  // NaN compares with nothing
  if (order === 'none') return operator === 'ne'
  switch (operator) {
    case 'eq':
      return order === 0
    case 'ne':
      return order !== 0
    case 'lt':
      return order < 0
    case 'le':
      return order <= 0
    case 'gt':
      return order > 0
    case 'ge':
      return order >= 0
  }
}

export function equalTo(left: Term, right: Term): boolean | undefined {
  return compared('eq', left, right)
}

function typeOf(term: Term): TypeReference | undefined {
  return 'constant' in term ? undefined : term.type
}

function orderOf(a: Known, b: Known): number | 'none' | undefined {
  const [x, y] = [nameOf(a), nameOf(b)]
  if (x === undefined || y === undefined) return undefined
  const type = promotedType(x, y)
  if (type === undefined) return undefined
  const [left, right] = [promoted(type, a.value), promoted(type, b.value)]
  if (left === undefined || right === undefined) return undefined
  if (Number.isNaN(left) || Number.isNaN(right)) return 'none'
  if (equalPrimitive(type, left, right)) return 0
  // what has no order is unequal at least
  return comparePrimitive(type, left, right) || 1
}

/** Enumerations compare by their numbers. */
function nameOf({ type, value }: Known): PrimitiveTypeName | undefined {
  if (type === undefined || type.collection || isCollectionValue(value)) return undefined
  return type.type.kind === 'enum' ? 'Edm.Int64' : primitiveOf(type.type)?.name
}

function promoted(type: PrimitiveTypeName, value: Value): PrimitiveValue | undefined {
  if (!isNumeric(type)) return value as PrimitiveValue
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Decimal
    ? convertNumber(type, value)
    : undefined
}
