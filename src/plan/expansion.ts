import { follow, isContained, type Place, placeBehind, placeOf } from '../bind/binding-targets.ts'
import { noQuery } from '../bind/no-query.ts'
import { propertyNames } from '../bind/print.ts'
import { selectedComputed } from '../bind/select.ts'
import type { BoundPath, BoundQuery, ExpandItem, Expression, MemberStep } from '../bind/tree.ts'
import { booleanReference } from '../bind/type-references.ts'
import type { EntityType, Model, NavigationProperty, TypeReference } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import { containedCollection } from './contained.ts'
import { OuterValues, ofRow } from './of-row.ts'
import { keptOrder, totalOrder } from './order.ts'
import type {
  ExpandedItems,
  Expansion,
  HopValue,
  Matching,
  ReadPlan,
  RelatedQuery,
  Source,
  SourceRoot,
} from './plan.ts'
import { memberOf, type Pair, relationOf, storageOf } from './relation.ts'
import { ownerSuffix } from './suffix.ts'

/** How deep $expand goes, and how many navigation properties it names, `$levels` unrolled. */
export const expandLimits = { depth: 5, items: 20 } as const

/**
 * What a request expands, as reads of its own: for one entity, and for many at once.
 * @param firstParameter number of the first parameter that a parent gives: behind those of path, query and hops
 * @param relatedOf splits filters and orders that follow navigation properties (plan/related.ts, which needs this file)
 * @throws ODataError notImplemented (what is neither contained nor bound; paths through complex properties), urlLimitExceeded
 */
export function expansionsOf(
  model: Model,
  path: Pick<BoundPath, 'segments'>,
  source: Source,
  items: readonly ExpandItem[],
  firstParameter: number,
  relatedOf: RelatedOf,
): readonly Expansion[] {
  const building: Building = { model, firstParameter, budget: { items: 0 }, relatedOf }
  return items.map((item) => expansionOf(building, placeOfPath(model, path), source.root, item, 1))
}

/**
 * All the entities of a navigation property, without options: what an expression that follows it needs.
 * @param place where what has it stands, complex properties included
 * @param via complex properties between the row and the property
 * @throws ODataError notImplemented where it leads to nothing that is known
 */
export function navigationExpansion(
  model: Model,
  place: Place,
  parent: SourceRoot,
  via: readonly MemberStep[],
  property: NavigationProperty,
  firstParameter: number,
): Expansion {
  const item: ExpandItem = { path: via, property, as: 'entities', levels: 1, query: noQuery }
  return expansionOf(
    { model, firstParameter, budget: { items: 0 }, placed: true, relatedOf: () => undefined },
    place,
    parent,
    item,
    1,
  )
}

/** The collection of complex values that a path to a navigation property goes through, and what is behind it. @throws ODataError notImplemented */
function itemsOf({
  path,
  property,
}: ExpandItem): { readonly items: ExpandedItems; readonly behind: readonly MemberStep[] } | undefined {
  const collections = path.flatMap((step, i) =>
    step.kind === 'property' && step.property.type.collection && path[i + 1]?.kind !== 'ordinal' ? [i] : [],
  )
  const [at, more] = collections
  if (at === undefined) return undefined
  if (more !== undefined) throw inCollection(property, path, 'within another collection')
  const of = path[at]
  const declared = of?.kind === 'property' ? of.property.type.type : undefined
  if (declared === undefined || !isStructured(declared)) throw new Error('invariant: items with members are structured')
  const rest = path.slice(at + 1)
  const end = rest.findIndex(({ kind }) => kind !== 'cast')
  const casts = (end < 0 ? rest : rest.slice(0, end)).flatMap((step) => (step.kind === 'cast' ? [step.type] : []))
  return { items: { path: path.slice(0, at + 1), declared, casts }, behind: rest }
}

function inCollection(property: NavigationProperty, path: readonly MemberStep[], why: string): ODataError {
  const names = propertyNames(path)
  return new ODataError(
    'notImplemented',
    `$expand of ${property.name} in the collection ${names.join('/')}, ${why}, is not implemented by this service.`,
    { target: '$expand' },
  )
}

/** Splits the filter and order of rows at a place: `relatedQueryAt` of plan/related.ts. */
export type RelatedOf = (model: Model, place: Place, plan: ReadPlan, firstParameter: number) => RelatedQuery | undefined

interface Building {
  readonly model: Model
  readonly firstParameter: number
  readonly budget: { items: number }
  /** the place is that of the complex value which has the property, not of the row */
  readonly placed?: true
  readonly relatedOf: RelatedOf
}

