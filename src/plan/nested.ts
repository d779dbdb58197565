import type { Place } from '../bind/binding-targets.ts'
import { noQuery } from '../bind/no-query.ts'
import type { BoundPath, BoundSegment, MemberStep } from '../bind/tree.ts'
import { bool, member } from '../edm/annotations.ts'
import type { Model, NavigationProperty } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import { capabilityOf } from './capabilities/capability.ts'
import { checkRequest } from './capabilities/check.ts'
import { relatingRefusal } from './capabilities/navigation.ts'
import type { Place as CapabilityPlace } from './capabilities/place.ts'
import { positionsOf } from './capabilities/references.ts'
import type { PlanConditions } from './capabilities/verdict.ts'
import { type Linking, linkingOf } from './linking.ts'
import type { CreatePlan, Requirement, SourceRoot } from './plan.ts'

/** Where an entity stands whose body nests others: as plan, for bindings, for annotations. */
export interface NestingPlace {
  readonly root: SourceRoot
  readonly place: Place
  readonly path: BoundPath
}

/** The entities that a body nests in a navigation property. */
export interface NestedPlan {
  readonly linking: Linking
  readonly where: NestingPlace
  /** creates one of them; the parameter of a contained one is its owner's path */
  readonly create: CreatePlan
  /** what the model says of creating them one by one */
  readonly access: NestedAccess
  /** why nothing may be nested or related here when the entity is created, and when it is updated */
  readonly relating: { readonly insert: string | undefined; readonly update: string | undefined }
  /** the term that keeps what is related: it must not be parted */
  readonly kept: string | undefined
  /** what the model says of nesting (Capabilities.DeepInsertSupport, DeepUpdateSupport) */
  readonly deep: { readonly insert: DeepSupport; readonly update: DeepSupport }
}

interface DeepSupport {
  readonly refusal: ODataError | undefined
  /** whether Core.ContentID comes back */
  readonly contentIds: boolean
}

/** What a request to one of the nested entities would need. */
export interface NestedAccess {
  /** why the model's annotations do not let it be; undefined: they do */
  readonly refusal: ODataError | undefined
  readonly requires: readonly Requirement[]
  readonly conditions: PlanConditions
}

const known = new WeakMap<BoundPath, Map<string, NestedPlan>>()

/**
 * How the entities nested in a navigation property are written: as if they were posted to the URL that leads there (Protocol
 * 11.4.2.2), permissions and restrictions included. Made once for each path.
 * @throws ODataError notImplemented where the relation cannot be written
 */
export function nestedPlan(
  model: Model,
  where: NestingPlace,
  via: readonly MemberStep[],
  property: NavigationProperty,
): NestedPlan {
  let plans = known.get(where.path)
  if (plans === undefined) {
    plans = new Map()
    known.set(where.path, plans)
  }
  const names = via.map((step) => (step.kind === 'property' ? step.property.name : ''))
  const key = [property.declaringType.name, ...names, property.name].join('/')
  let plan = plans.get(key)
  if (plan === undefined) {
    plan = makePlan(model, where, via, property)
    plans.set(key, plan)
  }
  return plan
}

function makePlan(
  model: Model,
  { root, place, path: before }: NestingPlace,
  via: readonly MemberStep[],
  property: NavigationProperty,
): NestedPlan {
  const linking = linkingOf(model, root, place, via, property)
  const contained = linking.kind === 'contained'
  const target = linking.kind === 'contained' ? undefined : linking.root
  const segments: BoundSegment[] = [...before.segments]
  for (const step of via) if (step.kind === 'property') segments.push({ kind: 'property', property: step.property })
  segments.push({ kind: 'navigation', property, target, contained })
  const path: BoundPath = { ...before, resource: 'entityCollection', segments }
  const create: CreatePlan = {
    kind: 'create',
    requires: [],
    slots: [],
    source: { root: linking.root, ...(contained ? { owner: 0 } : {}), steps: [], type: linking.type, single: false },
    select: undefined,
    expand: [],
  }
  const position = positionsOf(model, before).at(-1)
  const relating = {
    insert: position && relatingRefusal(position.place, [...position.tail, ...via], property, 'insert'),
    update: position && relatingRefusal(position.place, [...position.tail, ...via], property, 'update'),
  }
  return {
    linking,
    relating,
    kept: position && relatingRefusal(position.place, [...position.tail, ...via], property, 'delete'),
    where: { root: linking.root, place: linking.place, path },
    create,
    access: accessOf(model, path, 'POST'),
    deep: {
      insert: supportOf(position?.place, property, 'DeepInsertSupport'),
      update: supportOf(position?.place, property, 'DeepUpdateSupport'),
    },
  }
}

type Method = 'POST' | 'PATCH' | 'PUT' | 'DELETE'

const accesses = new WeakMap<NestedPlan, Map<Method, NestedAccess>>()

/** What changing, replacing or deleting one nested entity that is there already needs, as if it were asked for by its own URL. */
export function nestedAccess(model: Model, plan: NestedPlan, method: 'PATCH' | 'PUT' | 'DELETE'): NestedAccess {
  let byMethod = accesses.get(plan)
  if (byMethod === undefined) {
    byMethod = new Map()
    accesses.set(plan, byMethod)
  }
  let access = byMethod.get(method)
  if (access === undefined) {
    const { path } = plan.where
    const key: BoundSegment = { kind: 'key', predicate: { key: plan.linking.type.key, parameters: [] } }
    const segments = plan.linking.property.collection ? [...path.segments, key] : path.segments
    access = accessOf(model, { ...path, resource: 'entity', segments }, method)
    byMethod.set(method, access)
  }
  return access
}

function accessOf(model: Model, path: BoundPath, method: Method): NestedAccess {
  try {
    const { requires, conditions } = checkRequest({ model, method, path, query: noQuery })
    return { refusal: undefined, requires, conditions }
  } catch (error) {
    if (!(error instanceof ODataError)) throw error
    return { refusal: error, requires: [], conditions: {} }
  }
}

function supportOf(
  place: CapabilityPlace | undefined,
  property: NavigationProperty,
  term: 'DeepInsertSupport' | 'DeepUpdateSupport',
): DeepSupport {
  const said = place && capabilityOf(place, term)
  const denied = bool(member(said, 'Supported')) === false
  return {
    refusal: denied ? refused(property, `Capabilities.${term}`) : undefined,
    contentIds: bool(member(said, 'ContentIDSupported')) !== false,
  }
}

/** A navigation property that a body must not say. */
export function refused({ name }: NavigationProperty, term: string): ODataError {
  return new ODataError('valueInvalid', `The entities of '${name}' cannot be given here (${term}).`, { target: name })
}
