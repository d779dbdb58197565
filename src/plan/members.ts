import { noQuery } from '../bind/no-query.ts'
import type { BoundPath, ParameterSlot } from '../bind/tree.ts'
import type { Model } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { QueryOptions } from '../url/ast.ts'
import { checkRequest } from './capabilities/check.ts'
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

/**
 * PATCH and DELETE of `/$each`, PATCH (a delta) and PUT of a collection of entities (Protocol 11.4.12 to 11.4.14).
 * @param read plans the reading of the entities that a path names
 * @throws ODataError methodNotAllowed where the path chooses some of the entities of a collection that is to be changed as a whole;
 * queryOptionNotAllowed
 */
export function membersPlan(
  { model, path, options, pathSlots }: MembersRequest,
  method: Method,
  read: (path: BoundPath) => { readonly rows: ReadPlan; readonly place: PathSource },
): MembersPlan {
  const option = Object.keys(options).find((name) => !allowed.has(name))
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
  return {
    kind: 'members',
    requires,
    slots: pathSlots,
    ...rest,
    ...(place.hops.length === 0 ? {} : { hops: place.hops }),
    change: each ? (method === 'DELETE' ? 'deleteEach' : 'updateEach') : method === 'PUT' ? 'replace' : 'delta',
    rows,
    ...(related && property ? { relatedBy: property } : {}),
    ...(preconditionRequired ? { guarded: true } : {}),
  }
}
