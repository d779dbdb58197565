import { noQuery } from '../bind/no-query.ts'
import type { BoundPath, BoundQuery, BoundSegment, ParameterSlot } from '../bind/tree.ts'
import type { Model } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { QueryOptions } from '../url/ast.ts'
import { checkRequest } from './capabilities/check.ts'
import { checkOperations } from './capabilities/operation.ts'
import { type Method, methodRefused } from './methods.ts'
import type { MembersPlan, ReadPlan } from './plan.ts'
import type { PathSource } from './source.ts'

/** A request to change entities of a collection, before it is planned. */
export interface MembersRequest {
  readonly model: Model
  readonly path: BoundPath
  readonly options: QueryOptions
  readonly pathSlots: readonly ParameterSlot[]
}

/** Options that say how the answer looks, not what is in it. */
const allowed: ReadonlySet<string> = new Set(['format', 'schemaversion', 'aliases', 'custom', 'literals', 'shape'])

/** Options of the updated members, where they are shown (Protocol 11.4.13). */
const shaping: ReadonlySet<string> = new Set(['select', 'expand'])

/** The operation at the end of a path that each member of a collection is bound to; undefined: it is another path. */
export function calledOnEach({ segments }: BoundPath): OperationSegment | undefined {
  const each = segments.findIndex(({ kind }) => kind === '$each')
  const behind = each < 0 ? undefined : segments[each + 1]
  if (behind?.kind !== 'operation') return undefined
  if (each + 2 < segments.length)
    throw new ODataError('notImplemented', 'A path behind an operation behind /$each is not implemented.', {
      target: '$each',
    })
  return behind
}

type OperationSegment = Extract<BoundSegment, { kind: 'operation' }>

/**
 * An operation for each member of a collection (URL Conventions 4.13): each call is a request of its own to the URL of the entity.
 * @throws ODataError notImplemented for options of the answer, collections of collections, and members of what operations give
 */
export function callsPlan(
  { model, path, options, pathSlots }: MembersRequest,
  { operation, target }: OperationSegment,
  read: (path: BoundPath) => { readonly rows: ReadPlan; readonly place: PathSource },
): MembersPlan {
  const option = Object.keys(options).find((name) => !allowed.has(name))
  if (option !== undefined)
    throw new ODataError('notImplemented', `$${option} of what operations behind /$each give is not implemented.`, {
      target: `$${option}`,
    })
  if (operation.returnType?.collection)
    throw new ODataError(
      'notImplemented',
      `'${operation.name}' gives a collection, so behind /$each a collection of collections: that is not implemented.`,
      { target: operation.name },
    )
  const segments = path.segments.slice(0, -2)
  if (segments.some(({ kind }) => kind === 'operation'))
    throw new ODataError('notImplemented', '/$each of what an operation gives is not implemented.', { target: '$each' })
  const { rows, place } = read({ ...path, resource: 'entityCollection', segments })
  const { requires, conditions } = checkOperations({ model, method: 'GET', path, query: noQuery })
  return {
    kind: 'members',
    requires,
    slots: pathSlots,
    ...(conditions.demands === undefined ? {} : { demands: conditions.demands }),
    ...(place.hops.length === 0 ? {} : { hops: place.hops }),
    change: 'callEach',
    rows,
    call: { operation, target },
  }
}

/**
 * PATCH and DELETE of `/$each`, PATCH (a delta) and PUT of a collection of entities (Protocol 11.4.12 to 11.4.14).
 * @param read plans the reading of the entities that a path names
 * @param bind gives what of updated members is shown
 * @throws ODataError methodNotAllowed where the path chooses some of the entities of a collection that is to be changed as a whole;
 * queryOptionNotAllowed
 */
export function membersPlan(
  { model, path, options, pathSlots }: MembersRequest,
  method: Method,
  read: (path: BoundPath) => { readonly rows: ReadPlan; readonly place: PathSource },
  bind: () => { readonly query: BoundQuery; readonly slots: readonly ParameterSlot[] },
): MembersPlan {
  const shapes = path.resource === 'eachEntity' && method === 'PATCH'
  const option = Object.keys(options).find((name) => !allowed.has(name) && !(shapes && shaping.has(name)))
  if (option !== undefined)
    throw new ODataError('queryOptionNotAllowed', `$${option} cannot be applied where entities are changed together.`, {
      target: `$${option}`,
    })
  const each = path.resource === 'eachEntity'
  const segments = each ? path.segments.slice(0, -1) : path.segments
  const last = segments.at(-1)?.kind
  // Protocol 11.4.12: neither type cast nor filter segments
  if (!each && last !== 'entitySet' && last !== 'navigation') throw methodRefused(method, ['GET'])
  const { rows, place } = read({ ...path, resource: 'entityCollection', segments })
  const { requires, conditions } = checkRequest({ model, method, path, query: noQuery })
  const { preconditionRequired, body, grants, insert, representation, upsert, ...rest } = conditions
  const property = place.hops.at(-1)?.property
  const related = !each && (place.relation === 'constraint' || place.relation === 'links')
  const shown = options.select === undefined && options.expand === undefined ? undefined : bind()
  return {
    kind: 'members',
    requires,
    slots: shown === undefined ? pathSlots : [...pathSlots, ...shown.slots],
    ...rest,
    ...(shown === undefined ? {} : { shown: { select: shown.query.select, expand: shown.query.expand } }),
    ...(place.hops.length === 0 ? {} : { hops: place.hops }),
    change: each ? (method === 'DELETE' ? 'deleteEach' : 'updateEach') : method === 'PUT' ? 'replace' : 'delta',
    rows,
    ...(related && property ? { relatedBy: property } : {}),
    ...(preconditionRequired ? { guarded: true } : {}),
  }
}
