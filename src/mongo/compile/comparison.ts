import { Decimal128, Long } from 'bson'
import { toDecimal128 } from '../../bson/decimal128.ts'
import { encodeKeyPart, encodeValue } from '../../bson/encode.ts'
import type { ModelLayout } from '../../bson/layout.ts'
import { isObjectIdText } from '../../bson/object-id.ts'
import { Decimal } from '../../edm/decimal.ts'
import type { DateTimeOffset, Value } from '../../edm/value.ts'
import type { ComparisonOperator } from '../../eval/comparison.ts'
import { isInstant, isNumericValue } from '../../eval/values.ts'
import { disjunction, type Filter } from './condition.ts'
import { type Field, mayBeNaN } from './field.ts'

/**
 * Comparisons of one field with one value, as match operators. They are two-valued (URL Conventions 5.1.1.1): gt, ge, lt
 * and le with null or NaN are false. A match operator compares within one type, so that nulls are left out by itself.
 */

const operators = { gt: '$gt', ge: '$gte', lt: '$lt', le: '$lte' } as const
type Inequality = keyof typeof operators

/**
 * The rows whose field compares so with the value.
 * @returns undefined where MongoDB cannot tell exactly
 */
export function compareField(
  field: Field,
  operator: ComparisonOperator,
  value: Value,
  layout: ModelLayout,
): Filter | boolean | undefined {
  if (operator === 'ne') {
    const equal = equalsField(field, value, layout)
    return equal === undefined || typeof equal === 'boolean' ? negated(equal) : negation(equal)
  }
  if (operator === 'eq') return equalsField(field, value, layout)
  if (value === null) return false
  if (field.kind === 'instant') return isInstant(value) ? compareInstant(field, operator, value) : undefined
  // MongoDB compares an ObjectId with none but its like
  if (field.kind === 'objectId' && !(typeof value === 'string' && isObjectIdText(value))) return undefined
  const stored = storedValue(field, value, layout)
  if (stored === undefined) return undefined
  if (isNaNValue(stored)) return false
  return { [field.path]: { [operators[operator]]: stored } }
}

function negated(value: boolean | undefined): boolean | undefined {
  return value === undefined ? undefined : !value
}

/** The complement of a filter, by `$ne` where there is one field only. */
function negation(filter: Filter): Filter {
  const [entry, ...others] = Object.entries(filter)
  if (entry === undefined || others.length > 0) return { $nor: [filter] }
  const [path, condition] = entry
  return path.startsWith('$') || isOperators(condition) ? { $nor: [filter] } : { [path]: { $ne: condition } }
}

function isOperators(condition: unknown): boolean {
  return (
    typeof condition === 'object' &&
    condition !== null &&
    Object.getPrototypeOf(condition) === Object.prototype &&
    Object.keys(condition).some((key) => key.startsWith('$'))
  )
}

function equalsField(field: Field, value: Value, layout: ModelLayout): Filter | boolean | undefined {
  if (value === null) return field.key ? false : { [field.path]: null }
  if (field.kind === 'instant') return isInstant(value) ? equalsInstant(field, value) : undefined
  const stored = storedValue(field, value, layout)
  if (stored === undefined) return undefined
  return isNaNValue(stored) ? false : { [field.path]: stored }
}

/** The rows whose field is one of the values (`in`); null and NaN as `eq` has them. */
export function isOneOf(field: Field, values: readonly Value[], layout: ModelLayout): Filter | boolean | undefined {
  const single: unknown[] = []
  const placed: (Filter | boolean)[] = []
  for (const value of values) {
    const equal = equalsField(field, value, layout)
    if (equal === undefined) return undefined
    if (typeof equal === 'boolean') continue
    const keys = Object.keys(equal)
    if (keys.length === 1 && keys[0] === field.path) single.push(equal[field.path])
    else placed.push(equal)
  }
  if (single.length > 0) placed.unshift({ [field.path]: { $in: single } })
  return disjunction(placed)
}

