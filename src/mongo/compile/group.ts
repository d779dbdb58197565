import type { Document } from 'mongodb'
import type { Aggregate, AggregateItem } from '../../bind/apply/tree.ts'
import type { Expression, Parameters } from '../../bind/tree.ts'
import { decodeField } from '../../bson/decode.ts'
import { fields, type ModelLayout } from '../../bson/layout.ts'
import { bsonType, elementType, findPath, valueOffset } from '../../bson/reader.ts'
import { Decimal } from '../../edm/decimal.ts'
import type { Property, TypeReference } from '../../edm/model.ts'
import type { DateTimeOffset, Value } from '../../edm/value.ts'
import { type SumSpace, spaceOf } from '../../eval/apply/methods.ts'
import type { GroupPlan } from '../../plan/plan.ts'
import type { GroupedValues } from '../../store/port.ts'
import type { Filter, Placement } from './condition.ts'
import type { QueryContext } from './field.ts'
import { exprValue } from './native/expression.ts'
import { type Term, type TermKind, whole } from './native/term.ts'

/**
 * Groups and aggregates as a pipeline (decision 13): only where the result has the digits that `eval/apply` gives, whatever the order in which the
 * server meets the rows. What depends on the stored values is checked in the pipeline itself: a group that fails makes all of it void.
 */
export interface CompiledGroup {
  /**
   * The pipeline behind `$match`.
   * @param most groups
   * @param manner `plain`: fields are taken as they are, which the server does in half the time; `checked`: by their types
   * @returns undefined where constants of the request cannot be said exactly
   */
  place(
    filter: Filter,
    parameters: Parameters,
    now: DateTimeOffset,
    most: number,
    manner: Manner,
  ): readonly Document[] | undefined
  /** The values of one result of such a pipeline; undefined: they are not exact. What is plain may be exact once it is checked. */
  read(row: Uint8Array, manner: Manner): GroupedValues | undefined
  /** The one group of no rows, where all rows are one group. */
  readonly ofNothing: GroupedValues | undefined
}

export type Manner = 'plain' | 'checked'

/** Kinds of which the server's equality is that of `eval/`, and whose equal values are written alike. */
const groupable: ReadonlySet<TermKind> = new Set([
  'integer',
  'text',
  'boolean',
  'date',
  'time',
  'guid',
  'enum',
  'duration',
])
/** Kinds of which the server has the order, and whose equal values are written alike; of doubles 0 is looked at. */
const comparable: ReadonlySet<TermKind> = new Set([...groupable, 'double', 'single'])

const digits = 6
/** Decimals that are multiples of 10^-6 and add up, signs left out, to less have no more than 34 digits on the way. */
const mostExact = 1e27

/** @returns undefined where a property or an aggregate is nothing that MongoDB does exactly */
export function compileGroup({ properties, items }: GroupPlan, context: QueryContext): CompiledGroup | undefined {
  const { collection, layout } = context
  if (collection.sharedWrites || collection.key.parts.length === 0) return undefined
  const keys = (properties ?? []).map((property) => keyOf(property, context))
  const columns = items.map((item, i) => columnOf(item, i, context))
  if (!keys.every((key) => key !== undefined) || !columns.every((column) => column !== undefined)) return undefined
  const distinct = columns.flatMap(({ counted }) => counted ?? [])
  return {
    place: (filter, parameters, now, most, manner) => {
      const placement: Placement = { parameters, now, exact: true }
      const id = properties === undefined ? null : groupId(keys, placement, manner)
      const accumulators = columns.flatMap(({ accumulate }) => Object.entries(accumulate(placement, manner)))
      if (!placement.exact) return undefined
      return [
        { $match: filter },
        { $group: { _id: id, ...Object.fromEntries(accumulators) } },
        ...(distinct.length === 0 ? [] : [{ $addFields: Object.fromEntries(distinct.map(countedSet)) }]),
        ...(properties === undefined ? [] : [{ $limit: most }]),
      ]
    },
    read: (row, manner) => {
      const values = keys.map((key, i) => keyAt(row, keys.length === 1 ? ['_id'] : ['_id', `g${i}`], key, layout))
      const aggregates = columns.map(({ read }) => read(row, layout, manner))
      return areValues(values) && areValues(aggregates) ? { properties: values, aggregates } : undefined
    },
    ofNothing:
      properties === undefined ? { properties: [], aggregates: columns.map(({ ofNothing }) => ofNothing) } : undefined,
  }
}

