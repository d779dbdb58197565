import type { BoundPath, BoundQuery, ExpandItem } from '../../bind/tree.ts'
import {
  deleteRestrictionsIn,
  insertRestrictionsIn,
  type ModificationQueryOptions,
  modificationQueryOptionsIn,
  readRestrictionsIn,
  updateRestrictionsIn,
} from '../../csdl/capabilities.ts'
import { isReadable, isWritable, optimisticConcurrency } from '../../csdl/core.ts'
import type { Model, NavigationProperty } from '../../edm/model.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { allow, legalMethods, type Method } from '../methods.ts'
import { type Access, accessRefusal, grantsOf, permissionsOf, Requirements, restrictionTerms } from './access.ts'
import { withAutoExpanded } from './auto-expand.ts'
import { bodyRulesOf } from './body-rules.ts'
import { containerCapability, isSupported, restrictionsOf } from './capability.ts'
import { itemRefusal } from './collection-property.ts'
import { demandsOf, demandsOfAll } from './demands.ts'
import { navigationRefusal, relatingRefusal } from './navigation.ts'
import { namesOf, ownSet, type Place, placeOfMember } from './place.ts'
import { checkQuery } from './query.ts'
import { type PathPosition, type Position, positionsOf } from './references.ts'
import { optionName, refuse, refuseRequest } from './refuse.ts'
import type { Demands, Grant, PlanConditions, Verdict } from './verdict.ts'

/** A request as far as it is known before it is planned. */
export interface CheckedRequest {
  readonly model: Model
  readonly method: Method
  readonly path: BoundPath
  readonly query: BoundQuery
  /** whether it is known where the entities of a navigation property are: what the model expands of itself only then */
  readonly canExpand?: (item: ExpandItem) => boolean
  /** of a PATCH: it changes only what this navigation property relates, and what is made of it */
  readonly relating?: NavigationProperty
  /** checks what else the request looks at from the rows ($apply) */
  readonly also?: (position: Position, requirements: Requirements) => void
}

/**
 * Checks a request against the Capabilities annotations (and Core.Permissions) of everything it touches. The one place where
 * they are enforced, whatever way the request came.
 * @throws ODataError methodNotAllowed with Allow, queryOptionNotAllowed, resourceNotFound, badRequest
 */
export function checkRequest({ model, method, path, query, canExpand, relating, also }: CheckedRequest): Verdict {
  const positions = positionsOf(model, path)
  const last = positions.at(-1)
  if (last === undefined) return { requires: [], expand: query.expand, streams: query.streams, conditions: {} }
  checkWay(positions)
  const access = accessOf(method, last)
  const single = last.keyed || !last.place.collection
  checkMethodAllowed(path, method, last, single, relating)
  checkReach(last, access)
  checkMember(path, method, last)
  if (relating) checkRelating(last, relating)
  if (access !== 'read') checkModificationOptions(last, access, query)

  const requirements = new Requirements()
  requireWay(positions, requirements)
  const permissions = grantsOf(permissionsOf(last, access, single))
  requirements.rows(last.place, permissions)
  const checked = queryOf(path, last, query, single || access !== 'read')
  const expand = checkQuery(checked, requirements)
  also?.(checked.position, requirements)
  const top = last.tail.find((step) => step.kind !== 'cast')
  if (top !== undefined)
    requirements.property(
      last.place,
      top.kind === 'property' ? top.property.name : 'name' in top ? top.name : '',
      permissions,
    )
  const rows = method === 'GET' && ['entityCollection', 'entity', 'singleton'].includes(path.resource)
  return {
    requires: requirements.all(),
    ...(rows && canExpand
      ? withAutoExpanded(checked, expand, requirements, canExpand)
      : { expand, streams: query.streams }),
    conditions: withDemands(conditionsOf(model, last, access, single, permissions), requirements.demands),
  }
}

function withDemands<Conditions extends PlanConditions>(
  conditions: Conditions,
  demands: Demands | undefined,
): Conditions {
  return demands === undefined ? conditions : { ...conditions, demands: demandsOfAll([conditions.demands, demands]) }
}

function conditionsOf(
  model: Model,
  last: PathPosition,
  access: Access,
  single: boolean,
  permissions: readonly Grant[],
): PlanConditions & { readonly upsert?: false } {
  const { place } = last
  const grants = restricted(permissions)
  const demands = demandsOf(model, place, access, single)
  const body = access === 'insert' || access === 'update' ? bodyRulesOf(place, access) : undefined
  const parts: PlanConditions = {
    ...(grants === undefined ? {} : { grants }),
    ...(demands === undefined ? {} : { demands }),
    ...((access === 'update' || access === 'delete') && isVersioned(place) ? { preconditionRequired: true } : {}),
    ...(body === undefined ? {} : { body }),
  }
  if (access !== 'update') return parts
  const upsertable = restrictionsOf(place, 'UpdateRestrictions', updateRestrictionsIn).upsertable !== false
  const insertable = accessRefusal(place, 'insert', false) === undefined
  const reading = new Requirements()
  reading.rows(place, grantsOf(permissionsOf(last, 'read', true)))
  const inserting = new Requirements()
  const insertGrants = grantsOf(permissionsOf(last, 'insert', false))
  inserting.rows(place, insertGrants)
  const insertBody = bodyRulesOf(place, 'insert')
  const insertRestricted = restricted(insertGrants)
  return {
    ...parts,
    ...(upsertable && insertable ? {} : { upsert: false as const }),
    ...(reading.all().length === 0 ? {} : { representation: reading.all() }),
    insert: {
      requires: inserting.all(),
      ...(insertBody === undefined ? {} : { body: insertBody }),
      ...(insertRestricted === undefined ? {} : { grants: insertRestricted }),
    },
  }
}

