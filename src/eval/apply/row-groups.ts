import { modelTypeOf } from '../../bind/apply/dynamic.ts'
import type { AggregateItem, Sequence } from '../../bind/apply/tree.ts'
import type { MemberStep, Parameters } from '../../bind/tree.ts'
import { int64Reference } from '../../bind/type-references.ts'
import { decodeField, typeOfDocument } from '../../bson/decode.ts'
import { exactFieldPathOf, fieldPathOf } from '../../bson/field-path.ts'
import type { CollectionLayout, ModelLayout } from '../../bson/layout.ts'
import { bsonType, findPath, readInt32, valueEnd, valueOffset } from '../../bson/reader.ts'
import { Decimal } from '../../edm/decimal.ts'
import type { Property, StructuredType } from '../../edm/model.ts'
import { primitiveOf } from '../../edm/types.ts'
import type { DateTimeOffset, Value } from '../../edm/value.ts'
import type { GroupPlan } from '../../plan/plan.ts'
import { type EvalContext, prepareValue } from '../compile.ts'
import { sortedBy } from '../sort-values.ts'
import { type Accumulator, createAccumulator } from './accumulators.ts'
import { entityInstance, type Instance, transient } from './instance.ts'
import { reach } from './paths.ts'
import { sameness } from './same.ts'

/**
 * A first groupby or aggregate in one pass over the bytes of rows: what `runSequence` makes of the same rows as instances, without
 * making them. Only the fields that are asked for are read, and no row is kept.
 */
export interface RowGroups {
  /** groups so far */
  readonly size: number
  add(row: Uint8Array): void
  /** The groups, in the order of their properties. */
  finish(): readonly Instance[]
}

/**
 * Compiles it, once for a plan.
 * @returns `(parameters, now) => RowGroups`; undefined where derived types declare a property anew: what its bytes mean is then the row's to say.
 *   Binding throws ODataError (400) for constants that make the request fail
 */
export function prepareRowGroups(
  { base, properties, items }: GroupPlan,
  { input }: Sequence,
  layout: ModelLayout,
  collection: CollectionLayout,
): ((parameters: Parameters, now: DateTimeOffset) => RowGroups) | undefined {
  const used = [...(properties ?? []), ...items.flatMap(({ aggregate }) => ownProperty(aggregate) ?? [])]
  if (!used.every((property) => meansTheSame(collection.entityType, property))) return undefined
  const fields = new Map(used.map((property) => [property, fieldOf(layout, collection, property)]))
  const keys = (properties ?? []).map((property) => fieldFrom(fields, property))
  const context = { layout, type: base.source.type, collection }
  const sources = items.map((item) => prepareSource(item, context, fields))
  const make = items.map((item) => accumulatorOf(item))
  const type = modelTypeOf(input.type)
  return (parameters, now) => {
    // aggregates of one property share its value
    const shared = new Map<Field, Source>()
    const bound = sources.map((source) => source?.(parameters, now, shared))
    return new Groups(properties && { properties, keys }, items, bound, make, type, layout)
  }
}

/** The property that an aggregate is of, where it is one of the row itself. */
function ownProperty(aggregate: AggregateItem['aggregate']): Property | undefined {
  const steps = aggregate.kind === 'values' && aggregate.operand?.kind === 'path' ? aggregate.operand.path.steps : []
  const [step] = steps
  return steps.length === 1 && step?.kind === 'property' ? step.property : undefined
}

function meansTheSame(declared: StructuredType, property: Property): boolean {
  const own = declared.allProperties.get(property.name)
  const derived: readonly StructuredType[] = declared.derivedTypes
  if (own !== undefined && own !== property) return false
  return derived.every((type) => {
    const found = type.allProperties.get(property.name)
    return found === undefined || found === property
  })
}

/** One property of the rows. */
interface Field {
  readonly property: Property
  readonly path: readonly string[]
  /** undefined: it has no digits that a BSON date cannot hold */
  readonly exactPath: readonly string[] | undefined
  readonly small: boolean
}

function fieldOf(layout: ModelLayout, collection: CollectionLayout, property: Property): Field {
  const name = primitiveOf(property.type.type)?.name
  return {
    property,
    path: fieldPathOf(layout, collection, [property]),
    exactPath: name === 'Edm.DateTimeOffset' ? exactFieldPathOf(layout, collection, [property]) : undefined,
    small: name === 'Edm.Int32',
  }
}