function areValues(values: readonly (Value | undefined)[]): values is readonly Value[] {
  return !values.includes(undefined)
}

const countedSet = (name: string): [string, unknown] => [name, { $size: { $setDifference: [`$${name}`, [null]] } }]

interface Key {
  readonly property: Property
  readonly term: Term
}

/** One key as it is, several in a document, in which what is absent would not be null. */
function groupId(keys: readonly Key[], placement: Placement, manner: Manner): unknown {
  const one = keys.length === 1
  const parts = keys.map(({ term }) => {
    const own = term.parts(placement)
    if (manner === 'checked' || !isPath(own.value)) return whole(own)
    return one ? own.value : { $ifNull: [own.value, null] }
  })
  return one ? parts[0] : Object.fromEntries(parts.map((value, i) => [`g${i}`, value]))
}

const isPath = (value: unknown): value is string => typeof value === 'string' && value.startsWith('$')

const numbers: readonly number[] = [bsonType.int32, bsonType.int64, bsonType.double, bsonType.decimal128]
const texts: readonly number[] = [bsonType.string]
/** What the values of a kind are stored as; within one of these lists the server's equality is that of `eval/`. */
const storedAs: Readonly<Partial<Record<TermKind, readonly number[]>>> = {
  integer: numbers,
  enum: numbers,
  duration: numbers,
  double: numbers,
  single: numbers,
  text: [bsonType.string, bsonType.symbol],
  date: texts,
  time: texts,
  boolean: [bsonType.boolean],
  guid: [bsonType.binary],
}

function isStoredAs(row: Uint8Array, at: number, kind: TermKind): boolean {
  return storedAs[kind]?.includes(elementType(row, at)) === true
}

/** A key of a group; undefined: what is stored wrongly makes a group of its own, and belongs to that of null. */
function keyAt(
  row: Uint8Array,
  path: readonly string[],
  { property, term }: Key,
  layout: ModelLayout,
): Value | undefined {
  const at = findPath(row, path)
  if (at < 0 || elementType(row, at) === bsonType.null) return null
  return isStoredAs(row, at, term.kind) ? (decodeField(row, at, property.type, -1, layout) ?? undefined) : undefined
}

function keyOf(property: Property, context: QueryContext): Key | undefined {
  const term = exprValue(memberOf([property], property.type), context)
  return term !== undefined && groupable.has(term.kind) ? { property, term } : undefined
}

function memberOf(properties: readonly Property[], type: TypeReference): Expression {
  return {
    kind: 'member',
    variable: '$it',
    steps: properties.map((property) => ({ kind: 'property', property })),
    type,
  }
}

/** One aggregate. */
interface Column {
  readonly accumulate: (placement: Placement, manner: Manner) => Document
  /** a set whose size is wanted */
  readonly counted?: string
  /** undefined: not exact */
  readonly read: (row: Uint8Array, layout: ModelLayout, manner: Manner) => Value | undefined
  readonly ofNothing: Value
}