/** Core.OptimisticConcurrency of the set, or OptimisticConcurrencyControl of the navigation property. */
function isVersioned(place: Place): boolean {
  const set = ownSet(place)
  return (
    (set !== undefined && optimisticConcurrency(set) !== undefined) ||
    isSupported(place, 'OptimisticConcurrencyControl') === true
  )
}

function restricted(grants: readonly Grant[]): readonly Grant[] | undefined {
  return grants.some(({ properties }) => properties !== undefined) ? grants : undefined
}

/** Changing a property of an entity changes the entity. */
function accessOf(method: Method, { tail }: PathPosition): Access {
  if (method === 'GET') return 'read'
  if (tail.some((step) => step.kind !== 'cast')) return 'update'
  return method === 'POST' ? 'insert' : method === 'DELETE' ? 'delete' : 'update'
}

/** What the path itself asks for: keys, casts, navigation. */
function checkWay(positions: readonly PathPosition[]): void {
  for (const [i, { place, keyed, key }] of positions.entries()) {
    // whoever may try keys one after the other could find out the value
    const hidden = key.find((property) => !isReadable(property))
    if (hidden !== undefined)
      refuseRequest('resourceNotFound', `'${hidden.name}' cannot be used as a key`, 'Core.Permissions', place.name)
    if (keyed && isSupported(place, 'IndexableByKey') === false)
      refuseRequest(
        'resourceNotFound',
        `Entities of '${place.name}' cannot be addressed by key`,
        'Capabilities.IndexableByKey',
        place.name,
      )
    const before = positions[i - 1]
    if (before === undefined) continue
    const refusal = navigationRefusal(before.place, place)
    if (refusal !== undefined)
      refuseRequest('resourceNotFound', refusal, 'Capabilities.NavigationRestrictions', place.name)
    if (place.element !== undefined && !isReadable(place.element))
      refuseRequest('resourceNotFound', `'${place.name}' cannot be followed`, 'Core.Permissions', place.name)
    for (const step of before.tail)
      if (step.kind === 'property' && !isReadable(step.property))
        refuseRequest('resourceNotFound', `'${step.property.name}' cannot be followed`, 'Core.Permissions', place.name)
  }
}

/** A set that is left by navigation shows which of its entities are there: reading one of them must be allowed. */
function requireWay(positions: readonly PathPosition[], requirements: Requirements): void {
  const last = positions.at(-1)
  for (const position of positions) {
    if (position === last || ownSet(position.place) === undefined) continue
    const next = positions[positions.indexOf(position) + 1]
    if (next !== undefined && ownSet(next.place) !== undefined)
      requirements.rows(position.place, grantsOf(permissionsOf(position, 'read', true)))
  }
}

/** @throws ODataError methodNotAllowed with the methods that are */
function checkMethodAllowed(
  path: BoundPath,
  method: Method,
  last: PathPosition,
  single: boolean,
  relating: NavigationProperty | undefined,
): void {
  const refusal = relating ? accessRefusal(last.place, 'update', single) : methodRefusal(path, method, last, single)
  if (refusal === undefined) return
  const methods = legalMethods[path.resource].filter((other) => methodRefusal(path, other, last, single) === undefined)
  const access = accessOf(method, last)
  throw new ODataError(
    'methodNotAllowed',
    refusal.includes('UpdateMethod')
      ? `'${last.place.name}' is not changed by ${method} (${refusal}).`
      : `'${last.place.name}' does not allow to ${access} (${refusal}).`,
    { headers: { Allow: allow(methods) } },
  )
}

function methodRefusal(path: BoundPath, method: Method, last: PathPosition, single: boolean): string | undefined {
  const { resource } = path
  const access = accessOf(method, last)
  const refusal = accessRefusal(last.place, access, single) ?? itemRefusal(path, method, last)
  if (
    refusal !== undefined ||
    (method !== 'PUT' && method !== 'PATCH') ||
    resource === 'mediaStream' ||
    last.tail.some(({ kind }) => kind !== 'cast')
  )
    return refusal
  const { updateMethods, deltaUpdateSupported } = restrictionsOf(last.place, 'UpdateRestrictions', updateRestrictionsIn)
  if (resource === 'entityCollection' && deltaUpdateSupported === false)
    return 'Capabilities.UpdateRestrictions/DeltaUpdateSupported'
  return updateMethods === undefined || updateMethods.includes(method)
    ? undefined
    : 'Capabilities.UpdateRestrictions/UpdateMethod'
}