function fieldFrom(fields: ReadonlyMap<Property, Field>, property: Property): Field {
  const field = fields.get(property)
  if (field === undefined) throw new Error(`invariant: no field of ${property.name}`)
  return field
}

function decode({ property, exactPath, small }: Field, row: Uint8Array, at: number, layout: ModelLayout): Value {
  if (at < 0) return property.type.collection ? [] : null
  if (small && row[at] === bsonType.int32) return readInt32(row, valueOffset(row, at))
  return decodeField(row, at, property.type, exactPath === undefined ? -1 : findPath(row, exactPath), layout)
}

/** Gives what a row adds to an aggregate. Every row is an object of its own. */
type Source = (row: Uint8Array) => Value

type RowContext = EvalContext & { readonly collection: CollectionLayout }

/** @returns undefined for a count of the instances themselves */
function prepareSource(
  { aggregate }: AggregateItem,
  context: RowContext,
  fields: ReadonlyMap<Property, Field>,
): ((parameters: Parameters, now: DateTimeOffset, shared: Map<Field, Source>) => Source) | undefined {
  const operand = aggregate.kind === 'values' ? aggregate.operand : undefined
  if (operand === undefined) return undefined
  if (operand.kind === 'expression') {
    const prepare = prepareValue(operand.expression, context)
    return (parameters, now) => prepare(parameters, { now })
  }
  const property = ownProperty(aggregate)
  if (property === undefined) return () => (row) => valueAt(row, operand.path.steps, context)
  const field = fieldFrom(fields, property)
  return (_parameters, _now, shared) => {
    const source =
      shared.get(field) ?? remembering((row) => decode(field, row, findPath(row, field.path), context.layout))
    shared.set(field, source)
    return source
  }
}

function remembering(source: Source): Source {
  let last: Uint8Array | undefined
  let value: Value = null
  return (row) => {
    if (row === last) return value
    last = row
    value = source(row)
    return value
  }
}

/** The value at a path through complex properties. */
function valueAt(row: Uint8Array, steps: readonly MemberStep[], { layout, collection }: RowContext): Value {
  const type = typeOfDocument(row, 0, layout.structured(collection.entityType))
  const entity = { row, type, collection, id: '', origin: undefined, related: new Map(), decoded: new Map() }
  return reach([entityInstance(layout, entity)], steps)[0] ?? null
}

function accumulatorOf({ aggregate }: AggregateItem): () => Accumulator {
  if (aggregate.kind !== 'values') throw new Error('invariant: a group plan has aggregates of values')
  const { method, operandType } = aggregate
  return () => createAccumulator(method, operandType)
}

interface Group {
  readonly own: ReadonlyMap<string, Value>
  readonly accumulators: readonly Accumulator[]
}

interface Keys {
  readonly properties: readonly Property[]
  readonly keys: readonly Field[]
}

class Groups implements RowGroups {
  readonly #by: Keys | undefined
  readonly #items: readonly AggregateItem[]
  readonly #sources: readonly (Source | undefined)[]
  readonly #make: readonly (() => Accumulator)[]
  readonly #type: StructuredType
  readonly #layout: ModelLayout
  /** by what the values are; equal values may be written in several ways */
  readonly #groups = new Map<string, Group>()
  readonly #written = new ByteMap<Group>()

  constructor(
    by: Keys | undefined,
    items: readonly AggregateItem[],
    sources: readonly (Source | undefined)[],
    make: readonly (() => Accumulator)[],
    type: StructuredType,
    layout: ModelLayout,
  ) {
    this.#by = by
    this.#items = items
    this.#sources = sources
    this.#make = make
    this.#type = type
    this.#layout = layout
    if (by === undefined) this.#groups.set('', this.#createGroup(new Map()))
  }

  get size(): number {
    return this.#groups.size
  }

  add(row: Uint8Array): void {
    const { accumulators } = this.#groupOf(row)
    for (let i = 0; i < accumulators.length; i++) {
      const source = this.#sources[i]
      // an instance is no null, and nothing else is asked of it
      const value = source === undefined ? true : source(row)
      if (value !== null) accumulators[i]?.add(value)
    }
  }

