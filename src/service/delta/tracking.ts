import type { Parameters } from '../../bind/tree.ts'
import { ODataError } from '../../errors/odata-error.ts'
import type { ReadPlan } from '../../plan/plan.ts'
import { parsePrefer } from '../../protocol/prefer.ts'
import type { QueryOptions } from '../../url/ast.ts'
import { ODataController } from '../controller.ts'
import { type Core, collectionOf, contextOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import type { DeltaState } from '../paging.ts'

/**
 * Where a result begins to be tracked because the client prefers it (Protocol 8.2.8.9): the moment before its first page is read.
 * What cannot be tracked is answered without a delta link, and without Preference-Applied.
 */
export async function beginTracking(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan,
  parameters: Parameters,
  options: QueryOptions,
): Promise<DeltaState | undefined> {
  const { prefer } = exchange.request.headers
  if (prefer === undefined || options.skiptoken !== undefined || !parsePrefer(prefer).trackChanges) return undefined
  if (!core.store.capabilities.changes || untrackedReason(core, plan) !== undefined) return undefined
  return stateNow(core, exchange, plan, parameters)
}

/** The changes since now. @throws ODataError notImplemented */
export async function stateNow(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan,
  parameters: Parameters,
): Promise<DeltaState> {
  const { session } = contextOf(core, exchange, plan, parameters).context
  const issued = Date.now()
  return { since: await core.store.changes.now(collectionOf(core.layout, plan.source.root), session), issued }
}

/** Why changes of a plan's rows cannot be tracked; undefined: they can. */
export function untrackedReason(core: Core, plan: ReadPlan): string | undefined {
  if (plan.untracked !== undefined) return plan.untracked
  const { name } = plan.source.root
  const controller = core.controllers.get(name)
  if (controller === undefined) return undefined
  // rows that a controller makes itself are in no history of the store
  const { list, read } = ODataController.prototype
  if (controller.list !== list || controller.read !== read)
    return `${name} has a controller of its own way of reading, which cannot be tracked`
  // Whose row a removed one was is known by the row as it was alone: its key must not be told to others.
  if (
    controller.rowFilter !== undefined &&
    !core.store.changes.keepsImages(collectionOf(core.layout, plan.source.root))
  )
    return `${name} has a row filter, and this store does not keep its rows as they were, so they cannot be tracked`
  return undefined
}

/** What a `$deltatoken` cannot be asked of. */
export function untracked(reason = 'only changes of collections of entities can be tracked'): ODataError {
  return new ODataError('notImplemented', `$deltatoken: ${reason}.`, { target: '$deltatoken' })
}
