import { choosesItems } from '../bind/select.ts'
import type { Parameters, Selection } from '../bind/tree.ts'
import { typeOfDocument } from '../bson/decode.ts'
import { bsonType, elementType } from '../bson/reader.ts'
import type { EntityType, StructuredType } from '../edm/model.ts'
import { isSubtypeOf } from '../edm/types.ts'
import type { CollectionValue, PrimitiveValue } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { prepareChosenItems } from '../eval/chosen-items.ts'
import { prepareValue } from '../eval/compile.ts'
import { prepareOrder } from '../eval/order.ts'
import { memberPlace } from '../payload/member-place.ts'
import { linkOf } from '../payload/members.ts'
import type { ExpandedShape, Related, RelatedRow, RelatedRows, RowShape } from '../payload/writer.ts'
import type { CreatePlan, Expansion, ReadPlan, Source, UpdatePlan } from '../plan/plan.ts'
import { parsePrefer } from '../protocol/prefer.ts'
import type { Rows } from '../store/port.ts'
import type { ExpandNode } from '../url/ast.ts'
import { shownRows } from './after-read.ts'
import { type Core, collectionOf, contextOf, plainDialect } from './core.ts'
import type { Exchange } from './exchange.ts'
import { byRow, itemReader, itemsOfRows } from './expand-items.ts'
import { nestedNodes, nextTarget, nodeOf, withAliases } from './expand-link.ts'
import { matcherOf } from './expand-match.ts'
import { type HopReader, hopReader } from './hops.ts'
import { type Inlining, namesOfStreams, withStreamValues } from './inline-values.ts'
import { nextLink } from './isolation.ts'
import { virtualSingleton } from './singleton.ts'

/** $expand (Protocol 11.2.5.2): related entities of the rows of an answer, level by level. */

/** Entities of one parent at the most; what is left has a nextLink. */
const nestedPageSize = 100
/** Rows of one read for many parents: beyond it each parent is asked for on its own. */
const mostRows = 10_000
/** Parents of one read. */
const mostParents = 200

/** What holds for all levels of one answer. */
interface Answer {
  readonly core: Core
  /** of the outermost rows */
  readonly source: Source
  readonly exchange: Exchange
  /** of the request, those of hops included */
  readonly parameters: Parameters
  /** entities of one parent's collection at the most (Preference maxpagesize is about each collection, Protocol 8.2.8.5) */
  readonly pageSize: number
}

function answerOf(core: Core, exchange: Exchange, source: Source, parameters: Parameters): Answer {
  const { maxPageSize = nestedPageSize } = parsePrefer(exchange.request.headers.prefer)
  return { core, exchange, source, parameters, pageSize: Math.min(nestedPageSize, maxPageSize) }
}

/**
 * Reads what a plan expands of some rows: on a far-away store with one read for each navigation property and level.
 * @param nodes the request's $expand, for the links of collections that are cut
 * @param inlining for the values of streams of related entities
 * @returns for each row what its writer wants; undefined where nothing is expanded
 */
export async function expandRows(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan | CreatePlan | UpdatePlan,
  parameters: Parameters,
  rows: readonly Uint8Array[],
  nodes: readonly ExpandNode[] | undefined,
  inlining: Inlining,
): Promise<readonly (Related | undefined)[]> {
  const { expansions, source } = plan
  if (expansions === undefined || expansions.length === 0) return []
  const answer = answerOf(core, exchange, source, parameters)
  const related = await level(answer, source, expansions, rows, rows, nodes ?? [])
  const found = await withStreamValues(core, expansions, related, (each) => shapeOfExpansion(core, each), inlining)
  exchange.timings?.mark('expand')
  return found
}

/** The shapes of what a plan expands. */
export function expandedShapes(core: Core, expansions: readonly Expansion[] | undefined): readonly ExpandedShape[] {
  return (expansions ?? []).map((expansion) => {
    const { property, path, as } = expansion.item
    return { property, path, as, shape: shapeOfExpansion(core, expansion) }
  })
}