function columnOf({ aggregate }: AggregateItem, index: number, context: QueryContext): Column | undefined {
  if (aggregate.kind !== 'values') return undefined
  const name = `a${index}`
  const { method, operand, operandType } = aggregate
  if (operand === undefined) {
    return { accumulate: () => ({ [name]: { $sum: 1 } }), read: countAt(name), ofNothing: count(0n) }
  }
  const term = operandTerm(operand, context)
  if (term === undefined || term.kind === 'null' || operandType === undefined) return undefined
  // calculated decimals have the same value as in eval/, but not always the same digits: 86400.0 and 86400
  if (operand.kind === 'expression' && term.kind === 'decimal' && method !== 'count' && method !== 'countdistinct')
    return undefined
  const value = (placement: Placement): unknown => whole(term.parts(placement))
  switch (method) {
    case 'count':
      return { accumulate: (at) => ({ [name]: counter(value(at)) }), read: countAt(name), ofNothing: count(0n) }
    case 'countdistinct':
      return {
        accumulate: (at) => ({ [name]: { $addToSet: value(at) } }),
        counted: name,
        read: countAt(name),
        ofNothing: count(0n),
      }
    case 'min':
    case 'max':
      if (!comparable.has(term.kind) && term.kind !== 'decimal') return undefined
      return operand.kind === 'path' && comparable.has(term.kind)
        ? extremeOfPath(name, method, term, operandType)
        : extreme(name, method, term.kind, value, operandType)
    case 'sum':
    case 'average':
      return operand.kind === 'path' && term.kind === 'integer' && term.bound <= narrow
        ? narrowSum(name, method, term, spaceOf(operandType))
        : sum(name, method, term, value, spaceOf(operandType))
  }
}

type Operand = NonNullable<Extract<Aggregate, { kind: 'values' }>['operand']>

function operandTerm(operand: Operand, context: QueryContext): Term | undefined {
  if (operand.kind === 'expression') return exprValue(operand.expression, context)
  const { steps, type } = operand.path
  const properties = steps.flatMap((step) => (step.kind === 'property' ? [step.property] : []))
  if (type === undefined || properties.length !== steps.length) return undefined
  return exprValue(memberOf(properties, type), context)
}

const count = (value: bigint): Value => Decimal.fromBigInt(value)
const counter = (value: unknown): Document => ({ $sum: { $cond: [{ $eq: [value, null] }, 0, 1] } })

/** Counts are Decimals of scale 0. */
function countAt(name: string): Column['read'] {
  return (row, layout) => {
    const found = integerAt(row, name, layout)
    return found === undefined ? undefined : count(found)
  }
}

/** Values of no greater magnitude the server adds up exactly as they are, whatever the number of rows. */
const narrow = 2 ** 31

/**
 * Sums of Int32 and less: `$sum` passes over what is no number. In a plain pipeline the values of a sum are not counted: 0 may be the sum of none.
 */
function narrowSum(name: string, method: 'sum' | 'average', term: Term, space: SumSpace): Column {
  const many = `${name}n`
  return {
    accumulate: (at, manner) => {
      const { value } = term.parts(at)
      const sum = { [name]: { $sum: value } }
      return method === 'sum' && manner === 'plain'
        ? sum
        : { ...sum, [many]: { $sum: { $cond: [{ $isNumber: value }, 1, 0] } } }
    },
    read: (row, layout, manner) => {
      const total = integerAt(row, name, layout)
      if (total === undefined) return undefined
      if (method === 'sum' && manner === 'plain') return total === 0n ? undefined : inSpace(total, space)
      const values = integerAt(row, many, layout)
      if (values === undefined) return undefined
      if (values === 0n) return null
      if (method === 'sum') return inSpace(total, space)
      return Decimal.fromBigInt(total).divide(Decimal.fromBigInt(values)) ?? null
    },
    ofNothing: null,
  }
}

const inSpace = (total: bigint, space: SumSpace): Value => (space === 'integer' ? total : Decimal.fromBigInt(total))

const integerType = (name: 'Edm.Int64' | 'Edm.Decimal', layout: ModelLayout): TypeReference => {
  const type = layout.scalarNamed(name)
  if (type === undefined) throw new Error(`invariant: there is ${name}`)
  return { type, collection: false, nullable: true, facets: {} }
}

function integerAt(row: Uint8Array, name: string, layout: ModelLayout): bigint | undefined {
  const value = decodeField(row, findPath(row, [name]), integerType('Edm.Int64', layout), -1, layout)
  return typeof value === 'bigint' ? value : typeof value === 'number' ? BigInt(value) : undefined
}

