import { assertNever, invariant } from '../base/assert.ts'
import type { BoundTransformation } from '../bind/apply/bind-query.ts'
import type { BoundQueryResult } from '../bind/bind-query.ts'
import { isContained } from '../bind/binding-targets.ts'
import { noQuery } from '../bind/no-query.ts'
import type { RootReference } from '../bind/root.ts'
import { choosesItems, selectedComputed } from '../bind/select.ts'
import type {
  BoundPath,
  BoundQuery,
  BoundSegment,
  ExpandItem,
  Expression,
  MemberStep,
  ParameterSlot,
} from '../bind/tree.ts'
import { booleanReference } from '../bind/type-references.ts'
import { isComputed, isPositionalInsert } from '../csdl/core.ts'
import type { EntityType, Model, NavigationProperty, Operation, TypeReference } from '../edm/model.ts'
import { isMedia } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { QueryOptions } from '../url/ast.ts'
import { appliesInside, asksOfCollection } from '../url/collection-wide.ts'
import { allPlan } from './all.ts'
import { applyPlan } from './apply.ts'
import { checkRequest } from './capabilities/check.ts'
import { demandsOfAll } from './capabilities/demands.ts'
import { checkOperations } from './capabilities/operation.ts'
import { crossjoinPlan } from './crossjoin.ts'
import { expansionsOf, placeOfPath } from './expansion.ts'
import { itemsOf } from './items.ts'
import { calledOnEach, callsPlan, membersPlan } from './members.ts'
import { allow, checkMethod, type Method } from './methods.ts'
import type { NestingPlace } from './nested.ts'
import { checkOptions } from './options.ts'
import { keptOrder, totalOrder } from './order.ts'
import type {
  CountPlan,
  CreatePlan,
  DeletePlan,
  Expansion,
  InvokePlan,
  Plan,
  ReadPlan,
  Requirement,
  StorePlan,
  UpdatePlan,
} from './plan.ts'
import { keptOf, propertyTarget } from './property-change.ts'
import { linkedTo, referencePlan } from './references.ts'
import { relatedQuery, relatedQueryAt, relatedValues } from './related.ts'
import { resultOrder } from './result.ts'
import { rootValues } from './roots.ts'
import { type PathSource, sourceOf } from './source.ts'
import { streamTarget } from './stream.ts'
import { trackingRefusal } from './tracking.ts'

/** What a plan is made from; the query is bound only once the options are known to be legal. */
export interface PlanRequest {
  readonly model: Model
  readonly method: string
  readonly path: BoundPath
  readonly options: QueryOptions
  /** binds the query options; called at most once */
  readonly bindQuery: () => Pick<BoundQueryResult, 'query' | 'slots' | 'roots'>
  /** binds the options of a request with $apply instead; undefined: nothing that it can be applied to */
  readonly bindTransformation: () => BoundTransformation | undefined
  /** slots of the path's parameters */
  readonly pathSlots: readonly ParameterSlot[]
}

/**
 * Decides what a request asks for: the method and the options are legal on the resource, the Capabilities annotations allow
 * it, and what the caller must hold is listed.
 * @throws ODataError methodNotAllowed, queryOptionNotAllowed, notImplemented, and what binding throws
 */