/** What of the entities of an expansion is written. */
export function shapeOfExpansion(core: Core, { item, one, type, expansions }: Expansion): RowShape {
  const { select, streams } = item.query
  return {
    ...shapeOfSource(core, one.source, type),
    select,
    expand: expandedShapes(core, expansions),
    ...(streams === undefined ? {} : { inline: namesOfStreams(streams) }),
  }
}

/** The shape of the rows of a source, without a selection. */
export function shapeOfSource(core: Core, { root }: Source, type: EntityType): RowShape {
  const set = root.kind === 'result' ? root.set : root
  const shape: RowShape = {
    type,
    select: undefined,
    expand: [],
    entitySet: set?.name,
    advertised: core.operations.advertisedBy(core, collectionOf(core.layout, root)),
    singleton: set?.kind === 'singleton',
  }
  return root.kind === 'contained' || set === undefined
    ? { ...shape, collection: collectionOf(core.layout, root) }
    : shape
}

/** @param outermost for each row the one of the request's own resource that it was reached from */
async function level(
  answer: Answer,
  source: Source,
  expansions: readonly Expansion[],
  rows: readonly Uint8Array[],
  outermost: readonly Uint8Array[],
  nodes: readonly ExpandNode[],
): Promise<readonly Related[]> {
  const columns = await Promise.all(
    expansions.map(async (expansion) => {
      const { items } = expansion
      if (items === undefined) return column(answer, source, expansion, { rows, outermost }, nodes)
      const each = itemsOfRows(answer.core, source, items, rows)
      const parents = {
        rows: each.map(({ row }) => row),
        outermost: each.map(({ of }) => outermost[of] ?? new Uint8Array()),
        starts: each.map(({ start }) => start),
      }
      return byRow(rows.length, each, await column(answer, source, expansion, parents, nodes))
    }),
  )
  return rows.map((_, i) => columns.map((column) => column[i]))
}

/** Whose entities are read. */
interface Parents {
  readonly rows: readonly Uint8Array[]
  /** for each the row of the request's own resource that it was reached from */
  readonly outermost: readonly Uint8Array[]
  /** of items of collections: where they are in their rows */
  readonly starts?: readonly number[]
}

/** What one expansion gives for each parent. */
async function column(
  answer: Answer,
  source: Source,
  expansion: Expansion,
  parents: Parents,
  nodes: readonly ExpandNode[],
): Promise<readonly (RelatedRows | undefined)[]> {
  const found = await relatedOf(answer, source, expansion, parents, nodes)
  const nested = await withNested(answer, expansion, found, parents.outermost, nodes)
  return withChosenItems(answer, expansion, await asShown(answer, expansion, nested))
}

const chosenBy = new WeakMap<Selection, ReturnType<typeof prepareChosenItems>>()

/** What leaves of rows the items that options inside $select choose; undefined where it has none. */
export function chosenItems(
  core: Core,
  { root }: Source,
  type: EntityType,
  select: Selection | undefined,
  parameters: Parameters,
): ((row: Uint8Array) => Uint8Array) | undefined {
  if (select === undefined || !choosesItems(select)) return undefined
  let prepared = chosenBy.get(select)
  if (prepared === undefined) {
    const collection = collectionOf(core.layout, root)
    prepared = prepareChosenItems(select, type, { layout: core.layout, type, collection })
    chosenBy.set(select, prepared)
  }
  return prepared(parameters)
}

function withChosenItems(
  { core, parameters }: Answer,
  { one, type, item }: Expansion,
  found: readonly (RelatedRows | undefined)[],
): readonly (RelatedRows | undefined)[] {
  const chosen = chosenItems(core, one.source, type, item.query.select, parameters)
  if (chosen === undefined) return found
  return found.map(
    (related) => related && { ...related, rows: related.rows.map((each) => ({ ...each, row: chosen(each.row) })) },
  )
}

/** Related entities as their controller shows them. */
async function asShown(
  { core, exchange }: Answer,
  { one }: Expansion,
  found: readonly (RelatedRows | undefined)[],
): Promise<readonly (RelatedRows | undefined)[]> {
  const { root } = one.source
  if (core.controllers.get(root.name)?.afterRead === undefined) return found
  const all = found.flatMap((related) => related?.rows ?? [])
  const shown = await shownRows(
    core,
    exchange,
    root,
    all.map(({ row }) => row),
  )
  let next = 0
  return found.map(
    (related) =>
      related && { ...related, rows: related.rows.map((each) => ({ ...each, row: shown[next++] ?? each.row })) },
  )
}

