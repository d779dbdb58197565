import type { Expression, OrderByItem, Parameters } from '../../bind/tree.ts'
import { encodeKey } from '../../bson/encode.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../../bson/layout.ts'
import { isLinkKey, partsOfKey } from '../../bson/link-keys.ts'
import type { EntityType, StructuredType } from '../../edm/model.ts'
import { instantiableTypes, isSubtypeOf } from '../../edm/types.ts'
import type { DateTimeOffset } from '../../edm/value.ts'
import { preparePredicate, type RowTest } from '../../eval/compile.ts'
import { prepareOrder } from '../../eval/order.ts'
import { prepareSearch } from '../../eval/search.ts'
import type { CountPlan, CreatePlan, DeletePlan, ReadPlan, Source, UpdatePlan } from '../../plan/plan.ts'
import { storeFailure } from '../../store/failures.ts'
import { type Condition, conjunction, disjunction, everything, type Filter } from './condition.ts'
import { compileExpressionOrder, type ExpressionOrder } from './expression-order.ts'
import { fieldOf, type QueryContext } from './field.ts'
import { compileFilter } from './filter.ts'
import { compileFieldOrder, type FieldOrder } from './order.ts'
import { ownedBy } from './owner.ts'
import { compileSearch } from './search.ts'
import { sharedFilter } from './shared-writes.ts'

/** Plans that a store executes, whatever they do with the rows. */
export type SourcePlan = ReadPlan | CountPlan | CreatePlan | UpdatePlan | DeletePlan

/** A plan as MongoDB is asked for it. Pure: made once for a plan, filled with the parameters of each request. */
export interface CompiledQuery {
  readonly collection: CollectionLayout
  readonly context: QueryContext
  /** `_id` of the row the path names; undefined: the path names no key. The function gives undefined where no row has the key. */
  readonly key: ((parameters: Parameters) => unknown) | undefined
  /** what narrows the rows beside the key */
  readonly narrowings: readonly Narrowing[]
  /** undefined: the rows are sorted here */
  readonly order: FieldOrder | undefined
  /** an order by expressions, where MongoDB calculates them; undefined: the order is by fields, or the rows are sorted here */
  readonly expressionOrder: ExpressionOrder | undefined
  readonly prepareOrder: () => ReturnType<typeof prepareOrder>
}

/** A condition twice: as a filter, and as a test of a row where the filter was too wide. */
export interface Narrowing {
  readonly condition: Condition
  readonly test: () => (parameters: Parameters, options: { readonly now: DateTimeOffset }) => RowTest
}

/** What is asked of MongoDB in one execution. */
export interface PlacedQuery {
  /** false: no row can fulfil it */
  readonly filter: Filter | false
  /** what each row must pass besides; undefined: the filter says it all */
  readonly residue: RowTest | undefined
}

/** @throws ODataError notImplemented for what this model has no collection for; what compiling expressions throws */
export function compileQuery(plan: SourcePlan, layout: ModelLayout): CompiledQuery {
  const { source } = plan
  const collection = collectionOf(source, layout)
  const context: QueryContext = { layout, collection, type: source.type }
  const { key, narrowings } = compileSource(source, context)
  if ('filter' in plan && plan.filter) narrowings.push(narrowingOf(plan.filter, context))
  if ('search' in plan && plan.search) {
    const prepare = prepareSearch(plan.search, context)
    narrowings.push({ condition: compileSearch(plan.search, context), test: () => prepare })
  }
  const orderby = plan.kind === 'read' ? plan.orderby : []
  const owner = ownerOf(source)
  const byKey = owner && containedKeyOrder(orderby, context, owner)
  const order = byKey ?? compileFieldOrder(orderby, context)
  return {
    collection,
    context,
    key,
    narrowings,
    order,
    expressionOrder: order ? undefined : compileExpressionOrder(orderby, context),
    prepareOrder: () => prepareOrder(orderby, context),
  }
}

function collectionOf({ root }: Source, layout: ModelLayout): CollectionLayout {
  const collection = root.kind === 'contained' ? layout.contained(root.property) : layout.collections.get(root.name)
  if (collection === undefined) throw storeFailure.notImplemented(`The resource ${root.name}`)
  return collection
}

/** The owner of contained entities, as it stands in their `_id`. */
type Owner = (parameters: Parameters) => string | undefined

function ownerOf({ root, owner }: Source): Owner | undefined {
  if (root.kind !== 'contained') return undefined
  return (parameters) => {
    const path = owner === undefined ? undefined : parameters[owner]
    return typeof path === 'string' ? path : undefined
  }
}