function equalsInstant(field: Field, value: DateTimeOffset): Filter {
  // no sub stands for 0, and null matches what is missing
  return { [field.path]: new Date(value.ms), [field.subPath]: value.sub === 0 ? null : value.sub }
}

/** Compares the pair (date, picoseconds). One range over the date comes first, so that an index serves. */
function compareInstant(field: Field, operator: Inequality, value: DateTimeOffset): Filter {
  const { path, subPath } = field
  const date = new Date(value.ms)
  const { sub } = value
  switch (operator) {
    case 'gt':
      return { [path]: { $gte: date }, $or: [{ [path]: { $gt: date } }, { [subPath]: { $gt: sub } }] }
    case 'ge':
      if (sub === 0) return { [path]: { $gte: date } }
      return { [path]: { $gte: date }, $or: [{ [path]: { $gt: date } }, { [subPath]: { $gte: sub } }] }
    case 'lt':
      if (sub === 0) return { [path]: { $lt: date } }
      return { [path]: { $lte: date }, $or: [{ [path]: { $lt: date } }, { [subPath]: { $not: { $gte: sub } } }] }
    case 'le':
      return { [path]: { $lte: date }, $or: [{ [path]: { $lt: date } }, { [subPath]: { $not: { $gt: sub } } }] }
  }
}

/** What a value is in BSON, to be compared with what the field holds; undefined where that would not be exact. */
export function storedValue(field: Field, value: Value, layout: ModelLayout): unknown {
  if (value === null) return null
  switch (field.kind) {
    case 'integer':
    case 'decimal':
    case 'floating':
    case 'enum':
      return isNumericValue(value) ? storedNumber(field, value) : undefined
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'keyInstant':
      return isInstant(value) ? encodeKeyPart(field.type.type, value) : undefined
    default:
      return encodeValue(layout, field.type, value).value
  }
}

const int64Limit = 2n ** 63n

function storedNumber(field: Field, value: number | bigint | Decimal): unknown {
  if (typeof value === 'number') {
    // a double with a fraction compares with a Decimal as doubles do, MongoDB compares the exact values
    return field.kind === 'decimal' && Number.isFinite(value) && !Number.isInteger(value) ? undefined : value
  }
  if (typeof value === 'bigint') {
    if (value >= -int64Limit && value < int64Limit) return Long.fromBigInt(value)
    return toDecimal128(Decimal.fromBigInt(value))
  }
  if (field.kind !== 'floating') return toDecimal128(value)
  const double = value.toNumber()
  return Decimal.fromNumber(double).equals(value) ? double : undefined
}

function isNaNValue(stored: unknown): boolean {
  return typeof stored === 'number' ? Number.isNaN(stored) : stored instanceof Decimal128 && stored.toString() === 'NaN'
}

/** Rows whose field comes after the value in the order of the store, its own place left out (paging). */
export function comesAfter(
  field: Field,
  descending: boolean,
  value: Value,
  layout: ModelLayout,
): Filter | boolean | undefined {
  const { path } = field
  if (value === null) return descending ? false : { [path]: { $ne: null } }
  if (isNaNPlace(value)) return descending ? { [path]: null } : { [path]: { $gte: Number.NEGATIVE_INFINITY } }
  const beyond = compareField(field, descending ? 'lt' : 'gt', value, layout)
  if (beyond === undefined || !descending) return beyond
  const lower: (Filter | boolean)[] = [beyond]
  if (mayBeNaN(field)) lower.push({ [path]: Number.NaN })
  if (!field.key) lower.push({ [path]: null })
  return disjunction(lower)
}

/** Rows whose field stands at the place of the value in the order: NaN equals itself here. */
export function atPlace(field: Field, value: Value, layout: ModelLayout): Filter | boolean | undefined {
  if (isNaNPlace(value)) return { [field.path]: Number.NaN }
  return equalsField(field, value, layout)
}

function isNaNPlace(value: Value): boolean {
  return typeof value === 'number' ? Number.isNaN(value) : value instanceof Decimal && value.special === 'NaN'
}
