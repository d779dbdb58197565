import { assertNever } from '../base/assert.ts'
import type { BoundPath, BoundQuery, Expression, MemberStep, OrderByItem, ParameterSlot } from '../bind/tree.ts'
import { isComputed } from '../csdl/core.ts'
import type { EntityType, KeyProperty, Model, Property, StructuredType, TypeReference } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { QueryOptions } from '../url/ast.ts'
import { checkRequest } from './capabilities/check.ts'
import { allow, checkMethod, type Method } from './methods.ts'
import { checkOptions } from './options.ts'
import type { CountPlan, CreatePlan, DeletePlan, Plan, ReadPlan, Requirement, StorePlan, UpdatePlan } from './plan.ts'
import { type PathSource, sourceOf } from './source.ts'

/** What a plan is made from; the query is bound only once the options are known to be legal. */
export interface PlanRequest {
  readonly model: Model
  readonly method: string
  readonly path: BoundPath
  readonly options: QueryOptions
  /** binds the query options; called at most once */
  readonly bindQuery: () => { readonly query: BoundQuery; readonly slots: readonly ParameterSlot[] }
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
  checkOptions(path.resource, options, method === 'GET')
  if (options.apply !== undefined)
    throw new ODataError('notImplemented', '$apply is not implemented by this service.', { target: '$apply' })
  for (const name of ['index', 'deltatoken'] as const)
    if (options[name] !== undefined)
      throw new ODataError('notImplemented', `$${name} is not implemented by this service.`, { target: `$${name}` })
  if (path.resource === 'serviceDocument') return freeze({ kind: 'serviceDocument', requires: [], slots: [] })
  if (path.resource === 'metadata') return freeze({ kind: 'metadata', requires: [], slots: [] })
  if (path.resource === 'batch') return freeze({ kind: 'batch', requires: [], slots: [] })

  const { query: bound, slots: querySlots } = request.bindQuery()
  const slots = [...request.pathSlots, ...querySlots]
  const place = sourceOf(path, slots.length)
  const { requires, expand, conditions } = checkRequest({ model: request.model, method, path, query: bound })
  const query = expand === bound.expand ? bound : { ...bound, expand }
  const plan = { ...storePlan(method, { ...place, path, query, slots, requires }), ...conditions }
  return freeze(place.hops.length === 0 ? plan : { ...plan, hops: place.hops })
}

interface Parts extends PathSource {
  readonly path: BoundPath
  readonly query: BoundQuery
  readonly slots: readonly ParameterSlot[]
  readonly requires: readonly Requirement[]
}

function storePlan(method: Method, parts: Parts): StorePlan {
  const { source, query, slots, requires, fixed } = parts
  const { select, expand, filter, search } = query
  switch (method) {
    case 'GET': {
      if (parts.path.resource === 'count')
        return { kind: 'count', requires, slots, source, filter, search } satisfies CountPlan
      return {
        kind: 'read',
        requires,
        slots,
        source,
        member: parts.member,
        memberType: parts.member.length > 0 ? memberTypeOf(parts.path) : undefined,
        raw: parts.raw,
        filter,
        search,
        compute: query.compute,
        orderby: source.single ? [] : totalOrder(query.orderby, source.type),
        select,
        expand,
        top: query.top,
        skip: query.skip,
        count: query.count,
      } satisfies ReadPlan
    }
    case 'POST':
      if (parts.relation === 'links') throw linksNotWritten(parts)
      return {
        kind: 'create',
        requires,
        slots,
        source,
        ...(fixed.length === 0 ? {} : { fixed }),
        select,
        expand,
      } satisfies CreatePlan
    case 'PATCH':
    case 'PUT':
      return {
        kind: 'update',
        requires,
        slots,
        source,
        replace: method === 'PUT',
        upsert: canUpsert(parts),
        ...(fixed.length === 0 ? {} : { fixed }),
        select,
        expand,
      } satisfies UpdatePlan
    case 'DELETE':
      if (source.root.kind === 'singleton' && !source.root.nullable && parts.relation === undefined)
        throw new ODataError('methodNotAllowed', `'${source.root.name}' is always there: it cannot be deleted.`, {
          headers: { Allow: allow(['GET', 'PATCH', 'PUT']) },
        })
      return { kind: 'delete', requires, slots, source } satisfies DeletePlan
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

function linksNotWritten({ hops }: Parts): ODataError {
  const name = hops.at(-1)?.property?.name ?? ''
  return new ODataError(
    'notImplemented',
    `Entities cannot be created by way of ${name}, which has no referential constraint: create the entity in its set.`,
    { target: name },
  )
}

/** Whether the service makes the key of new entities: a key property is computed (Core.Computed; Protocol 11.4.2, 11.4.4). */
export function keyMadeByService(type: EntityType): boolean {
  return type.key.some(({ property }) => isComputed(property))
}

function memberTypeOf(path: BoundPath): TypeReference | undefined {
  for (let i = path.segments.length - 1; i >= 0; i--) {
    const segment = path.segments[i]
    if (segment?.kind === 'property') return segment.property.type
    if (segment?.kind === 'dynamicProperty') return undefined
  }
  return undefined
}

/** Adds the key properties that the client's order does not hold, so that paging meets every row once. */
function totalOrder(orderby: readonly OrderByItem[], type: EntityType): readonly OrderByItem[] {
  const missing = type.key.filter((part) => !orderby.some(({ expression }) => isKey(expression, part)))
  return [
    ...orderby,
    ...missing.map((part): OrderByItem => ({ expression: keyExpression(type, part), descending: false })),
  ]
}

function isKey(expression: Expression, part: KeyProperty): boolean {
  return (
    expression.kind === 'member' &&
    expression.variable === '$it' &&
    expression.steps.length === part.path.length &&
    expression.steps.every((step, i) => step.kind === 'property' && step.property.name === part.path[i])
  )
}

function keyExpression(type: EntityType, part: KeyProperty): Expression {
  const steps: MemberStep[] = []
  let owner: StructuredType | undefined = type
  for (const name of part.path) {
    const property: Property | undefined = owner?.allProperties.get(name)
    if (property === undefined)
      throw new ODataError('notImplemented', 'Keys over navigation properties are not implemented by this service.')
    steps.push({ kind: 'property', property })
    owner = isStructured(property.type.type) ? property.type.type : undefined
  }
  return { kind: 'member', variable: '$it', steps, type: part.property.type }
}

/** Plans are shared between requests: frozen, but not the model they point into (it is frozen already). */
function freeze<P extends Plan>(plan: P): P {
  return Object.freeze(plan)
}
