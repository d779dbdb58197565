import { invariant } from '../base/assert.ts'
import { noQuery } from '../bind/no-query.ts'
import type { BoundPath, BoundSegment, ParameterSlot } from '../bind/tree.ts'
import type { Model } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { QueryOptions } from '../url/ast.ts'
import { checkRequest } from './capabilities/check.ts'
import { relatingRefusal } from './capabilities/navigation.ts'
import { positionsOf } from './capabilities/references.ts'
import { placeOfPath } from './expansion.ts'
import { type Linked, linkingOf } from './linking.ts'
import { allow, type Method, methodRefused } from './methods.ts'
import type { LinkedTo, ReferencePlan } from './plan.ts'
import { hopPlan, sourceOf } from './source.ts'

/** A request to change references, before it is planned. */
export interface ReferenceRequest {
  readonly model: Model
  readonly method: Method
  readonly path: BoundPath
  readonly pathSlots: readonly ParameterSlot[]
  readonly options: QueryOptions
}

type Navigation = Extract<BoundSegment, { kind: 'navigation' }>

/**
 * POST, PUT and DELETE of `$ref` (Protocol 11.4.6): changing what a navigation property relates is an update of the entity that
 * has it.
 * @throws ODataError methodNotAllowed with Allow, queryOptionNotAllowed, notImplemented
 */
export function referencePlan({ model, method, path, pathSlots, options }: ReferenceRequest): ReferencePlan {
  const { segments } = path
  const at = segments.findLastIndex(({ kind }) => kind === 'navigation')
  const navigation = segments[at]
  const behind = segments.slice(at + 1, -1)
  // a key before the last navigation property belongs to the entity that has it
  if (navigation?.kind !== 'navigation') throw methodRefused(method, ['GET'])
  if (behind.some(({ kind }) => kind !== 'key' && kind !== 'cast'))
    throw new ODataError('notImplemented', 'Changing references behind /$filter or /$each is not implemented.', {
      target: '$ref',
    })
  const keyed = behind.some(({ kind }) => kind === 'key')
  const change = changeOf(method, navigation, keyed, options)
  const owner: BoundPath = { ...path, resource: 'entity', segments: segments.slice(0, at) }
  const { requires, conditions } = checkRequest({
    model,
    method: 'PATCH',
    path: owner,
    query: noQuery,
    relating: navigation.property,
  })
  const first = pathSlots.length
  const { source, hops, member } = sourceOf(owner, first)
  const place = placeOfPath(model, { ...owner, segments: owner.segments.slice(0, at - member.length) })
  const linking = linkingOf(model, source.root, place, member, navigation.property)
  if (linking.kind === 'contained') throw methodRefused(method, ['GET'])
  requireChangeable(linking, method)
  const owning = positionsOf(model, owner).at(-1)
  const kept = owning && relatingRefusal(owning.place, owning.tail, navigation.property, 'delete')
  if (kept !== undefined && (change === 'remove' || change === 'clear'))
    throw new ODataError('methodNotAllowed', `'${navigation.property.name}' keeps what it relates (${kept}).`, {
      target: navigation.property.name,
      headers: { Allow: allow(navigation.property.collection ? ['GET', 'POST', 'PUT'] : ['GET', 'PUT']) },
    })
  return {
    kind: 'reference',
    requires,
    slots: pathSlots,
    entity: hopPlan(source),
    place,
    linking,
    change,
    ...(kept === undefined ? {} : { kept }),
    ...(keyed ? { related: relatedOf(path, first) } : {}),
    ...(conditions.demands === undefined ? {} : { demands: conditions.demands }),
    ...(conditions.preconditionRequired ? { preconditionRequired: true } : {}),
    ...(hops.length === 0 ? {} : { hops }),
  }
}

/**
 * The entity that the last navigation property of a path starts from.
 * @throws ODataError notImplemented where a link cannot be kept
 */
export function linkedTo(model: Model, path: BoundPath, firstParameter: number): LinkedTo {
  const at = path.segments.findLastIndex(({ kind }) => kind === 'navigation')
  const navigation = path.segments[at]
  invariant(navigation?.kind === 'navigation', 'the path navigates')
  const { source, member } = sourceOf({ ...path, segments: path.segments.slice(0, at) }, firstParameter)
  const place = placeOfPath(model, { ...path, segments: path.segments.slice(0, at - member.length) })
  const linking = linkingOf(model, source.root, place, member, navigation.property)
  invariant(linking.kind !== 'contained', 'contained entities are not linked')
  return { entity: hopPlan(source), place, linking }
}

function relatedOf(path: BoundPath, firstParameter: number): NonNullable<ReferencePlan['related']> {
  const { source, hops } = sourceOf({ ...path, segments: path.segments.slice(0, -1) }, firstParameter)
  return { plan: hopPlan(source), hops }
}

function changeOf(
  method: Method,
  { property: { collection } }: Navigation,
  keyed: boolean,
  options: QueryOptions,
): ReferencePlan['change'] {
  const byId = options.id !== undefined
  if (byId && (method !== 'DELETE' || !collection || keyed))
    throw new ODataError('queryOptionNotAllowed', '$id names what is removed from a collection of references.', {
      target: '$id',
    })
  if (keyed) {
    if (method === 'DELETE') return 'remove'
    throw methodRefused(method, ['GET', 'DELETE'])
  }
  if (method === 'PUT') return collection ? 'replace' : 'set'
  if (method === 'DELETE') return byId ? 'remove' : 'clear'
  if (method === 'POST' && collection) return 'add'
  throw methodRefused(method, ['GET', 'PUT', 'DELETE'])
}

/** A foreign key that is part of a key never changes (Protocol 11.4.6.3). */
function requireChangeable({ kind, pairs, root, type, property }: Linked, method: Method): void {
  const dependent = kind === 'dependent' ? property.declaringType : type
  const key = dependent.kind === 'entity' ? dependent.key : []
  const foreign = pairs.flatMap(({ from, to }) => (kind === 'dependent' ? from : to).slice(-1))
  if (foreign.some((part) => key.some(({ property: other }) => other === part)))
    throw new ODataError(
      'methodNotAllowed',
      `${method} cannot change '${property.name}': what relates it to '${root.name}' is part of a key.`,
      { target: property.name, headers: { Allow: 'GET, HEAD' } },
    )
}