function expansionOf(building: Building, place: Place, parent: SourceRoot, item: ExpandItem, depth: number): Expansion {
  const { query } = item
  count(building, depth)
  if (item.apply !== undefined)
    throw new ODataError('notImplemented', '$apply inside $expand is not implemented here.', { target: '$expand' })
  const found = targetOf(building, place, parent, item)
  const { root, type } = found
  const outer = new OuterValues(building.firstParameter + found.values.length)
  const orderby =
    query.orderby.length === 0
      ? keptOrder(root)
      : totalOrder(
          query.orderby.map((order) => ({ ...order, expression: ofRow(order.expression, outer) })),
          type,
        )
  const common = {
    filter: query.filter && ofRow(query.filter, outer),
    search: query.search,
  }
  const computed = selectedComputed(query.compute, query.select).map(({ alias, expression }) => ({
    alias,
    expression: ofRow(expression, outer),
  }))
  const given = building.firstParameter + found.values.length + outer.expressions.length
  const one = withRelated(building, found, item, given, {
    ...common,
    orderby: found.keyed ? [] : orderby,
    skip: query.skip,
  })
  const many =
    outer.expressions.length > 0 || one.related?.sorted
      ? undefined
      : found.many && {
          plan: withRelated(building, { ...found, source: found.many.source }, item, building.firstParameter + 1, {
            ...common,
            orderby: [],
            skip: undefined,
          }),
          matching: found.many.matching,
        }
  const nested = nestedItems(item, depth).map((inner) => expansionOf(building, found.place, root, inner, depth + 1))
  const { values, keyed, items } = found
  const first = outer.expressions.length === 0 ? building.firstParameter : given
  const related = computedRelatedOf(building, found, computed, first)
  const expansion = {
    item,
    type,
    values,
    outer: outer.expressions,
    keyed,
    one,
    many,
    orderby,
    expansions: nested,
    ...(computed.length === 0 ? {} : { computed: { items: computed, ...(related === undefined ? {} : { related }) } }),
  }
  return items === undefined ? expansion : { ...expansion, items }
}

/**
 * A read of related entities, its filter and order split where they follow navigation properties.
 * @param parameters how many the read is given
 */
function withRelated(
  { model, relatedOf }: Building,
  { source, place, keyed }: Target,
  { property }: ExpandItem,
  parameters: number,
  options: Pick<ReadPlan, 'filter' | 'search' | 'orderby' | 'skip'>,
): ReadPlan {
  const plan = rowsPlan(source, options)
  const related = relatedOf(model, place, plan, parameters)
  if (related === undefined) return plan
  if (keyed)
    throw new ODataError(
      'notImplemented',
      `$filter and $orderby inside $expand of ${property.name} do not follow navigation properties or call functions here.`,
      { target: '$expand' },
    )
  return Object.freeze({ ...plan, related })
}

/** Reads what $compute looks at beside the entities; undefined: nothing. */
function computedRelatedOf(
  { model, relatedOf }: Building,
  { source, place }: Target,
  computed: BoundQuery['compute'],
  firstParameter: number,
): RelatedQuery | undefined {
  if (computed.length === 0) return undefined
  const orderby = computed.map(({ expression }) => ({ expression, descending: false }))
  const plan = rowsPlan(source, { filter: undefined, search: undefined, orderby, skip: undefined })
  return relatedOf(model, place, plan, firstParameter)
}

function count({ budget }: Building, depth: number): void {
  budget.items++
  const [limit, most] =
    depth > expandLimits.depth
      ? ['expandDepth', expandLimits.depth]
      : budget.items > expandLimits.items
        ? ['expandItems', expandLimits.items]
        : []
  if (limit !== undefined)
    throw new ODataError('urlLimitExceeded', `$expand asks for more than ${most} (limit ${limit}).`, {
      target: '$expand',
    })
}

/** What is expanded below an item: its own, and itself again for `$levels` (Protocol 11.2.5.2.1.1). */
function nestedItems(item: ExpandItem, depth: number): readonly ExpandItem[] {
  const { property, levels, query } = item
  const { type } = property
  const recursive = type.kind === 'entity' && type.allNavigationProperties.get(property.name) === property
  if (levels === 1 || !recursive) return query.expand
  if (levels === 'max') return depth >= expandLimits.depth ? query.expand : [...query.expand, item]
  return [...query.expand, { ...item, levels: levels - 1 }]
}