  finish(): readonly Instance[] {
    const names = this.#by?.properties.map(({ name }) => name) ?? []
    const groups = sortedBy([...this.#groups.values()], ({ own }) => names.map((name) => own.get(name) ?? null))
    return groups.map(({ own, accumulators }) => {
      const all = new Map<string, Value>()
      for (const [i, { alias, aggregate }] of this.#items.entries()) {
        const value = accumulators[i]?.result() ?? null
        const whole = aggregate.kind === 'values' && aggregate.method === 'count' && aggregate.type === int64Reference
        all.set(alias, whole && value instanceof Decimal ? (value.toBigInt() ?? null) : value)
      }
      for (const [name, value] of own) all.set(name, value)
      return transient(this.#type, all)
    })
  }

  #groupOf(row: Uint8Array): Group {
    const by = this.#by
    if (by === undefined) return this.#group('', () => new Map())
    const written = this.#written
    written.start()
    for (const { path, exactPath } of by.keys) {
      written.push(row, findPath(row, path))
      if (exactPath !== undefined) written.push(row, findPath(row, exactPath))
    }
    return written.get() ?? written.set(this.#groupOfValues(row, by))
  }

  #groupOfValues(row: Uint8Array, { keys }: Keys): Group {
    const own = new Map<string, Value>()
    for (const field of keys) own.set(field.property.name, decode(field, row, findPath(row, field.path), this.#layout))
    return this.#group(sameness(transient(this.#type, own)), () => own)
  }

  #group(key: string, own: () => ReadonlyMap<string, Value>): Group {
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = this.#createGroup(own())
      this.#groups.set(key, group)
    }
    return group
  }

  #createGroup(own: ReadonlyMap<string, Value>): Group {
    return { own, accumulators: this.#make.map((make) => make()) }
  }
}

/** Places of the table in front of the map. */
const places = 256

/**
 * Values by the bytes of some elements, their names left out: type and value of each say where it ends. A small table in front spares
 * most rows the making of a string.
 */
class ByteMap<T> {
  readonly #map = new Map<string, T>()
  readonly #recent: ({ readonly bytes: Uint8Array; readonly value: T } | undefined)[] = Array(places).fill(undefined)
  #bytes = Buffer.allocUnsafe(64)
  #length = 0

  start(): void {
    this.#length = 0
  }

  /** @param at an element, or -1: there is none */
  push(row: Uint8Array, at: number): void {
    const type = at < 0 ? 0 : (row[at] as number)
    const from = at < 0 ? 0 : valueOffset(row, at)
    const size = at < 0 ? 0 : Math.max(valueEnd(row, type, from) - from, 0)
    if (this.#length + size + 1 > this.#bytes.length) this.#grow(size + 1)
    const bytes = this.#bytes
    let to = this.#length
    bytes[to++] = type
    if (size < 32) for (let i = from; i < from + size; i++) bytes[to++] = row[i] as number
    else bytes.set(row.subarray(from, from + size), to)
    this.#length += size + 1
  }

  get(): T | undefined {
    const recent = this.#recent[this.#place()]
    if (recent !== undefined && this.#isWritten(recent.bytes)) return recent.value
    const value = this.#map.get(this.#text())
    if (value !== undefined) this.#remember(value)
    return value
  }

  set(value: T): T {
    this.#map.set(this.#text(), value)
    this.#remember(value)
    return value
  }

  #grow(by: number): void {
    const more = Buffer.allocUnsafe((this.#length + by) * 2)
    more.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = more
  }

  #text(): string {
    return this.#bytes.toString('latin1', 0, this.#length)
  }

  #remember(value: T): void {
    const place = this.#place()
    const bytes = Uint8Array.prototype.slice.call(this.#bytes, 0, this.#length)
    this.#recent[place] = { bytes, value }
  }

  /** Where the bytes may stand: at worst everything stands in one place, and the map is asked. */
  #place(): number {
    let hash = this.#length
    for (let i = 0; i < this.#length; i++) hash = (Math.imul(hash, 31) + (this.#bytes[i] as number)) | 0
    return (hash ^ (hash >>> 8) ^ (hash >>> 16)) & (places - 1)
  }

  #isWritten(bytes: Uint8Array): boolean {
    if (bytes.length !== this.#length) return false
    for (let i = 0; i < bytes.length; i++) if (bytes[i] !== this.#bytes[i]) return false
    return true
  }
}
