import { permit } from '../../auth/permit.ts'
import { isSubtypeOf } from '../../edm/types.ts'
import type { Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import type { Linked } from '../../plan/linking.ts'
import type { SourceRoot } from '../../plan/plan.ts'
import { type BatchPlace, resolvePartUrl } from '../../protocol/batch-url.ts'
import { parseRequestUrl } from '../../url/parse-url.ts'
import { contextOf } from '../core.ts'
import { followHops } from '../hops.ts'
import { keyInSource } from '../keys.ts'
import { virtualSingleton } from '../singleton.ts'
import { type Acting, type StoredEntity, typeOf } from './entity.ts'

/** Where the URL of an entity stands, for messages: a path in the body, or `$id`. */
export type ReferenceTarget = string

/**
 * The entity that a URL refers to (JSON Format 14): absolute or relative, `$id` of an earlier request of the batch at its start. Reading it
 * must be allowed.
 * @throws ODataError valueInvalid where it names no entity, or one that a relation cannot lead to; accessDenied
 */
export async function referredTo(
  acting: Acting,
  url: string,
  linking: Linked,
  target: ReferenceTarget,
): Promise<StoredEntity> {
  const { row, root: found } = await locate(acting, url, target)
  if (row === undefined) throw refused(url, 'is not there', target)
  const { root, type, property } = linking
  if (found !== root) throw refused(url, `is not in '${root.name}', where '${property.name}' leads`, target)
  const entity: StoredEntity = { root, place: linking.place, row }
  if (!isSubtypeOf(typeOf(acting.core, entity), type)) throw refused(url, `is not of the type ${type.name}`, target)
  return entity
}

/** What the URL of an entity leads to. */
export interface Located {
  readonly root: SourceRoot
  /** undefined: nothing is there, or not for this caller */
  readonly row: Uint8Array | undefined
  /** key properties that the URL says */
  readonly key: ReadonlyMap<string, Value>
}

/**
 * Follows the URL of an entity, be it there or not.
 * @throws ODataError valueInvalid where it is no such URL; accessDenied
 */
export async function locate({ core, exchange }: Acting, url: string, target: ReferenceTarget): Promise<Located> {
  const place: BatchPlace = {
    root: new URL(exchange.root),
    host: exchange.request.headers.host,
    slashFromRoot: core.protocol.graph,
    reference: (id) => exchange.part?.reference?.(id),
  }
  const { plan, parameters: given } = planned(core, resolvePartUrl(url, place), url, target)
  if (plan.kind !== 'read' || !plan.source.single || plan.member.length > 0 || plan.raw || plan.references)
    throw refused(url, 'is not the URL of an entity', target)
  if (core.enforcePermissions) permit(exchange.principal, plan.requires)
  // what a function gives stands in its set
  const root = plan.source.root.kind === 'result' ? plan.source.root.set : plan.source.root
  if (root === undefined) throw refused(url, 'is not the URL of an entity', target)
  const parameters = plan.hops ? await followed(() => followHops(core, exchange, plan.hops ?? [], given)) : given
  if (parameters === undefined) return { root, row: undefined, key: new Map() }
  const { controller, context } = contextOf(core, exchange, plan, parameters)
  const row = (await controller.read(context)) ?? virtualSingleton(core, plan.source)
  return { root, row, key: keyInSource(plan.source, parameters) }
}

function planned(core: Acting['core'], path: string, url: string, target: string) {
  try {
    return core.planner.plan('GET', parseRequestUrl(path, { version: '4.01', limits: core.limits }))
  } catch (error) {
    if (!(error instanceof ODataError) || error.status >= 500) throw error
    throw refused(url, `is not the URL of an entity: ${error.message.replace(/\.$/, '')}`, target)
  }
}

/** An entity on the way that is not there: nothing is behind it. */
async function followed<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ODataError) || error.status !== 404) throw error
    return undefined
  }
}

/** A reference that leads nowhere a relation could. */
export function refused(url: string, why: string, target: string): ODataError {
  return new ODataError('valueInvalid', `The entity ${JSON.stringify(url.slice(0, 200))} ${why}.`, { target })
}
