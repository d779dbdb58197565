import { compareCodePoints } from '../base/text.ts'
import { isOrdered } from '../csdl/core.ts'
import { compareBinary } from '../edm/binary.ts'
import { compareInstants } from '../edm/datetimeoffset.ts'
import { Decimal } from '../edm/decimal.ts'
import { equalGeo } from '../edm/geo.ts'
import { toDouble } from '../edm/numbers.ts'
import {
  type CollectionValue,
  type DateTimeOffset,
  type Duration,
  type GeoValue,
  isStructuredValue,
  type StructuredValue,
  type Value,
} from '../edm/value.ts'

/** A number of any Edm type: Int64 and wider results are bigints. */
export type NumericValue = number | bigint | Decimal

export function isNumericValue(value: Value): value is NumericValue {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Decimal
}

export function isCollectionValue(value: Value): value is CollectionValue {
  return Array.isArray(value)
}

export function isInstant(value: Value): value is DateTimeOffset {
  return kindOf(value) === 'dateTimeOffset'
}

export function isDuration(value: Value): value is Duration {
  return kindOf(value) === 'duration'
}

export function isGeo(value: Value): value is GeoValue {
  return kindOf(value) === 'geo'
}

type Kind =
  | 'null'
  | 'number'
  | 'string'
  | 'boolean'
  | 'binary'
  | 'collection'
  | 'dateTimeOffset'
  | 'duration'
  | 'geo'
  | 'structured'

/** What a value is at run time; values of two kinds never compare. Guid, Date and TimeOfDay are strings (edm/value.ts). */
export function kindOf(value: Value): Kind {
  if (value === null) return 'null'
  switch (typeof value) {
    case 'string':
      return 'string'
    case 'number':
    case 'bigint':
      return 'number'
    case 'boolean':
      return 'boolean'
  }
  if (value instanceof Decimal) return 'number'
  if (value instanceof Uint8Array) return 'binary'
  if (isCollectionValue(value)) return 'collection'
  return value.kind
}

/**
 * Compares numbers by what they mean, whatever their types; no digit of an Int64 or a Decimal is lost. Only a double with
 * a fraction against a Decimal follows the promotion to Double (URL Conventions 5.1.1.18).
 * @returns negative, zero, positive; undefined where one is NaN.
 */
export function compareNumbers(a: NumericValue, b: NumericValue): number | undefined {
  if (a instanceof Decimal) return b instanceof Decimal ? compareDecimals(a, b) : compareDecimalTo(a, b)
  if (b instanceof Decimal) {
    const result = compareDecimalTo(b, a)
    return result === undefined ? undefined : -result
  }
  // JavaScript compares number and bigint exactly
  return a < b ? -1 : a > b ? 1 : Number.isNaN(a) || Number.isNaN(b) ? undefined : 0
}

function compareDecimals(a: Decimal, b: Decimal): number | undefined {
  return a.special === 'NaN' || b.special === 'NaN' ? undefined : a.compare(b)
}

function compareDecimalTo(a: Decimal, b: number | bigint): number | undefined {
  if (typeof b === 'bigint') return compareDecimals(a, Decimal.fromBigInt(b))
  if (Number.isInteger(b)) return compareDecimals(a, Decimal.fromBigInt(BigInt(b)))
  return compareNumbers(a.toNumber(), b)
}

/**
 * The order behind gt, ge, lt, le.
 * @returns undefined where there is none: null, NaN, values of different kinds, geo, structured values, collections.
 */
export function compareValues(a: Value, b: Value): number | undefined {
  if (typeof a === 'string') return typeof b === 'string' ? compareCodePoints(a, b) : undefined
  if (isNumericValue(a)) return isNumericValue(b) ? compareNumbers(a, b) : undefined
  if (typeof a === 'boolean') return typeof b === 'boolean' ? Number(a) - Number(b) : undefined
  if (a === null || b === null) return undefined
  if (a instanceof Uint8Array) return b instanceof Uint8Array ? compareBinary(a, b) : undefined
  if (isInstant(a)) return isInstant(b) ? compareInstants(a, b) : undefined
  if (isDuration(a)) return isDuration(b) ? (a.ps === b.ps ? 0 : a.ps < b.ps ? -1 : 1) : undefined
  return undefined
}

/**
 * The operator `eq` (URL Conventions 5.1.1.1.1): null equals null only, NaN nothing, collections item by item in their
 * order, complex values of the same type member by member (a missing one is null, collections in them as bags unless Core.Ordered),
 * entities by their key.
 */
