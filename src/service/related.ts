import type { Expression, MemberStep, Parameters } from '../bind/tree.ts'
import { decodeField } from '../bson/decode.ts'
import { fieldPathOf } from '../bson/field-path.ts'
import type { CollectionLayout } from '../bson/layout.ts'
import { bsonType, elementType, findPath, valueOffset } from '../bson/reader.ts'
import type { NavigationProperty } from '../edm/model.ts'
import { isStructuredValue, type PrimitiveValue } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { type EvalContext, prepareEntities, preparePredicate, prepareValue, type RowTest } from '../eval/compile.ts'
import { takeResults } from '../eval/invocation.ts'
import { prepareOrder } from '../eval/order.ts'
import { selectRows } from '../eval/select.ts'
import { isCollectionValue } from '../eval/values.ts'
import type { CountPlan, ReadPlan, RelatedQuery, RelationNode, SemiJoin, Source } from '../plan/plan.ts'
import type { Keyset, Rows } from '../store/port.ts'
import { rowsInMemory } from '../store/rows.ts'
import { type Core, collectionOf, contextOf } from './core.ts'
import type { Exchange } from './exchange.ts'
import { relatedEntities } from './expand-lists.ts'
import { boundEntities, boundEntity, boundValue } from './operations/binding.ts'
import type { RowCalls } from './operations/row-calls.ts'

/**
 * Filters and orders that follow navigation properties or call functions of the service (plan/related.ts): the rows that the store finds are
 * read in batches, and with each batch the entities that it is related to; then the functions are called for them; `eval/` decides. Right on
 * both stores, and as slow as a scan: what narrows the rows themselves is asked of the store.
 */

/** Rows looked at by one request. */
const mostScanned = 100_000
/** Rows sorted by related values. */
const mostSorted = 10_000
/** Related entities that a part of a filter may lead to, to find the rows by their keys. */
const mostKeys = 1_000
/** Rows whose related entities are read together. */
const batchRows = 500

/** Which rows of the result are wanted. */
export interface RelatedWindow {
  readonly after: Keyset | undefined
  readonly skip: number
  /** undefined: all */
  readonly limit: number | undefined
}

/**
 * Entities that rows are related to, by property and the place of the document that has it; as long as somebody holds the row.
 * A store may give one row to several readers (joined reads, one entity reached by two paths): what is noted here is of a row's own view.
 */
const entitiesOf = new WeakMap<Uint8Array, Map<NavigationProperty, Map<number, readonly Uint8Array[]>>>()
const contexts = new WeakMap<RelatedQuery, EvalContext>()

/** A view of a row that no other reader has. */
function ownView(row: Uint8Array): Uint8Array {
  return row.subarray(0)
}

/** What the expressions of a plan are compiled for: its rows, and where they follow navigation properties, the related ones. */
export function evalContext(core: Core, plan: Pick<ReadPlan, 'related' | 'source'>): EvalContext {
  const { related, source } = plan
  const context: EvalContext = {
    layout: core.layout,
    type: source.type,
    collection: collectionOf(core.layout, source.root),
  }
  if (related === undefined) return context
  let found = contexts.get(related)
  if (found === undefined) {
    const collections = new Map<NavigationProperty, CollectionLayout>()
    addCollections(core, related.nodes, collections)
    found = {
      ...context,
      ...(related.calls.length === 0 ? {} : { calls: true as const }),
      related: {
        collectionOf: (property) => collections.get(property),
        read: (row, start, property) => entitiesOf.get(row)?.get(property)?.get(start) ?? [],
      },
    }
    contexts.set(related, found)
  }
  return found
}

function addCollections(
  core: Core,
  nodes: readonly RelationNode[],
  into: Map<NavigationProperty, CollectionLayout>,
): void {
  for (const { expansion, nodes: inner } of nodes) {
    into.set(expansion.item.property, collectionOf(core.layout, expansion.one.source.root))
    addCollections(core, inner, into)
  }
}