export function buildPlan(request: PlanRequest): Plan {
  const { path, options } = request
  const method = checkMethod(path, request.method)
  const called = calledOnEach(path)
  if (called !== undefined) return freeze(callsPlan(request, called, (collection) => membersOf(request, collection)))
  checkOptions(path.resource, options, method === 'GET')
  if (options.index !== undefined && path.resource === 'entityCollection') {
    const refused = positionRefused(request.model, path, method)
    if (refused !== undefined) throw refused
  }
  if (path.resource === 'serviceDocument') return freeze({ kind: 'serviceDocument', requires: [], slots: [] })
  if (path.resource === 'metadata') return freeze({ kind: 'metadata', requires: [], slots: [] })
  if (path.resource === 'batch') return freeze({ kind: 'batch', requires: [], slots: [] })

  if (method !== 'GET' && (path.resource === 'reference' || path.resource === 'referenceCollection'))
    return freeze(referencePlan({ model: request.model, method, path, pathSlots: request.pathSlots, options }))
  if (path.resource === 'eachEntity' || (path.resource === 'entityCollection' && isUpdate(method)))
    return freeze(membersPlan(request, method, (collection) => membersOf(request, collection), request.bindQuery))
  if (method === 'GET' && isTransformed(path, options)) {
    let transformation: BoundTransformation | undefined
    const plan = applyPlan(request.model, path, options, request.pathSlots, () => {
      transformation = request.bindTransformation()
      return transformation
    })
    return withRoots(request, plan, transformation?.roots ?? [])
  }

  const action = actionOf(path)
  const { query: bound, slots: querySlots, roots } = request.bindQuery()
  const slots = [...request.pathSlots, ...querySlots]
  const [start] = path.segments
  if (bound.streams !== undefined && path.resource === 'all') throw streamsRefused()
  const joins = start?.kind === 'crossjoin'
  if (joins && [bound, ...bound.expand.map(({ query }) => query)].some(({ streams }) => streams)) throw streamsRefused()
  if (start?.kind === 'crossjoin')
    return withRoots(request, crossjoinPlan(request.model, start.type, start.entitySets, bound, slots), roots)
  if (path.resource === 'all') {
    const plan = allPlan(request.model, path, bound, slots, (part, query) => {
      const plan = rowsPlan({ ...request, path: part }, 'GET', query, slots)
      invariant(plan.kind === 'read', 'entities are read')
      return plan
    })
    return withRoots(request, plan, roots)
  }
  const planned = rowsPlan(request, action ? 'GET' : method, bound, slots, method)
  const shown = planned.kind === 'update' && planned.property ? planned.property.shown : planned
  if (bound.streams !== undefined && (action !== undefined || !('streams' in shown))) throw streamsRefused()
  return withRoots(request, action ? invokePlan(action, sourceOf(path, slots.length), planned) : planned, roots)
}

/**
 * Entities are put at a position only where the model says that a collection takes them there (Protocol 11.4.11), and where an order is kept: of
 * contained ones.
 * @returns undefined: they are
 */
function positionRefused(model: Model, { segments }: BoundPath, method: Method): ODataError | undefined {
  const last = segments.findLast(({ kind }) => kind === 'navigation' || kind === 'entitySet')
  const collection =
    last?.kind === 'navigation' ? last.property : last?.kind === 'entitySet' ? last.entitySet : undefined
  if (method === 'POST' && collection !== undefined && isPositionalInsert(collection)) {
    if (last?.kind === 'navigation' && isContained(model, last.property) && !takesMedia(last.property)) return undefined
    return new ODataError(
      'notImplemented',
      `'${collection.name}' takes entities at a position (Core.PositionalInsert), which this service does of contained entities only, and not of media.`,
      { target: '$index' },
    )
  }
  return new ODataError(
    'queryOptionNotAllowed',
    'Entities can be put at a position only by POST into collections annotated Core.PositionalInsert.',
    { target: '$index' },
  )
}

function takesMedia({ type }: NavigationProperty): boolean {
  return type.kind === 'entity' && [type, ...type.derivedTypes].some((each) => each.kind === 'entity' && isMedia(each))
}

function streamsRefused(): ODataError {
  return new ODataError('notImplemented', 'Streams in $expand are given with entities of sets and singletons only.', {
    target: '$expand',
  })
}

/** Adds what is to be read of `$root`. */
function withRoots<P extends Plan>(request: PlanRequest, plan: P, roots: readonly RootReference[]): P {
  if (roots.length === 0) return freeze(plan)
  const { model } = request
  const { values, requires, demands } = rootValues(model, roots, plan.slots, (path, query) =>
    rowsPlan({ ...request, path }, 'GET', query, plan.slots),
  )
  const untracked =
    plan.kind === 'read' && !plan.source.single ? { untracked: 'a value of $root cannot be tracked' } : {}
  const asked = demandsOfAll([plan.demands, demands])
  return freeze({
    ...plan,
    ...untracked,
    ...(asked === undefined ? {} : { demands: asked }),
    requires: [...plan.requires, ...requires],
    roots: values,
  })
}

/**
 * What a store is asked for.
 * @param method what is done to the rows; `asked` where the request's own is another one
 */
