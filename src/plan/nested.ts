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
  /** why the model's annotations do not let them be created; undefined: they do */
  readonly refusal: ODataError | undefined
  /** why nothing may be nested or related here when the entity is created, and when it is updated */
  readonly relating: { readonly insert: string | undefined; readonly update: string | undefined }
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
  const common = { linking, relating, where: { root: linking.root, place: linking.place, path }, create }
  if (position && isDeepInsertRefused(position.place)) {
    const refusal = refused(property, 'Capabilities.DeepInsertSupport')
    return { ...common, refusal, requires: [], conditions: {} }
  }
  try {
    const { requires, conditions } = checkRequest({ model, method: 'POST', path, query: noQuery })
    return { ...common, refusal: undefined, requires, conditions }
  } catch (error) {
    if (!(error instanceof ODataError)) throw error
    return { ...common, refusal: error, requires: [], conditions: {} }
  }
}

/** An entity of these must not be created together with others (Capabilities.DeepInsertSupport). */
function isDeepInsertRefused(place: CapabilityPlace): boolean {
  return bool(member(capabilityOf(place, 'DeepInsertSupport'), 'Supported')) === false
}

/** A navigation property that a body must not say. */
export function refused({ name }: NavigationProperty, term: string): ODataError {
  return new ODataError('valueInvalid', `The entities of '${name}' cannot be given here (${term}).`, { target: name })
}