function compileSource(source: Source, context: QueryContext) {
  const { collection } = context
  const narrowings: Narrowing[] = []
  const owner = ownerOf(source)
  const keyed = source.steps.findLast((step) => step.kind === 'key')
  const indexes = keyed?.predicate.parameters
  const key: CompiledQuery['key'] =
    indexes === undefined && collection.key.parts.length > 0
      ? undefined
      : (parameters) => {
          const values = (indexes ?? []).map((index) => parameters[index] ?? null)
          const path = owner?.(parameters)
          const known = !values.includes(null) && (owner === undefined || path !== undefined)
          return known ? encodeKey(collection, values, path) : undefined
        }
  if (source.owner !== undefined && key === undefined) narrowings.push(ofOwner(source.owner))
  let type: EntityType = source.root.type
  for (const step of source.steps) {
    if (step.kind === 'filter') narrowings.push(narrowingOf(step.predicate, { ...context, type }))
    if (step.kind === 'keys') narrowings.push(withKeys(step.parameter, context))
    if (step.kind !== 'cast') continue
    narrowings.push(castTo(step.type, type, context))
    if (step.type.kind === 'entity') type = step.type
  }
  return { key, narrowings }
}

const passed = () => () => true

/** The entities whose keys, of several parts, are in a list. */
function withKeys(parameter: number, { collection }: QueryContext): Narrowing {
  const condition: Condition = ({ parameters }) => {
    const list = parameters[parameter]
    const keys = Array.isArray(list) ? list.filter(isLinkKey) : []
    if (keys.length === 0) return false
    return { [fields.id]: { $in: keys.map((key) => encodeKey(collection, partsOfKey(key))) } }
  }
  return { condition, test: () => passed }
}

/** The entities of an owner, or of a list of owners. */
function ofOwner(parameter: number): Narrowing {
  const condition: Condition = ({ parameters }) => {
    const path = parameters[parameter]
    if (Array.isArray(path)) return disjunction(path.map((one) => (typeof one === 'string' ? ownedBy(one) : false)))
    return typeof path === 'string' ? ownedBy(path) : false
  }
  return { condition, test: () => passed }
}

/** The order of the keys of one owner's entities is that of `_id` as a whole. */
function containedKeyOrder(
  orderby: readonly OrderByItem[],
  context: QueryContext,
  owner: Owner,
): FieldOrder | undefined {
  const { collection } = context
  const { parts } = collection.key
  const descending = orderby[0]?.descending === true
  const inOrder = parts.every(({ path }, i) => {
    const item = orderby[i]
    return item?.descending === descending && fieldOf(item.expression, context)?.path === path.join('.')
  })
  if (!inOrder || parts.length === 0) return undefined
  return {
    sort: new Map([[fields.id, descending ? -1 : 1]]),
    after: (keyset, _, parameters) => {
      const path = owner(parameters)
      const place = keyset.slice(0, parts.length)
      if (path === undefined || place.includes(null)) return false
      return { [fields.id]: { [descending ? '$lt' : '$gt']: encodeKey(collection, place, path) } }
    },
  }
}

/** A filter, as MongoDB's and as `eval/` has it. */
export function narrowingOf(predicate: Expression, context: QueryContext): Narrowing {
  let prepared: ReturnType<typeof preparePredicate> | undefined
  const test = () => {
    prepared ??= preparePredicate(predicate, context)
    return prepared
  }
  const condition = context.collection.sharedWrites
    ? sharedFilter(predicate, context)
    : compileFilter(predicate, context)
  return { condition, test }
}

/** Rows of a type: those whose `@type` names it or one derived from it; the declared type goes without saying. */
function castTo(type: StructuredType, from: EntityType, context: QueryContext): Narrowing {
  const declared = context.layout.structured(context.collection.entityType)
  const names = instantiableTypes(type).map(({ name }) => name)
  const unnamed = isSubtypeOf(declared.withoutType, type) ? [null] : []
  const condition: Condition = isSubtypeOf(from, type)
    ? everything
    : () => ({ [fields.type]: { $in: [...names, ...unnamed] } })
  return { condition, test: () => passed }
}

/**
 * Puts a request's parameters into a query.
 * @param rowFilter what the caller may see of the collection
 * @throws ODataError where constants make the request fail (400)
 */
export function placeQuery(
  { narrowings }: CompiledQuery,
  rowFilter: Narrowing | undefined,
  parameters: Parameters,
  more: readonly (Filter | boolean)[] = [],
): PlacedQuery {
  const all = rowFilter ? [...narrowings, rowFilter] : narrowings
  if (all.length === 0) return { filter: orNothing(conjunction(more)), residue: undefined }
  const ms = Date.now()
  const now: DateTimeOffset = { kind: 'dateTimeOffset', ms, sub: 0, offset: 0, digits: 3 }
  const tests: RowTest[] = []
  const filters = all.map(({ condition, test }) => {
    const placement = { parameters, now, exact: true }
    const filter = condition(placement)
    if (filter !== false && !placement.exact) tests.push(test()(parameters, { now }))
    return filter
  })
  return { filter: orNothing(conjunction([...more, ...filters])), residue: combined(tests) }
}

function orNothing(filter: Filter | boolean): Filter | false {
  return filter === true ? {} : filter
}

function combined(tests: readonly RowTest[]): RowTest | undefined {
  return tests.length < 2 ? tests[0] : (row) => tests.every((test) => test(row))
}