function rowsPlan(
  request: PlanRequest,
  method: Method,
  bound: BoundQuery,
  slots: readonly ParameterSlot[],
  asked = method,
): StorePlan {
  const { path } = request
  const place = sourceOf(path, slots.length)
  if (place.member.length > 0 && choosesItems(bound.select))
    throw new ODataError('notImplemented', 'Options of collections inside $select of a property are not implemented.', {
      target: '$select',
    })
  const computed = selectedComputed(bound.compute, bound.select)
  if (computed[0] !== undefined && place.member.length > 0)
    throw new ODataError(
      'notImplemented',
      `Selecting what $compute calculates (${computed[0].alias}) of a property is not implemented.`,
      { target: '$compute' },
    )
  const check = path.segments.some(({ kind }) => kind === 'operation') ? checkOperations : checkRequest
  const { requires, expand, streams, conditions } = check({
    model: request.model,
    method: asked,
    path,
    query: bound,
    canExpand: (item) => isExpandable(request.model, path, place, item),
  })
  const query = expand === bound.expand && streams === bound.streams ? bound : { ...bound, expand, streams }
  // what an action gives is read once it is done
  const positional = request.options.index !== undefined
  // not frozen yet, and only this function's: parts are added in place, copies of so many members are slow
  const plan = ruled(
    Object.assign(
      storePlan(method, partsOf(place, { model: request.model, path, query, slots, requires, positional })),
      conditions,
    ),
  )
  const first = slots.length + place.hops.reduce((sum, { values }) => sum + values.length, 0)
  if (plan.kind === 'read' || plan.kind === 'count') {
    const related = relatedQuery(request.model, path, plan, first)
    if (related !== undefined) Object.assign(plan, { related })
  }
  if (computed.length > 0 && 'select' in plan) {
    const related = relatedValues(request.model, path, plan, computed, first)
    Object.assign(plan, { computed: related === undefined ? { items: computed } : { items: computed, related } })
  }
  if (place.hops.length > 0) Object.assign(plan, { hops: place.hops })
  if (expand.length > 0 && plan.kind !== 'read' && place.member.some(isCollection))
    throw new ODataError('notImplemented', '$expand of items is not implemented where they are changed.', {
      target: '$expand',
    })
  if (expand.length > 0) Object.assign(plan, { expansions: expansions(request.model, path, place, expand, first) })
  if (plan.kind === 'read' && !plan.source.single) {
    const untracked = trackingRefusal(request.model, path, plan)
    if (untracked !== undefined) Object.assign(plan, { untracked })
  }
  return freeze(plan)
}

function isCollection(step: MemberStep): boolean {
  return step.kind === 'property' && step.property.type.collection
}

function isUpdate(method: Method): boolean {
  return method === 'PATCH' || method === 'PUT'
}

/** Reads the entities that a request changes one by one. */
function membersOf({ model, pathSlots }: PlanRequest, path: BoundPath): { rows: ReadPlan; place: PathSource } {
  // as $filter, conditions of the path may follow navigation properties
  const filter = path.segments.reduce<Expression | undefined>(
    (all, segment) => (segment.kind === '$filter' ? conjunction(all, segment.predicate) : all),
    undefined,
  )
  const segments = path.segments.filter(({ kind }) => kind !== '$filter')
  const place = sourceOf({ ...path, segments }, pathSlots.length)
  const query = { ...noQuery, filter }
  const rows = rowPlan('GET', partsOf(place, { model, path, query, slots: pathSlots, requires: [], positional: false }))
  invariant(rows.kind === 'read', 'entities are read')
  const first = pathSlots.length + place.hops.reduce((sum, { values }) => sum + values.length, 0)
  const related = relatedQuery(model, path, rows, first)
  return { rows: freeze({ ...rows, ...(related === undefined ? {} : { related }) }), place }
}

function conjunction(left: Expression | undefined, right: Expression): Expression {
  return left === undefined ? right : { kind: 'binary', operator: 'and', left, right, type: booleanReference }
}

/** The action that a path ends with (Protocol 11.5.5: nothing follows one). */
function actionOf({ segments }: BoundPath): Operation | undefined {
  const last = segments.at(-1)
  return last?.kind === 'operation' && last.operation.kind === 'action' ? last.operation : undefined
}

function invokePlan({ returnType }: Operation, { source }: PathSource, read: StorePlan): InvokePlan {
  const { root } = source
  invariant(root.kind === 'result' && read.kind === 'read', 'an action gives a result that is read')
  const { requires, slots, demands } = read
  return freeze({
    kind: 'invoke',
    requires,
    slots,
    ...(demands === undefined ? {} : { demands }),
    call: root.call,
    read: returnType === undefined ? undefined : read,
  })
}

/** Whether a segment leads from a row to a property of it, the last row of the path. */
function isOfValue(_: BoundSegment, i: number, segments: readonly BoundSegment[]): boolean {
  const rest = segments.slice(i)
  return rest[0]?.kind === 'property' && rest.every(({ kind }) => kind === 'property' || kind === 'cast')
}