/** Reads the entities that some rows are related to, level by level. @param rows views of this reader's own */
async function fetchRelated(
  core: Core,
  exchange: Exchange,
  source: Source,
  nodes: readonly RelationNode[],
  parameters: Parameters,
  rows: readonly Uint8Array[],
): Promise<void> {
  if (rows.length === 0) return
  await Promise.all(
    nodes.map(async ({ via, expansion, nodes: inner }) => {
      const startOf = documentReader(core, source, via)
      const found = await relatedEntities(core, exchange, source, expansion, parameters, rows)
      const views = new Map<Uint8Array, Uint8Array>()
      const viewOf = (entity: Uint8Array): Uint8Array => {
        let view = views.get(entity)
        if (view === undefined) {
          view = ownView(entity)
          views.set(entity, view)
        }
        return view
      }
      for (const [row, entities] of found) {
        let known = entitiesOf.get(row)
        if (known === undefined) {
          known = new Map()
          entitiesOf.set(row, known)
        }
        let places = known.get(expansion.item.property)
        if (places === undefined) {
          places = new Map()
          known.set(expansion.item.property, places)
        }
        places.set(startOf(row), entities.map(viewOf))
      }
      await fetchRelated(core, exchange, expansion.one.source, inner, parameters, [...views.values()])
    }),
  )
}

/** Where in a row the document stands that complex properties lead to: 0 for the row itself, -1 where there is none. */
function documentReader(core: Core, source: Source, via: readonly MemberStep[]): (row: Uint8Array) => number {
  const properties = via.flatMap((step) => (step.kind === 'property' ? [step.property] : []))
  if (properties.length === 0) return () => 0
  const path = fieldPathOf(core.layout, collectionOf(core.layout, source.root), properties)
  return (row) => {
    const at = findPath(row, path)
    return at < 0 || elementType(row, at) !== bsonType.document ? -1 : valueOffset(row, at)
  }
}

/**
 * Reads what a plan's conditions look at of some rows, so that they can be evaluated (`evalContext`).
 * @returns the rows to evaluate them for
 */
export async function readRelated(
  core: Core,
  exchange: Exchange,
  plan: Pick<ReadPlan, 'source'>,
  related: RelatedQuery,
  parameters: Parameters,
  rows: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const views = rows.map(ownView)
  await fetchRelated(core, exchange, plan.source, related.nodes, parameters, views)
  if (related.calls.length === 0) return views
  // what is sorted by and shown is called once
  for (const [i, row] of rows.entries()) takeResults(row, views[i] ?? row)
  await callsFor(core, exchange, plan, related, parameters)(views)
  return views
}

/** Prepares the calls of functions that a plan's conditions make for its rows. @throws ODataError notImplemented without a handler */
function callsFor(
  core: Core,
  exchange: Exchange,
  { source }: Pick<ReadPlan, 'source'>,
  related: RelatedQuery,
  parameters: Parameters,
): RowCalls<Uint8Array> {
  const context = evalContext(core, { source, related })
  const roots = new Map(related.calls.map(({ call, root }) => [call, root]))
  return core.operations.forRows(core, exchange, [...roots.keys()], parameters, {
    valueFor: (expression) => prepareValue(expression, context)(parameters),
    boundOf: (call) => {
      const { binding, operation } = call
      if (binding === undefined) return () => undefined
      const root = roots.get(call)
      if (binding.kind !== 'member' || root === undefined)
        return boundValue(operation, binding, prepareValue(binding, context)(parameters))
      const entitiesAt = prepareEntities(binding, context)()
      if (operation.parameters[0]?.type.collection) return (row) => boundEntities(core, root, entitiesAt(row))
      return (row) => {
        const [entity] = entitiesAt(row)
        return entity && boundEntity(core, operation, root, entity)
      }
    },
  })
}