/** Adds to related entities what is expanded of them, all parents' at once. */
async function withNested(
  answer: Answer,
  expansion: Expansion,
  found: readonly (RelatedRows | undefined)[],
  outermost: readonly Uint8Array[],
  nodes: readonly ExpandNode[],
): Promise<readonly (RelatedRows | undefined)[]> {
  if (expansion.expansions.length === 0) return found
  const all = found.flatMap((related) => related?.rows ?? [])
  if (all.length === 0) return found
  const inner = await level(
    answer,
    expansion.one.source,
    expansion.expansions,
    all.map(({ row }) => row),
    found.flatMap((related, i) => (related?.rows ?? []).map(() => outermost[i] ?? new Uint8Array())),
    nestedNodes(nodes, expansion),
  )
  let next = 0
  return found.map(
    (related) => related && { ...related, rows: related.rows.map((each) => ({ ...each, related: inner[next++] })) },
  )
}

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
  const answer = answerOf(core, exchange, source, parameters)
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

/** A parent row, and what it gives to find its entities; undefined: nothing is related. */
interface Parent {
  readonly row: Uint8Array
  readonly values: Parameters | undefined
}

const readers = new WeakMap<Expansion, HopReader>()

async function relatedOf(
  answer: Answer,
  source: Source,
  expansion: Expansion,
  whose: Parents,
  nodes: readonly ExpandNode[],
): Promise<readonly (RelatedRows | undefined)[]> {
  const parents = parentsOf(answer, source, expansion, whose)
  const links = linker(answer, source, expansion, nodes)
  // what nobody could ask for a second page of is given whole
  const pageSize = links === undefined ? mostRows : answer.pageSize
  const lists = await listsOf(answer, expansion, parents, limitOf(expansion, pageSize))
  const computed = computing(answer, expansion)
  return parents.map((parent) => {
    if (parent === undefined) return undefined
    const found = page(expansion, pageSize, lists.get(parent), (last, top) => links?.(parent.row, last, top))
    if (computed === undefined || parent.values === undefined) return found
    const of = computed([...answer.parameters, ...parent.values])
    return { ...found, rows: found.rows.map((each) => ({ ...each, computed: of(each.row) })) }
  })
}

/** What $compute defines of the entities of one parent; undefined: nothing that is written. */
function computing({ core }: Answer, { computed, one, type }: Expansion) {
  if (computed.length === 0) return undefined
  const collection = collectionOf(core.layout, one.source.root)
  const values = computed.map(({ alias, expression }) => ({
    alias,
    type: expression.type,
    prepared: prepareValue(expression, { layout: core.layout, collection, type }),
  }))
  return (parameters: Parameters) => {
    const bound = values.map(({ alias, type: reference, prepared }) => ({
      alias,
      type: reference,
      value: prepared(parameters),
    }))
    return (row: Uint8Array) =>
      bound.map(({ alias, type: reference, value }) => ({ name: alias, type: reference, value: value(row) }))
  }
}