function isExpandable(model: Model, path: BoundPath, { source }: PathSource, item: ExpandItem): boolean {
  try {
    expansionsOf(model, path, source, [item], 0, relatedQueryAt)
    return true
  } catch (error) {
    if (error instanceof ODataError) return false
    throw error
  }
}

function expansions(
  model: Model,
  path: BoundPath,
  { source, member }: PathSource,
  expand: readonly ExpandItem[],
  firstParameter: number,
): readonly Expansion[] {
  if (member.length === 0) return expansionsOf(model, path, source, expand, firstParameter, relatedQueryAt)
  // of a complex value: what its row leads to by way of it
  if (member.some(({ kind }) => kind === 'dynamic'))
    throw new ODataError('notImplemented', '$expand of a dynamic property is not implemented by this service.', {
      target: '$expand',
    })
  const segments = path.segments.slice(0, path.segments.findIndex(isOfValue))
  const items = expand.map((item) => ({ ...item, path: [...member, ...item.path] }))
  return expansionsOf(model, { segments }, source, items, firstParameter, relatedQueryAt)
}

interface Parts extends PathSource, Asked {}

interface Asked {
  readonly model: Model
  readonly path: BoundPath
  readonly query: BoundQuery
  readonly slots: readonly ParameterSlot[]
  readonly requires: readonly Requirement[]
  /** `$index` is said */
  readonly positional: boolean
}

/** Written out: V8 makes a slow object of a spread with so many members. */
function partsOf(place: PathSource, asked: Asked): Parts {
  return {
    source: place.source,
    member: place.member,
    memberFilters: place.memberFilters,
    raw: place.raw,
    references: place.references,
    fixed: place.fixed,
    relation: place.relation,
    hops: place.hops,
    model: asked.model,
    path: asked.path,
    query: asked.query,
    slots: asked.slots,
    requires: asked.requires,
    positional: asked.positional,
  }
}

function storePlan(method: Method, parts: Parts): StorePlan {
  const stream = streamTarget(method, parts.path, parts)
  if (stream === undefined) return propertyPlan(method, parts) ?? rowPlan(method, parts)
  // taking away the value of a stream property changes its entity
  const plan = rowPlan(stream.removed ? 'PUT' : method, parts)
  return plan.kind === 'update' ? { ...plan, stream, replace: false } : { ...plan, stream }
}

/** Changing a property of an entity changes the entity; where there is none, there is nothing to change. */
function propertyPlan(method: Method, parts: Parts): UpdatePlan | undefined {
  if (method === 'GET' || parts.member.length === 0) return undefined
  const shown = rowPlan('GET', parts)
  invariant(shown.kind === 'read', 'a property is read')
  const property = propertyTarget(method, { ...parts, shown: freeze(shown) })
  const plan = rowPlan('PATCH', { ...parts, query: noQuery })
  if (property === undefined || plan.kind !== 'update') return undefined
  return { ...plan, upsert: false, property: { ...property, kept: [] } }
}

/** What the model says of parts of the property that changes. */
function ruled<P extends StorePlan>(plan: P): P {
  if (plan.kind !== 'update' || plan.property === undefined) return plan
  return { ...plan, upsert: false, property: { ...plan.property, kept: keptOf(plan.property.path, plan) } }
}

/** @param member that the request is about: streams of a complex value are those of its row, by way of it */
function streamsOf({ streams }: Pick<BoundQuery, 'streams'>, member: readonly MemberStep[]): Pick<ReadPlan, 'streams'> {
  if (
    streams === undefined ||
    member.some((step) => step.kind !== 'cast' && (step.kind !== 'property' || isCollection(step)))
  )
    return {}
  return {
    streams: member.length === 0 ? streams : streams.map((each) => ({ ...each, path: [...member, ...each.path] })),
  }
}