/** The rows that pass the part of the filter that follows navigation, in the store's order, batch by batch. */
async function* passing(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan | CountPlan,
  related: RelatedQuery,
  parameters: Parameters,
  after: Keyset | undefined,
): AsyncGenerator<readonly Uint8Array[]> {
  // before anything is read: a handler may be missing
  const call = callsFor(core, exchange, plan, related, parameters)
  const narrowed = related.semiJoin && (await semiJoined(core, exchange, related.semiJoin, parameters))
  if (narrowed?.length === 0) return
  const { controller, context } =
    related.semiJoin !== undefined && narrowed !== undefined
      ? contextOf(core, exchange, related.semiJoin.narrowed, [...parameters, narrowed], { after })
      : contextOf(core, exchange, related.base, parameters, { after })
  const rows = await controller.list(context)
  const testOf = (filter: Expression | undefined): RowTest =>
    filter === undefined ? () => true : preparePredicate(filter, evalContext(core, plan))(parameters)
  const [worthCalling, test] = [testOf(related.before), testOf(related.filter)]
  let scanned = 0
  try {
    for await (const batch of rows.batches) {
      scanned += batch.length
      if (scanned > mostScanned) throw tooMany('looks at', mostScanned, 'relatedScan')
      for (let start = 0; start < batch.length; start += batchRows) {
        const some = batch.slice(start, start + batchRows).map(ownView)
        await fetchRelated(core, exchange, plan.source, related.nodes, parameters, some)
        const left = some.filter((row) => worthCalling(row))
        await call(left)
        yield left.filter((row) => test(row))
      }
    }
  } finally {
    if (!rows.complete) await rows.close()
  }
}

/** A document without fields: a row that is related to nothing. */
const unrelated = Uint8Array.of(5, 0, 0, 0, 0)

/**
 * The keys of the related entities that fulfil a part of the filter, where they are few; all rows that pass have one of them.
 * @returns undefined where there are many, or rows without related entities may pass
 */
async function semiJoined(
  core: Core,
  exchange: Exchange,
  { part, target, key }: SemiJoin,
  parameters: Parameters,
): Promise<readonly PrimitiveValue[] | undefined> {
  const { layout } = core
  const collection = collectionOf(layout, target.source.root)
  const nothing: EvalContext = {
    layout,
    type: key.declaringType,
    collection: undefined,
    related: { collectionOf: () => undefined, read: () => [] },
  }
  if (preparePredicate(part, nothing)(parameters)(unrelated)) return undefined
  const { controller, context } = contextOf(core, exchange, target, parameters, { limit: mostKeys + 1 })
  const rows = await controller.list(context)
  const path = fieldPathOf(layout, collection, [key])
  const found = new Set<PrimitiveValue>()
  let met = 0
  try {
    for await (const batch of rows.batches) {
      met += batch.length
      if (met > mostKeys) return undefined
      for (const row of batch) {
        const value = decodeField(row, findPath(row, path), key.type, -1, layout)
        if (value !== null && !isCollectionValue(value) && !isStructuredValue(value)) found.add(value)
      }
    }
  } finally {
    if (!rows.complete) await rows.close()
  }
  return [...found]
}

function tooMany(what: string, most: number, limit: string): ODataError {
  return new ODataError(
    'urlLimitExceeded',
    `A filter or order by related entities or functions ${what} more than ${most} rows (limit ${limit}).`,
    { target: '$filter' },
  )
}

/** The rows of a plan whose filter or order follows navigation properties. @throws ODataError urlLimitExceeded */
export async function listByRelated(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan,
  related: RelatedQuery,
  parameters: Parameters,
  { after, skip, limit }: RelatedWindow,
): Promise<Rows> {
  if (related.sorted) {
    const all: Uint8Array[] = []
    for await (const batch of passing(core, exchange, plan, related, parameters, undefined)) {
      for (const row of batch) all.push(row)
      if (all.length > mostSorted) throw tooMany('sorts', mostSorted, 'relatedSort')
    }
    const order = prepareOrder(plan.orderby, evalContext(core, plan))(parameters)
    const { rows } = selectRows(all, { tests: [], order, after, skip, limit, count: false })
    return rowsInMemory(rows.map(({ row }) => row))
  }
  const end = limit === undefined ? Number.POSITIVE_INFINITY : skip + limit
  const found: Uint8Array[] = []
  for await (const batch of passing(core, exchange, plan, related, parameters, after)) {
    for (const row of batch) found.push(row)
    if (found.length >= end) break
  }
  return rowsInMemory(found.slice(skip, end))
}

/** How many rows pass a filter that follows navigation properties. @throws ODataError urlLimitExceeded */
export async function countByRelated(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan | CountPlan,
  related: RelatedQuery,
  parameters: Parameters,
): Promise<number> {
  let count = 0
  for await (const batch of passing(core, exchange, plan, related, parameters, undefined)) count += batch.length
  return count
}