/** For each row what it gives; undefined where it has no such property. */
function parentsOf(
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
function listsOf(
  answer: Answer,
  expansion: Expansion,
  parents: readonly (Parent | undefined)[],
  limit: number,
): Promise<ReadonlyMap<Parent, Found>> {
  const asking = parents.filter((parent): parent is Parent => parent?.values !== undefined)
  const batch = answer.core.store.capabilities.remote && expansion.many !== undefined && asking.length > 1
  return batch ? together(answer, expansion, asking, limit) : oneByOne(answer, expansion, asking, limit)
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
interface Found {
  readonly rows: readonly Uint8Array[]
  /** before $skip and $top */
  readonly total: number | undefined
}

/** Rows wanted of a parent: one more than are written tells whether there are more. */
function limitOf({ item }: Expansion, pageSize: number): number {
  const { property, query, as } = item
  if (!property.collection) return 1
  if (as === 'count') return 0
  return query.top !== undefined && query.top <= pageSize ? query.top : pageSize + 1
}

function isCounted({ item }: Expansion): boolean {
  return item.query.count || item.as === 'count'
}

async function oneByOne(
  { core, exchange, parameters }: Answer,
  expansion: Expansion,
  parents: readonly Parent[],
  limit: number,
): Promise<ReadonlyMap<Parent, Found>> {
  const { one, keyed } = expansion
  const found = new Map<Parent, Found>()
  const read = async (parent: Parent): Promise<void> => {
    const all = [...parameters, ...(parent.values ?? [])]
    const { controller, context } = contextOf(core, exchange, one, all, { limit })
    if (keyed) {
      const row = (await controller.read(context)) ?? virtualSingleton(core, one.source)
      found.set(parent, { rows: row === undefined ? [] : [row], total: undefined })
      return
    }
    const [rows, total] = await Promise.all([
      limit === 0 ? [] : readAll(await controller.list(context), limit),
      isCounted(expansion) ? controller.count(context) : undefined,
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
  const { core, exchange, parameters } = answer
  const { many, orderby, item, type } = expansion
  if (many === undefined) return oneByOne(answer, expansion, parents, limit)
  const collection = collectionOf(core.layout, many.plan.source.root)
  const matcher = matcherOf(core.layout, collection, type, many.matching, parameters)
  const list = new Map(parents.flatMap(({ values }) => matcher.asked(values ?? [])))
  if (list.size === 0) return new Map(parents.map((parent) => [parent, { rows: [], total: 0 }]))
  const { controller, context } = contextOf(core, exchange, many.plan, [...parameters, [...list.values()]], {
    limit: mostRows + 1,
  })
  const rows = await readAll(await controller.list(context), mostRows + 1)
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

/** What is written of a parent's entities: a page at the most. */
function page(
  expansion: Expansion,
  pageSize: number,
  found: Found | undefined,
  link: (last: Uint8Array, top: number | undefined) => string | undefined,
): RelatedRows {
  const { property, query } = expansion.item
  const rows = found?.rows ?? []
  const written = (some: readonly Uint8Array[]): readonly RelatedRow[] =>
    some.map((row) => ({ row, related: undefined }))
  if (!property.collection) return { rows: written(rows.slice(0, 1)), count: undefined, nextLink: undefined }
  const count = isCounted(expansion) ? (found?.total ?? 0) : undefined
  if (rows.length > mostRows)
    throw new ODataError(
      'urlLimitExceeded',
      `${property.name} leads to more than ${mostRows} entities (limit expandRows).`,
      {
        target: '$expand',
      },
    )
  const last = rows[pageSize - 1]
  if (rows.length <= pageSize || last === undefined) return { rows: written(rows), count, nextLink: undefined }
  const left = query.top === undefined ? undefined : query.top - pageSize
  return { rows: written(rows.slice(0, pageSize)), count, nextLink: link(last, left) }
}

/**
 * Makes the links to the rest of collections that were cut; undefined where there can be none: what has them has no URL, or the
 * collection depends on the outermost row, which no request for it alone could name.
 */
function linker(
  { core, exchange, parameters }: Answer,
  source: Source,
  expansion: Expansion,
  nodes: readonly ExpandNode[],
) {
  const { one, orderby, type, item, outer } = expansion
  const { layout } = core
  const shape = shapeOfSource(core, source, collectionOf(layout, source.root).entityType)
  const urlOf =
    outer.length > 0 || expansion.items !== undefined ? undefined : linkOf(shape, plainDialect(exchange), layout)
  if (urlOf === undefined) return undefined
  return (parent: Uint8Array, last: Uint8Array, top: number | undefined): string => {
    const url = urlOf(parent)
    const collection = collectionOf(layout, one.source.root)
    const { keyset } = prepareOrder(orderby, { layout, collection, type })(parameters)
    const own = nextTarget(url.slice(exchange.root.length), source, expansion, nodeOf(nodes, item), nodes)
    const target = withAliases(own, exchange.request.target)
    return nextLink(core, exchange, target, one, { after: keyset(last), top }, core.protocol.graph)
  }
}
