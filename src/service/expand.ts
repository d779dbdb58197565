import { choosesItems } from '../bind/select.ts'
import type { Parameters, Selection } from '../bind/tree.ts'
import type { EntityType } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import { prepareChosenItems } from '../eval/chosen-items.ts'
import { prepareOrder } from '../eval/order.ts'
import { linkOf } from '../payload/members.ts'
import type { ExpandedShape, Related, RelatedRow, RelatedRows, RowShape } from '../payload/writer.ts'
import type { CreatePlan, Expansion, ReadPlan, Source, UpdatePlan } from '../plan/plan.ts'
import { parsePrefer } from '../protocol/prefer.ts'
import type { ExpandNode } from '../url/ast.ts'
import { shownRows } from './after-read.ts'
import { computedOf } from './computed.ts'
import { type Core, collectionOf, plainDialect } from './core.ts'
import type { Exchange } from './exchange.ts'
import { byRow, itemsOfRows } from './expand-items.ts'
import { nestedNodes, nextTarget, nodeOf, withAliases } from './expand-link.ts'
import {
  type Answer,
  type Found,
  isCounted,
  limitOf,
  listsOf,
  mostRows,
  type Parents,
  parentsOf,
  plainly,
  type Reading,
  readAll,
} from './expand-lists.ts'
import { type Inlining, namesOfStreams, withStreamValues } from './inline-values.ts'
import { nextLink } from './isolation.ts'
import type { MadeRows } from './made-rows.ts'
import { countByRelated, evalContext, listByRelated } from './related.ts'

/** $expand (Protocol 11.2.5.2): related entities of the rows of an answer, level by level. */

/** Entities of one parent at the most; what is left has a nextLink. */
const nestedPageSize = 100
/** Filters and orders inside $expand may follow navigation properties. */
const byRelated: Reading = {
  async list(core, exchange, plan, parameters, limit) {
    const { related, skip = 0 } = plan
    if (related === undefined) return plainly.list(core, exchange, plan, parameters, limit)
    const window = { after: undefined, skip, limit }
    return readAll(await listByRelated(core, exchange, plan, related, parameters, window), limit)
  },
  async count(core, exchange, plan, parameters) {
    const { related } = plan
    return related === undefined
      ? plainly.count(core, exchange, plan, parameters)
      : countByRelated(core, exchange, plan, related, parameters)
  },
}

function answerOf(core: Core, exchange: Exchange, source: Source, parameters: Parameters): Answer {
  const { maxPageSize = nestedPageSize } = parsePrefer(exchange.request.headers.prefer)
  const pageSize = Math.min(nestedPageSize, maxPageSize)
  return { core, exchange, source, parameters, pageSize, reading: byRelated }
}

/**
 * Reads what a plan expands of some rows: on a far-away store with one read for each navigation property and level.
 * @param nodes the request's $expand, for the links of collections that are cut
 * @param inlining for the values of streams of related entities
 * @param made what the request has made itself, the rows among it
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
  made?: MadeRows,
): Promise<readonly (Related | undefined)[]> {
  const { expansions, source } = plan
  if (expansions === undefined || expansions.length === 0) return []
  const answer = { ...answerOf(core, exchange, source, parameters), made }
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
  const pages = parents.map(
    (parent) => parent && page(expansion, pageSize, lists.get(parent), (last, top) => links?.(parent.row, last, top)),
  )
  return withComputed(answer, expansion, parents, pages)
}

/** Adds what $compute defines and $select names of the entities of some parents. */
async function withComputed(
  answer: Answer,
  expansion: Expansion,
  parents: ReturnType<typeof parentsOf>,
  pages: readonly (RelatedRows | undefined)[],
): Promise<readonly (RelatedRows | undefined)[]> {
  const { core, exchange, parameters: own } = answer
  const { computed, one, outer, type } = expansion
  if (computed === undefined) return pages
  const source = { ...one.source, type }
  const compute = async (rows: readonly RelatedRow[], parameters: Parameters): Promise<readonly RelatedRow[]> => {
    const stored = rows.map(({ row }) => row)
    const values = await computedOf(core, exchange, { computed, source }, parameters, stored)
    return rows.map((each, i) => ({ ...each, computed: values[i] ?? [] }))
  }
  // all parents' at once, unless they look at a row of their own
  const shared =
    outer.length === 0
      ? await compute(
          pages.flatMap((found) => found?.rows ?? []),
          own,
        )
      : undefined
  let next = 0
  return Promise.all(
    pages.map(async (found, i) => {
      if (found === undefined) return undefined
      if (shared !== undefined) return { ...found, rows: found.rows.map((each) => shared[next++] ?? each) }
      const given = parents[i]?.values
      return given === undefined ? found : { ...found, rows: await compute(found.rows, [...own, ...given]) }
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
  const { one, orderby, item, outer } = expansion
  const { layout } = core
  const shape = shapeOfSource(core, source, collectionOf(layout, source.root).entityType)
  const urlOf =
    outer.length > 0 || expansion.items !== undefined ? undefined : linkOf(shape, plainDialect(exchange), layout)
  if (urlOf === undefined) return undefined
  return (parent: Uint8Array, last: Uint8Array, top: number | undefined): string => {
    const url = urlOf(parent)
    const { keyset } = prepareOrder(orderby, evalContext(core, one))(parameters)
    const own = nextTarget(url.slice(exchange.root.length), source, expansion, nodeOf(nodes, item), nodes)
    const target = withAliases(own, exchange.request.target)
    return nextLink(core, exchange, target, one, { after: keyset(last), top }, core.protocol.graph)
  }
}
