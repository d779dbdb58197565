import type { Parameters } from '../bind/tree.ts'
import { typeOfDocument } from '../bson/decode.ts'
import { bsonType, elementType } from '../bson/reader.ts'
import type { StructuredType } from '../edm/model.ts'
import { isSubtypeOf } from '../edm/types.ts'
import type { CollectionValue, PrimitiveValue } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { prepareValue } from '../eval/compile.ts'
import { prepareOrder } from '../eval/order.ts'
import { memberPlace } from '../payload/member-place.ts'
import type { Expansion, ReadPlan, Source } from '../plan/plan.ts'
import type { Rows } from '../store/port.ts'
import { type Core, collectionOf, contextOf } from './core.ts'
import type { Exchange } from './exchange.ts'
import { itemReader } from './expand-items.ts'
import { matcherOf } from './expand-match.ts'
import { type HopReader, hopReader } from './hops.ts'
import type { MadeRows } from './made-rows.ts'
import { virtualSingleton } from './singleton.ts'

/** Which entities rows are related to: read for many rows together where the store is far away, else for one after the other. */

/** Rows of one read for many parents: beyond it each parent is asked for on its own. */
export const mostRows = 10_000
/** Parents of one read. */
const mostParents = 200

/** What holds for all levels of one answer. */
export interface Answer {
  readonly core: Core
  /** of the outermost rows */
  readonly source: Source
  readonly exchange: Exchange
  /** of the request, those of hops included */
  readonly parameters: Parameters
  /** entities of one parent's collection at the most (Preference maxpagesize is about each collection, Protocol 8.2.8.5) */
  readonly pageSize: number
  readonly reading: Reading
  /** what the request has made itself */
  readonly made?: MadeRows | undefined
}

/** How the rows of a plan are read. */
export interface Reading {
  /** @param limit rows at the most, behind what the plan skips */
  list(
    core: Core,
    exchange: Exchange,
    plan: ReadPlan,
    parameters: Parameters,
    limit: number,
  ): Promise<readonly Uint8Array[]>
  count(core: Core, exchange: Exchange, plan: ReadPlan, parameters: Parameters): Promise<number>
}

/** By the controller, as it stands: of plans whose filter and order do not follow navigation. */
export const plainly: Reading = {
  async list(core, exchange, plan, parameters, limit) {
    const { controller, context } = contextOf(core, exchange, plan, parameters, { limit })
    return readAll(await controller.list(context), limit)
  },
  async count(core, exchange, plan, parameters) {
    const { controller, context } = contextOf(core, exchange, plan, parameters)
    return controller.count(context)
  },
}

/** Of rows that are known, without a read. */
function among(made: MadeRows): Reading {
  return {
    list: async (_core, _exchange, plan, parameters, limit) => made.list(plan, parameters, limit),
    count: async (_core, _exchange, plan, parameters) => made.count(plan, parameters),
  }
}

/** Whose entities are read. */
export interface Parents {
  readonly rows: readonly Uint8Array[]
  /** for each the row of the request's own resource that it was reached from */
  readonly outermost: readonly Uint8Array[]
  /** of items of collections: where they are in their rows */
  readonly starts?: readonly number[]
}

/** A parent row, and what it gives to find its entities; undefined: nothing is related. */
export interface Parent {
  readonly row: Uint8Array
  readonly values: Parameters | undefined
}

const readers = new WeakMap<Expansion, HopReader>()

/**
 * All the entities that a navigation property of some rows leads to, without limit.
 * @throws ODataError urlLimitExceeded where one row has more than can be looked at
 */
