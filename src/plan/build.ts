import { assertNever } from '../base/assert.ts'
import type {
  BoundPath,
  BoundQuery,
  BoundSegment,
  Expression,
  MemberStep,
  OrderByItem,
  ParameterSlot,
} from '../bind/tree.ts'
import { isComputed } from '../csdl/core.ts'
import type { EntitySet, EntityType, KeyProperty, Singleton, TypeReference } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { QueryOptions } from '../url/ast.ts'
import { checkMethod, type Method } from './methods.ts'
import { checkOptions } from './options.ts'
import type { CountPlan, CreatePlan, DeletePlan, Plan, ReadPlan, Source, SourceStep, UpdatePlan } from './plan.ts'
import { requirementsOf } from './requirements.ts'

/** What a plan is made from; the query is bound only once the options are known to be legal. */
export interface PlanRequest {
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

  const { source, member, raw } = sourceOf(path)
  const { query, slots: querySlots } = request.bindQuery()
  const slots = [...request.pathSlots, ...querySlots]
  return freeze(storePlan(method, { path, source, member, raw, query, slots }))
}

interface Parts {
  readonly path: BoundPath
  readonly source: Source
  readonly member: readonly MemberStep[]
  readonly raw: boolean
  readonly query: BoundQuery
  readonly slots: readonly ParameterSlot[]
}

function storePlan(method: Method, parts: Parts): Plan {
  const { source, query, slots } = parts
  const { select, expand, filter, search } = query
  switch (method) {
    case 'GET': {
      const requires = requirementsOf(source, 'read')
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
        orderby: source.single ? [] : totalOrder(query.orderby, source.type.key),
        select,
        expand,
        top: query.top,
        skip: query.skip,
        count: query.count,
      } satisfies ReadPlan
    }
    case 'POST':
      return {
        kind: 'create',
        requires: requirementsOf(source, 'insert'),
        slots,
        source,
        select,
        expand,
      } satisfies CreatePlan
    case 'PATCH':
    case 'PUT':
      return {
        kind: 'update',
        requires: requirementsOf(source, 'update'),
        slots,
        source,
        replace: method === 'PUT',
        upsert: !keyMadeByService(source.type),
        select,
        expand,
      } satisfies UpdatePlan
    case 'DELETE':
      return { kind: 'delete', requires: requirementsOf(source, 'delete'), slots, source } satisfies DeletePlan
    default:
      return assertNever(method, 'method')
  }
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

function sourceOf(path: BoundPath): { source: Source; member: readonly MemberStep[]; raw: boolean } {
  const [first, ...rest] = path.segments
  const root: EntitySet | Singleton | undefined =
    first?.kind === 'entitySet' ? first.entitySet : first?.kind === 'singleton' ? first.singleton : undefined
  if (!root) throw new ODataError('notImplemented', 'Operations are not implemented by this service.')
  const steps: SourceStep[] = []
  const member: MemberStep[] = []
  let type: EntityType = root.type
  let single = root.kind === 'singleton'
  let raw = false
  for (const segment of rest) {
    const step = sourceStep(segment, member.length > 0)
    if (step) {
      steps.push(step)
      if (step.kind === 'key') single = true
      else if (step.kind === 'navigation') single = !step.property.collection
      if (step.kind === 'cast' && step.type.kind === 'entity') type = step.type
      if (step.kind === 'navigation' && step.property.type.kind === 'entity') type = step.property.type
      continue
    }
    if (segment.kind === 'property') member.push({ kind: 'property', property: segment.property })
    else if (segment.kind === 'dynamicProperty') member.push({ kind: 'dynamic', name: segment.name })
    else if (segment.kind === 'cast') member.push({ kind: 'cast', type: segment.type })
    else if (segment.kind === '$value') raw = true
    else if (segment.kind !== '$count')
      throw new ODataError(
        'notImplemented',
        `The path segment ${describe(segment)} is not implemented by this service.`,
      )
  }
  if (path.resource === 'count' && member.length > 0)
    throw new ODataError('notImplemented', '/$count of a property is not implemented by this service.')
  return { source: { root, steps, type, single }, member, raw }
}

function describe(segment: BoundSegment): string {
  return segment.kind === 'operation' ? segment.operation.name : segment.kind
}

function sourceStep(segment: BoundSegment, inMember: boolean): SourceStep | undefined {
  if (inMember) return undefined
  switch (segment.kind) {
    case 'key':
      return { kind: 'key', predicate: segment.predicate }
    case 'cast':
      return { kind: 'cast', type: segment.type }
    case 'navigation':
      return { kind: 'navigation', property: segment.property, target: segment.target }
    case '$filter':
      return { kind: 'filter', predicate: segment.predicate }
    default:
      return undefined
  }
}

/** Adds the key properties that the client's order does not hold, so that paging meets every row once. */
function totalOrder(orderby: readonly OrderByItem[], key: readonly KeyProperty[]): readonly OrderByItem[] {
  const missing = key.filter((part) => !orderby.some(({ expression }) => isKey(expression, part)))
  return [...orderby, ...missing.map((part): OrderByItem => ({ expression: keyExpression(part), descending: false }))]
}

function isKey(expression: Expression, part: KeyProperty): boolean {
  return (
    expression.kind === 'member' &&
    expression.variable === '$it' &&
    expression.steps.length === part.path.length &&
    expression.steps.every((step, i) => step.kind === 'property' && step.property.name === part.path[i])
  )
}

function keyExpression(part: KeyProperty): Expression {
  if (part.path.length > 1)
    throw new ODataError('notImplemented', 'Keys over complex properties are not implemented by this service.')
  return {
    kind: 'member',
    variable: '$it',
    steps: [{ kind: 'property', property: part.property }],
    type: part.property.type,
  }
}

/** Plans are shared between requests: frozen, but not the model they point into (it is frozen already). */
function freeze<P extends Plan>(plan: P): P {
  return Object.freeze(plan)
}