function rowPlan(method: Method, parts: Parts): StorePlan {
  const { source, query, slots, requires, fixed } = parts
  const { select, expand, filter, search } = query
  const items =
    parts.member.length === 0
      ? undefined
      : itemsOf(parts.member, parts.memberFilters, query, parts.path.resource === 'count')
  switch (method) {
    case 'GET': {
      if (parts.path.resource === 'count' && parts.member.length === 0)
        return { kind: 'count', requires, slots, source, filter, search } satisfies CountPlan
      return {
        kind: 'read',
        requires,
        slots,
        source,
        member: items?.member ?? parts.member,
        memberType: parts.member.length > 0 ? memberTypeOf(parts.path) : undefined,
        ...(items === undefined ? {} : { items: items.items }),
        raw: parts.raw || parts.path.resource === 'count',
        ...(parts.references ? { references: true as const } : {}),
        filter: items === undefined ? filter : undefined,
        search: items === undefined ? search : undefined,
        compute: parts.member.length === 0 ? query.compute : [],
        // of one row only $all asks it: how the row stands among those of others
        orderby:
          source.single && query.orderby.length === 0
            ? []
            : source.root.kind === 'result'
              ? resultOrder(query.orderby)
              : query.orderby.length === 0
                ? keptOrder(source.root)
                : totalOrder(query.orderby, source.type),
        select,
        expand,
        ...(!parts.references && source.root.kind !== 'result' ? streamsOf(query, parts.member) : {}),
        top: items === undefined ? query.top : undefined,
        skip: items === undefined ? query.skip : undefined,
        count: items === undefined && query.count,
      } satisfies ReadPlan
    }
    case 'POST':
      return {
        kind: 'create',
        requires,
        slots,
        source,
        nesting: nestingOf(parts),
        ...(parts.relation === 'links' ? { linked: linkedTo(parts.model, parts.path, parts.slots.length) } : {}),
        ...(fixed.length === 0 ? {} : { fixed }),
        select,
        expand,
        ...streamsOf(query, []),
      } satisfies CreatePlan
    case 'PATCH':
    case 'PUT':
      return {
        kind: 'update',
        requires,
        slots,
        source,
        nesting: nestingOf(parts),
        replace: method === 'PUT',
        upsert: canUpsert(parts),
        ...(fixed.length === 0 ? {} : { fixed }),
        select,
        expand,
        ...(parts.member.length === 0 ? streamsOf(query, []) : {}),
      } satisfies UpdatePlan
    case 'DELETE':
      if (source.root.kind === 'singleton' && !source.root.nullable && parts.relation === undefined)
        throw new ODataError('methodNotAllowed', `'${source.root.name}' is always there: it cannot be deleted.`, {
          headers: { Allow: allow(['GET', 'PATCH', 'PUT']) },
        })
      return {
        kind: 'delete',
        requires,
        slots,
        source,
        place: placeOfPath(parts.model, parts.path),
      } satisfies DeletePlan
    default:
      return assertNever(method, 'method')
  }
}

/**
 * Whether a missing entity is created (Protocol 11.4.4): where the URL says its key, or needs none as there is one for each
 * owner; not where the entity would have to be linked to another one first.
 */
function canUpsert({ source, relation, hops }: Parts): boolean {
  if (source.root.kind === 'singleton') return relation === undefined
  if (source.root.kind === 'contained' && !source.root.property.collection) return true
  if (relation === 'links' || (relation === 'constraint' && !hops.at(-1)?.property?.collection)) return false
  return !keyMadeByService(source.type)
}

function nestingOf({ model, source, path }: Parts): NestingPlace {
  return { root: source.root, place: placeOfPath(model, path), path }
}

/** Whether the service makes the key of new entities: a key property is computed (Core.Computed; Protocol 11.4.2, 11.4.4). */
export function keyMadeByService(type: EntityType): boolean {
  return type.key.some(({ property }) => isComputed(property))
}

function memberTypeOf(path: BoundPath): TypeReference | undefined {
  let ordinal = false
  for (let i = path.segments.length - 1; i >= 0; i--) {
    const segment = path.segments[i]
    if (segment?.kind === 'ordinal') ordinal = true
    if (segment?.kind === 'operation') {
      const { returnType } = segment.operation
      return ordinal && returnType ? { ...returnType, collection: false, nullable: true } : returnType
    }
    if (segment?.kind === 'property')
      return ordinal ? { ...segment.property.type, collection: false, nullable: true } : segment.property.type
    if (segment?.kind === 'dynamicProperty') return undefined
  }
  return undefined
}

/** Whether a collection is transformed, or looked at as a whole. */
function isTransformed({ resource }: BoundPath, options: QueryOptions): boolean {
  if (options.apply !== undefined || asksOfCollection(options)) return true
  return resource === 'entityCollection' && appliesInside(options)
}

/** Plans are shared between requests: frozen, but not the model they point into (it is frozen already). */
function freeze<P extends Plan>(plan: P): P {
  return Object.freeze(plan)
}