export async function relatedEntities(
  core: Core,
  exchange: Exchange,
  source: Source,
  expansion: Expansion,
  parameters: Parameters,
  rows: readonly Uint8Array[],
): Promise<ReadonlyMap<Uint8Array, readonly Uint8Array[]>> {
  const answer: Answer = { core, exchange, source, parameters, pageSize: mostRows, reading: plainly }
  const parents = parentsOf(answer, source, expansion, { rows, outermost: rows })
  const lists = await listsOf(answer, expansion, parents, mostRows + 1)
  const found = new Map<Uint8Array, readonly Uint8Array[]>()
  for (const [parent, list] of lists) {
    if (list.rows.length > mostRows)
      throw new ODataError(
        'urlLimitExceeded',
        `${expansion.item.property.name} leads to more than ${mostRows} entities (limit relatedRows).`,
        { target: '$filter' },
      )
    found.set(parent.row, list.rows)
  }
  return found
}

/** For each row what it gives; undefined where it has no such property. */
export function parentsOf(
  answer: Answer,
  source: Source,
  expansion: Expansion,
  { rows, outermost, starts }: Parents,
): readonly (Parent | undefined)[] {
  const { core, parameters } = answer
  const outer = outerReader(answer, expansion)
  const parentOf = (row: Uint8Array, i: number, values: Parameters | undefined): Parent => ({
    row,
    values: values && outer ? [...values, ...outer(outermost[i] ?? row)] : values,
  })
  if (starts !== undefined) {
    const reader = itemReader(core, source, expansion)
    return rows.map((row, i) => parentOf(row, i, reader(row, starts[i] ?? -1, parameters)))
  }
  let read = readers.get(expansion)
  if (read === undefined) {
    read = hopReader(core.layout, source, expansion.values)
    readers.set(expansion, read)
  }
  const reader = read
  const has = applicability(answer, source, expansion)
  return rows.map((row, i) => (has(row) ? parentOf(row, i, reader(row, parameters)) : undefined))
}

/** Reads from the outermost row what nested options look at of it. */
function outerReader({ core, source, parameters }: Answer, { outer }: Expansion) {
  if (outer.length === 0) return undefined
  const context = { layout: core.layout, collection: collectionOf(core.layout, source.root), type: source.type }
  const values = outer.map((expression) => prepareValue(expression, context)(parameters))
  // structured values are refused when the request is planned (plan/of-row.ts)
  return (row: Uint8Array) => values.map((value) => value(row) as PrimitiveValue | CollectionValue | null)
}

/** @param limit rows of each parent at the most */
export function listsOf(
  answer: Answer,
  expansion: Expansion,
  parents: readonly (Parent | undefined)[],
  limit: number,
): Promise<ReadonlyMap<Parent, Found>> {
  const asking = parents.filter((parent): parent is Parent => parent?.values !== undefined)
  const { core, made } = answer
  const rows = asking.map(({ row }) => row)
  const known = made?.has(expansion, rows) ? { ...answer, reading: among(made) } : undefined
  const batch = (known || core.store.capabilities.remote) && expansion.many !== undefined && asking.length > 1
  return batch
    ? together(known ?? answer, expansion, asking, limit)
    : oneByOne(known ?? answer, expansion, asking, limit)
}

/** Whether a row can have the property: it, or a cast before it, may be of a derived type. */
function applicability({ core }: Answer, source: Source, { item }: Expansion): (row: Uint8Array) => boolean {
  if (item.path.some(({ kind }) => kind === 'property')) {
    const owner = { type: source.type, collection: collectionOf(core.layout, source.root) }
    const place = memberPlace(item.path, core.layout, owner)
    return (row) => {
      const { at } = place(row)
      return at >= 0 && elementType(row, at) === bsonType.document
    }
  }
  const declaring = item.property.declaringType
  const needed: StructuredType[] = declaring.kind === 'entity' ? [declaring] : []
  for (const step of item.path) if (step.kind === 'cast') needed.push(step.type)
  const declared = collectionOf(core.layout, source.root).entityType
  if (needed.every((type) => isSubtypeOf(declared, type))) return () => true
  const layout = core.layout.structured(declared)
  return (row) => {
    const type = typeOfDocument(row, 0, layout)
    return needed.every((wanted) => isSubtypeOf(type, wanted))
  }
}

/** Entities of one parent, in order, without $skip's. */
export interface Found {
  readonly rows: readonly Uint8Array[]
  /** before $skip and $top */
  readonly total: number | undefined
}

