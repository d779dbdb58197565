import { anyTypeHasNot } from '../bind/context.ts'
import { stepName } from '../bind/print.ts'
import { mapOperands, replaceMembers } from '../bind/rewrite.ts'
import type {
  BoundPath,
  BoundQuery,
  BoundSegment,
  Expression,
  MemberExpression,
  MemberStep,
  ParameterSlot,
} from '../bind/tree.ts'
import { booleanReference } from '../bind/type-references.ts'
import type { EntitySet, EntityType, Model, Singleton } from '../edm/model.ts'
import { isStructured, isSubtypeOf } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import { demandsOfAll } from './capabilities/demands.ts'
import type { AllPart, AllPlan, ReadPlan } from './plan.ts'

/**
 * `$all` (URL Conventions 4.16): the entity sets and singletons of the service one after the other, in the order of the container;
 * with a cast those that can hold entities of that type. Each is read as on its own, with the options that are about entities.
 */

/** Plans the reading of one set or singleton with a query. */
export type PlanPart = (path: BoundPath, query: BoundQuery) => ReadPlan

/**
 * @param path `$all`, perhaps with a cast
 * @throws ODataError notImplemented ($select and $expand of entities of any type), nameNotFound (a property of entities of any type), and what planning a part throws
 */
export function allPlan(
  model: Model,
  path: BoundPath,
  query: BoundQuery,
  slots: readonly ParameterSlot[],
  planPart: PlanPart,
): AllPlan {
  const [cast] = path.segments
  const type = cast?.kind === 'cast' && cast.type.kind === 'entity' ? cast.type : undefined
  if (type === undefined) refuseUntyped(query)
  const children = [...(model.container?.children.values() ?? [])].filter(
    (child): child is EntitySet | Singleton => child.kind === 'entitySet' || child.kind === 'singleton',
  )
  const holders = children.filter(
    (child) => type === undefined || isSubtypeOf(child.type, type) || isSubtypeOf(type, child.type),
  )
  const parts = holders.flatMap((child) => partOf(child, type, query, planPart))
  const demands = demandsOfAll(parts.map(({ plan }) => plan.demands))
  return Object.freeze({
    kind: 'all',
    requires: [],
    ...(demands === undefined ? {} : { demands }),
    slots,
    type,
    parts,
    sorted: query.orderby.length > 0 && holders.length > 1,
    select: type === undefined ? undefined : query.select,
    expand: query.expand,
    top: query.top,
    skip: query.skip,
    count: query.count,
  })
}

/** A part that the model lets nobody read is none. */
function partOf(
  child: EntitySet | Singleton,
  type: EntityType | undefined,
  query: BoundQuery,
  planPart: PlanPart,
): readonly AllPart[] {
  const start: BoundSegment =
    child.kind === 'entitySet' ? { kind: 'entitySet', entitySet: child } : { kind: 'singleton', singleton: child }
  const narrower = type !== undefined && type !== child.type && isSubtypeOf(type, child.type)
  const own = narrower ? type : child.type
  const path: BoundPath = {
    resource: child.kind === 'entitySet' ? 'entityCollection' : 'singleton',
    segments: narrower ? [start, { kind: 'cast', type }] : [start],
    type: { type: own, collection: child.kind === 'entitySet', nullable: false, facets: {} },
    signature: child.name,
  }
  const ofPart = <T extends { readonly expression: Expression }>(items: readonly T[]): readonly T[] =>
    type === undefined ? items.map((item) => ({ ...item, expression: ofType(item.expression, own) })) : items
  const order = ofPart(query.orderby)
  const asked: BoundQuery = {
    ...query,
    filter: query.filter && (type === undefined ? ofType(query.filter, own) : query.filter),
    compute: ofPart(query.compute),
    // what is the same of all entities of the part orders none of them
    orderby: order.filter(({ expression }) => expression.kind !== 'constant'),
    top: undefined,
    skip: undefined,
  }
  try {
    const plan = planPart(path, asked)
    if (child.kind === 'entitySet') return [{ plan, condition: undefined, order }]
    // a singleton is read as it is, and then asked whether it is meant
    const { related: _, ...rest } = plan
    return [
      {
        plan: Object.freeze({ ...rest, filter: undefined, search: undefined, orderby: [], count: false }),
        condition: plan,
        order,
      },
    ]
  } catch (error) {
    if (error instanceof ODataError && error.code === 'methodNotAllowed') return []
    throw error
  }
}

/** Entities of any type have no properties of their own: only what a cast stands before, or what $compute defines. */
function refuseUntyped({ select, expand, compute, orderby }: BoundQuery): void {
  for (const { expression } of orderby) refuseNames(expression, '$orderby')
  for (const { expression } of compute) refuseNames(expression, '$compute')
  const [option] = [
    // `*` is what there is
    ...([...(select?.properties.keys() ?? [])].every((name) => compute.some(({ alias }) => alias === name))
      ? []
      : ['$select']),
    ...(expand.length === 0 ? [] : ['$expand']),
  ]
  if (option !== undefined)
    throw new ODataError(
      'notImplemented',
      `${option} of entities of any type is not implemented by this service: name a type, $all/Namespace.Type.`,
      { target: option },
    )
}

/** @throws ODataError nameNotFound for properties that no cast stands before */
function refuseNames(expression: Expression, target: string): void {
  replaceMembers(expression, (member) => {
    const [first] = member.steps
    if (member.variable === '$it' && first !== undefined && first.kind !== 'cast') throw noProperty(first, target)
    return member
  })
}

function noProperty(step: MemberStep, target: string): ODataError {
  return new ODataError('nameNotFound', anyTypeHasNot(stepName(step)), { target })
}

const nothing: Expression = { kind: 'constant', value: null, type: undefined }
const yes: Expression = { kind: 'constant', value: true, type: booleanReference }
const no: Expression = { kind: 'constant', value: false, type: booleanReference }

/** Types that entities of every type are of. */
const anyEntity: ReadonlySet<string> = new Set(['Edm.EntityType', 'Edm.Untyped'])

/** An expression about entities of any type as one about those of a type: each cast is said already, of a derived type, or never met. */
function ofType(expression: Expression, type: EntityType): Expression {
  const inner = (one: Expression): Expression => ofType(one, type)
  switch (expression.kind) {
    case 'isOf': {
      const { operand, target } = expression
      if (operand.kind !== 'member' || operand.variable !== '$it' || operand.steps.length > 0)
        return { ...expression, operand: inner(operand) }
      if (target.collection) return no
      if (!isStructured(target.type)) return anyEntity.has(target.type.name) ? yes : no
      if (isSubtypeOf(type, target.type)) return yes
      return isSubtypeOf(target.type, type) ? expression : no
    }
    case 'lambda':
    case 'count':
      if (inner(expression.collection) !== nothing) return mapOperands(expression, inner)
      return expression.kind === 'count' ? nothing : expression.operator === 'all' ? yes : no
    case 'member':
      return memberOf(expression, type)
    case 'defined':
      return no
    default:
      return mapOperands(expression, inner)
  }
}

function memberOf(member: MemberExpression, type: EntityType): Expression {
  if (member.variable !== '$it') return member
  const [first, ...rest] = member.steps
  if (first === undefined) return member
  if (first.kind !== 'cast') throw noProperty(first, '$filter')
  if (isSubtypeOf(type, first.type)) return { ...member, steps: rest }
  return isSubtypeOf(first.type, type) ? member : nothing
}