/** What the annotations say of changing the relations of an entity. */
function checkRelating({ place, tail }: PathPosition, property: NavigationProperty): void {
  const term = relatingRefusal(place, tail, property, 'update')
  if (term === undefined) return
  throw new ODataError('methodNotAllowed', `'${property.name}' of '${place.name}' cannot be changed (${term}).`, {
    target: property.name,
    headers: { Allow: allow(['GET']) },
  })
}

/** MaxLevels, FilterSegmentSupported and TypecastSegmentSupported of the access's restrictions. */
function checkReach({ place, tail, conditions }: PathPosition, access: Access): void {
  const name = restrictionTerms[access]
  const term = `Capabilities.${name}`
  const { maxLevels, typecastSegmentSupported, filterSegmentSupported } =
    access === 'read'
      ? { maxLevels: undefined, filterSegmentSupported: undefined, ...restrictionsOf(place, name, readRestrictionsIn) }
      : access === 'insert'
        ? { filterSegmentSupported: undefined, ...restrictionsOf(place, name, insertRestrictionsIn) }
        : access === 'update'
          ? restrictionsOf(place, name, updateRestrictionsIn)
          : restrictionsOf(place, name, deleteRestrictionsIn)
  if (maxLevels !== undefined && place.levels > maxLevels)
    refuseRequest(
      'badRequest',
      `'${place.name}' lies behind more than ${maxLevels} navigation properties`,
      `${term}/MaxLevels`,
      place.name,
    )
  if (conditions.length > 0 && filterSegmentSupported === false)
    refuseRequest(
      'badRequest',
      `The path to '${place.name}' must not choose entities by $filter`,
      `${term}/FilterSegmentSupported`,
      '$filter',
    )
  const [cast] = tail
  if (typecastSegmentSupported === false && cast?.kind === 'cast')
    refuseRequest(
      'badRequest',
      `The path to '${place.name}' must not name the type ${cast.type.name}`,
      `${term}/TypecastSegmentSupported`,
      cast.type.name,
    )
}

/** Core.Permissions of the property that the path names. */
function checkMember({ resource }: BoundPath, method: Method, { tail, place }: PathPosition): void {
  for (const step of tail) {
    if (step.kind !== 'property') continue
    const allowed = (other: Method): boolean =>
      other === 'GET' ? isReadable(step.property) : isWritable(step.property)
    if (allowed(method)) continue
    throw new ODataError(
      'methodNotAllowed',
      `'${step.property.name}' of '${place.name}' cannot be ${method === 'GET' ? 'read' : 'changed'} (Core.Permissions).`,
      { target: step.property.name, headers: { Allow: allow(legalMethods[resource].filter(allowed)) } },
    )
  }
}

/** $expand, $select and $compute of a request that changes data (ModificationQueryOptions). */
function checkModificationOptions({ place }: PathPosition, access: Access, query: BoundQuery): void {
  const name = restrictionTerms[access]
  const own =
    access === 'insert'
      ? restrictionsOf(place, name, insertRestrictionsIn).queryOptions
      : access === 'update'
        ? restrictionsOf(place, name, updateRestrictionsIn).queryOptions
        : undefined
  const general = containerCapability(place.model, 'ModificationQueryOptions')
  const options: ModificationQueryOptions | undefined = own ?? modificationQueryOptionsIn(general)
  if (options === undefined) return
  const term = own ? `Capabilities.${restrictionTerms[access]}/QueryOptions` : 'Capabilities.ModificationQueryOptions'
  const check = (name: string, used: boolean, supported: boolean | undefined): void => {
    // the vocabulary's default is false
    if (used && supported !== true) refuse(optionName(name, false), `cannot be used to ${access} '${place.name}'`, term)
  }
  check('$expand', query.expand.length > 0, options.expand)
  check('$select', query.select !== undefined, options.select)
  check('$compute', query.compute.length > 0, options.compute)
}

/** The options as those of the rows, or of the items of the collection that the path ends in. */
function queryOf({ resource }: BoundPath, last: PathPosition, query: BoundQuery, single: boolean) {
  const items = placeOfMember(last.place, last.tail)
  const position: Position =
    items === undefined
      ? { ...last, steps: last.tail.some(({ kind }) => kind !== 'cast') ? last.tail : [] }
      : {
          place: items,
          steps: [],
          outer: [
            ...last.outer.map((view) => ({ place: view.place, names: [...view.names, ...namesOf(last.tail)] })),
            { place: last.place, names: namesOf(last.tail) },
          ],
        }
  return {
    position,
    query,
    variables: new Map([['$it', position]]),
    single: items === undefined && (single || position.steps.length > 0),
    conditions: last.conditions,
    expanded: false,
    counting: resource === 'count',
  }
}