/** Rows wanted of a parent: one more than are written tells whether there are more. */
export function limitOf({ item }: Expansion, pageSize: number): number {
  const { property, query, as } = item
  if (!property.collection) return 1
  if (as === 'count') return 0
  return query.top !== undefined && query.top <= pageSize ? query.top : pageSize + 1
}

export function isCounted({ item }: Expansion): boolean {
  return item.query.count || item.as === 'count'
}

async function oneByOne(
  { core, exchange, parameters, reading }: Answer,
  expansion: Expansion,
  parents: readonly Parent[],
  limit: number,
): Promise<ReadonlyMap<Parent, Found>> {
  const { one, keyed } = expansion
  const found = new Map<Parent, Found>()
  const read = async (parent: Parent): Promise<void> => {
    const all = [...parameters, ...(parent.values ?? [])]
    if (keyed) {
      const { controller, context } = contextOf(core, exchange, one, all, { limit })
      const row = (await controller.read(context)) ?? virtualSingleton(core, one.source)
      found.set(parent, { rows: row === undefined ? [] : [row], total: undefined })
      return
    }
    const [rows, total] = await Promise.all([
      limit === 0 ? [] : reading.list(core, exchange, one, all, limit),
      isCounted(expansion) ? reading.count(core, exchange, one, all) : undefined,
    ])
    found.set(parent, { rows, total })
  }
  // reads by key that start together go as one
  if (keyed) await Promise.all(parents.map(read))
  else for (const parent of parents) await read(parent)
  return found
}

/** The rows that a store found, `most` and a batch of them at the most. */
export async function readAll(rows: Rows, most: number): Promise<readonly Uint8Array[]> {
  if (rows.complete) return rows.first
  const all: Uint8Array[] = []
  for await (const batch of rows.batches) {
    for (const row of batch) all.push(row)
    if (all.length >= most) break
  }
  return all
}

async function together(
  answer: Answer,
  expansion: Expansion,
  parents: readonly Parent[],
  limit: number,
): Promise<ReadonlyMap<Parent, Found>> {
  const found = new Map<Parent, Found>()
  for (let start = 0; start < parents.length; start += mostParents) {
    const some = parents.slice(start, start + mostParents)
    for (const [parent, rows] of await chunk(answer, expansion, some, limit)) found.set(parent, rows)
  }
  return found
}

async function chunk(
  answer: Answer,
  expansion: Expansion,
  parents: readonly Parent[],
  limit: number,
): Promise<ReadonlyMap<Parent, Found>> {
  const { core, exchange, parameters, reading } = answer
  const { many, orderby, item, type } = expansion
  if (many === undefined) return oneByOne(answer, expansion, parents, limit)
  const collection = collectionOf(core.layout, many.plan.source.root)
  const matcher = matcherOf(core.layout, collection, type, many.matching, parameters)
  const list = new Map(parents.flatMap(({ values }) => matcher.asked(values ?? [])))
  if (list.size === 0) return new Map(parents.map((parent) => [parent, { rows: [], total: 0 }]))
  const rows = await reading.list(core, exchange, many.plan, [...parameters, [...list.values()]], mostRows + 1)
  if (rows.length > mostRows) return oneByOne(answer, expansion, parents, limit)
  const order = prepareOrder(orderby, { layout: core.layout, collection, type })(parameters)
  const sorted = rows
    .map((row) => ({ row, keyset: order.keyset(row) }))
    .sort((a, b) => order.compare(a.keyset, b.keyset))
  const byToken = new Map<string, Uint8Array[]>()
  for (const { row } of sorted) {
    const token = matcher.token(row)
    const same = byToken.get(token)
    if (same) same.push(row)
    else byToken.set(token, [row])
  }
  const skip = item.query.skip ?? 0
  return new Map(
    parents.map((parent) => {
      const own = matcher.collect(parent.values ?? [], byToken, sorted)
      return [parent, { rows: own.slice(skip, skip + limit), total: own.length }]
    }),
  )
}