export function equalValues(a: Value, b: Value): boolean {
  if (a === null || b === null) return a === b
  if (isCollectionValue(a)) return isCollectionValue(b) && equalSequences(a, b)
  if (isStructuredValue(a)) return isStructuredValue(b) && equalStructured(a, b)
  if (isGeo(a)) return isGeo(b) && equalGeo(a, b)
  return compareValues(a, b) === 0
}

function equalSequences(a: CollectionValue, b: CollectionValue): boolean {
  return a.length === b.length && a.every((item, index) => equalValues(item, b[index] ?? null))
}

function equalStructured(a: StructuredValue, b: StructuredValue): boolean {
  if (a.type.kind === 'entity' && b.type.kind === 'entity' && a.type.key.length > 0) {
    if (a.type.key !== b.type.key && a.type.key.length !== b.type.key.length) return false
    return a.type.key.every((key) => {
      const left = memberAt(a, key.path)
      return left !== null && equalValues(left, memberAt(b, key.path))
    })
  }
  if (a.type !== b.type) return false
  for (const [name, value] of a.members) if (!equalMembers(a, name, value, memberOf(b, name, value))) return false
  for (const [name, value] of b.members)
    if (!a.members.has(name) && !equalValues(memberOf(a, name, value), value)) return false
  return true
}

function equalMembers({ type }: StructuredValue, name: string, a: Value, b: Value): boolean {
  if (!isCollectionValue(a) || !isCollectionValue(b)) return equalValues(a, b)
  const property = type.allProperties.get(name)
  return property !== undefined && isOrdered(property) ? equalSequences(a, b) : equalUnordered(a, b)
}

/** A member; a missing collection is an empty one. */
function memberOf(owner: StructuredValue, name: string, like: Value): Value {
  return owner.members.get(name) ?? (isCollectionValue(like) ? [] : null)
}

/** The value at a path of member names, null where it breaks off. */
export function memberAt(owner: StructuredValue, path: readonly string[]): Value {
  let value: Value = owner
  for (const name of path) {
    if (value === null || !isStructuredValue(value)) return null
    value = value.members.get(name) ?? null
  }
  return value
}

/**
 * A short text that equal values share (different values may too): finds candidates before `equalValues` decides.
 */
function fingerprint(value: Value): string {
  if (value === null) return ''
  if (typeof value === 'string') return `s${value}`
  if (isNumericValue(value)) return `n${toDouble(value) + 0}`
  if (isCollectionValue(value)) return `[${value.length}`
  if (isInstant(value)) return `t${value.ms}`
  if (isDuration(value)) return `d${value.ps}`
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('latin1')}`
  if (isStructuredValue(value)) return `{${structuredFingerprint(value)}`
  return isGeo(value) ? `g${value.shape.type}` : String(value)
}

function structuredFingerprint(value: StructuredValue): string {
  if (value.type.kind === 'entity') return ''
  const parts: string[] = []
  for (const [name, member] of value.members)
    if (member !== null && !isCollectionValue(member) && !isStructuredValue(member))
      parts.push(`${name}:${fingerprint(member)}`)
  return parts.sort().join('\u0000')
}

/** Values to look others up in by `eq`, for lists too long to walk. */
export class ValueBag {
  readonly #buckets = new Map<string, Value[]>()

  constructor(values: Iterable<Value>) {
    for (const value of values) {
      const key = fingerprint(value)
      const bucket = this.#buckets.get(key)
      if (bucket === undefined) this.#buckets.set(key, [value])
      else bucket.push(value)
    }
  }

  /** Whether an equal value is there. */
  has(value: Value): boolean {
    const bucket = this.#buckets.get(fingerprint(value))
    return bucket?.some((other) => equalValues(value, other)) ?? false
  }

  /** Takes one equal value out. @returns whether there was one. */
  take(value: Value): boolean {
    const bucket = this.#buckets.get(fingerprint(value))
    const index = bucket?.findIndex((other) => equalValues(value, other)) ?? -1
    if (bucket === undefined || index < 0) return false
    const last = bucket.pop()
    if (index < bucket.length && last !== undefined) bucket[index] = last
    return true
  }
}

/** `eq` of collections without an order (URL Conventions 5.1.1.1.1): the same items, each as often. */
export function equalUnordered(a: CollectionValue, b: CollectionValue): boolean {
  if (a.length !== b.length) return false
  const bag = new ValueBag(b)
  return a.every((item) => bag.take(item))
}