/** Whatever is no value of the kind stands before or behind all of them, so a plain pipeline that meets it may give it. */
function extremeOfPath(name: string, method: 'min' | 'max', term: Term, type: TypeReference): Column {
  const { accumulate, read } = extreme(name, method, term.kind, (at) => whole(term.parts(at)), type)
  return {
    accumulate: (at, manner) => {
      const { value } = term.parts(at)
      return manner === 'plain' && isPath(value) ? { [name]: { [`$${method}`]: value } } : accumulate(at, manner)
    },
    read: (row, layout, manner) => {
      const at = findPath(row, [name])
      if (manner === 'checked' || at < 0 || elementType(row, at) === bsonType.null) return read(row, layout, manner)
      return isStoredAs(row, at, term.kind) ? (read(row, layout, manner) ?? undefined) : undefined
    },
    ofNothing: null,
  }
}

function extreme(
  name: string,
  method: 'min' | 'max',
  kind: TermKind,
  value: (placement: Placement) => unknown,
  type: TypeReference,
): Column {
  const read =
    (path: readonly string[]): Column['read'] =>
    (row, layout) => {
      const found = decodeField(row, findPath(row, path), type, -1, layout)
      // equal values that are written differently: 0 and -0; NaN is the smallest there, and not when it is negated
      if (typeof found === 'number' && found === 0 && (kind === 'double' || kind === 'single')) return undefined
      return found instanceof Decimal && !found.isFinite ? undefined : found
    }
  if (comparable.has(kind))
    return { accumulate: (at) => ({ [name]: { [`$${method}`]: value(at) } }), read: read([name]), ofNothing: null }
  // 1.5 and 1.50 are equal: the one of the first row counts
  return {
    accumulate: (at) => {
      const own = value(at)
      const by = method === 'min' ? own : { $multiply: [own, -1] }
      return { [name]: { $min: { $cond: [{ $eq: [own, null] }, null, { by, key: `$${fields.id}`, value: own }] } } }
    },
    read: read([name, 'value']),
    ofNothing: null,
  }
}

function sum(
  name: string,
  method: 'sum' | 'average',
  { kind }: Term,
  value: (placement: Placement) => unknown,
  space: SumSpace,
): Column | undefined {
  if (space === 'double' || (kind !== 'integer' && kind !== 'decimal')) return undefined
  const [many, size, fine] = [`${name}n`, `${name}s`, `${name}f`]
  const outcome = (total: Decimal, values: bigint): Value => {
    if (values === 0n) return null
    if (method === 'average') return total.divide(Decimal.fromBigInt(values)) ?? null
    return space === 'integer' ? (total.toBigInt() ?? null) : total
  }
  return {
    accumulate: (at) => {
      const own = value(at)
      if (kind === 'integer') return { [name]: { $sum: { $toDecimal: own } }, [many]: counter(own) }
      return {
        [name]: { $sum: own },
        [many]: counter(own),
        [size]: { $sum: { $abs: own } },
        [fine]: { $min: { $eq: [own, { $round: [own, digits] }] } },
      }
    },
    read: (row, layout) => {
      const decimal = integerType('Edm.Decimal', layout)
      const total = decodeField(row, findPath(row, [name]), decimal, -1, layout) ?? Decimal.zero
      const values = integerAt(row, many, layout)
      if (values === undefined || !(total instanceof Decimal) || !total.isFinite) return undefined
      if (kind === 'integer') {
        const whole = total.toBigInt()
        return whole === undefined ? undefined : outcome(Decimal.fromBigInt(whole), values)
      }
      const magnitude = decodeField(row, findPath(row, [size]), decimal, -1, layout) ?? Decimal.zero
      if (!(magnitude instanceof Decimal) || !(magnitude.toNumber() < mostExact)) return undefined
      const at = findPath(row, [fine])
      return at >= 0 && row[valueOffset(row, at)] === 1 ? outcome(total, values) : undefined
    },
    ofNothing: null,
  }
}