/** Where the entities of an expanded property are. */
interface Target {
  readonly root: SourceRoot
  readonly type: EntityType
  readonly place: Place
  readonly values: readonly HopValue[]
  /** the rows of one parent */
  readonly source: Source
  /** whether `source` names its row by key */
  readonly keyed: boolean
  readonly many: { readonly source: Source; readonly matching: Matching } | undefined
  readonly items: ExpandedItems | undefined
}

function targetOf(
  { model, firstParameter, placed }: Building,
  place: Place,
  parent: SourceRoot,
  item: ExpandItem,
): Target {
  const { property, path } = item
  let from = place
  for (const step of path) {
    if (step.kind === 'cast') from = placeBehind(from, step.type.name)
    if (step.kind === 'property' && !placed) from = placeBehind(from, step.property.name)
  }
  const next = follow(model, from, property)
  const within = itemsOf(item)
  const items = within?.items
  const ofItem = items !== undefined || path.some(({ kind }) => kind === 'ordinal')
  if (ofItem && (isContained(model, property) || storageOf(property).kind === 'links'))
    throw inCollection(property, path, 'without a foreign key')
  if (isContained(model, property)) {
    const root = containedCollection(property)
    const suffix = ownerSuffix(parent.type, path, property)
    const source: Source = { root, owner: firstParameter, steps: [], type: root.type, single: !property.collection }
    return {
      root,
      type: root.type,
      place: next,
      values: [{ kind: 'owner', suffix }],
      source,
      keyed: !property.collection,
      many: property.collection ? { source, matching: { kind: 'owner' } } : undefined,
      items,
    }
  }
  const { target, type, values, steps, find } = relationOf(property, next.root, within?.behind ?? path, firstParameter)
  const common = { root: target, type, place: next, values, items }
  if (find === undefined && !property.collection)
    return { ...common, source: { root: target, steps, type, single: true }, keyed: true, many: undefined }
  const source: Source = { root: target, steps: find?.steps ?? steps, type, single: false }
  const many = manyOf(item, source, firstParameter)
  return { ...common, source, keyed: false, many }
}

/** The rows of many parents at once: those whose value is one of a list. */
function manyOf({ property }: ExpandItem, source: Source, parameter: number): Target['many'] {
  const storage = storageOf(property)
  const casts = source.steps.filter(({ kind }) => kind === 'cast')
  if (storage.kind === 'links') {
    const members = source.root.type.key.map((part) => memberOf(stepsOf([part.property]), part.property.type))
    // the condition takes a list as it is
    return { source, matching: { kind: 'values', members, each: true } }
  }
  const [first] = storage.pairs
  if (first === undefined) return undefined
  const members = storage.pairs.map(targetMember)
  const [operand] = members
  if (operand?.type === undefined) return undefined
  const list: TypeReference = { ...operand.type, collection: true }
  const predicate: Expression = {
    kind: 'in',
    operand,
    items: [{ kind: 'parameter', index: parameter, type: list }],
    type: booleanReference,
  }
  return {
    source: { ...source, steps: [...casts, { kind: 'filter', predicate }] },
    matching: { kind: 'values', members, each: false },
  }
}

function targetMember({ to }: Pair): Expression {
  const last = to.at(-1)
  if (last === undefined) throw new Error('invariant: a constraint names a property')
  return memberOf(stepsOf(to), last.type)
}

function stepsOf(properties: Pair['to']): readonly MemberStep[] {
  return properties.map((property) => ({ kind: 'property', property }))
}

function rowsPlan(source: Source, options: Pick<ReadPlan, 'filter' | 'search' | 'orderby' | 'skip'>): ReadPlan {
  return Object.freeze({
    kind: 'read',
    requires: [],
    slots: [],
    source,
    member: [],
    memberType: undefined,
    raw: false,
    compute: [],
    select: undefined,
    expand: [],
    top: undefined,
    count: false,
    ...options,
  })
}

/** Where the rows of a path stand, for the bindings of what is expanded. */
export function placeOfPath(model: Model, { segments }: Pick<BoundPath, 'segments'>): Place {
  let place: Place = { root: undefined, path: [] }
  for (const segment of segments) {
    if (segment.kind === 'entitySet') place = placeOf(segment.entitySet)
    else if (segment.kind === 'singleton') place = placeOf(segment.singleton)
    else if (segment.kind === 'operation')
      place = segment.target === undefined ? { root: undefined, path: [] } : placeOf(segment.target)
    else if (segment.kind === 'cast') place = placeBehind(place, segment.type.name)
    else if (segment.kind === 'property') place = placeBehind(place, segment.property.name)
    else if (segment.kind === 'navigation') place = follow(model, place, segment.property)
  }
  return place
}
