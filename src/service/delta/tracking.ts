import type { Parameters } from '../../bind/tree.ts'
import { ODataError } from '../../errors/odata-error.ts'
import type { ReadPlan, SourceRoot } from '../../plan/plan.ts'
import { parsePrefer } from '../../protocol/prefer.ts'
import type { QueryOptions } from '../../url/ast.ts'
import { ODataController } from '../controller.ts'
import { type Core, collectionOf, contextOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import type { DeltaState } from '../paging.ts'
import { leadsBack, trackedRoots } from './tracked.ts'

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
  if (!core.store.capabilities.changes || untrackedReason(core, exchange, plan) !== undefined) return undefined
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
  const [since = '', ...related] = await Promise.all(
    trackedRoots(plan).map((root) => core.store.changes.now(collectionOf(core.layout, root), session)),
  )
  return { since, ...(related.length === 0 ? {} : { related }), issued }
}

/** Whether what is expanded is told beside the rows, as OData 4.0 wants it (JSON Format 15.2); Graph nests it whatever the version. */
export function isFlat({ protocol }: Core, { version }: Exchange): boolean {
  return version === '4.0' && !protocol.graph
}

/** Why changes of a plan's rows cannot be tracked; undefined: they can. */
export function untrackedReason(core: Core, exchange: Exchange, plan: ReadPlan): string | undefined {
  if (plan.untracked !== undefined) return plan.untracked
  if (isFlat(core, exchange) && leadsBack(plan))
    return '$expand of entities of the set itself cannot be tracked in OData 4.0: ask with OData-MaxVersion 4.01'
  if (isFlat(core, exchange) && plan.expansions?.some(({ expansions }) => expansions.length > 0))
    return '$expand inside $expand cannot be tracked in OData 4.0: ask with OData-MaxVersion 4.01'
  for (const root of trackedRoots(plan)) {
    const reason = reasonOfRoot(core, root)
    if (reason !== undefined) return reason
  }
  return undefined
}

/** Why the rows of a root cannot be tracked here. */
function reasonOfRoot({ controllers, store, layout }: Core, root: SourceRoot): string | undefined {
  const { name } = root
  const controller = controllers.get(name)
  if (controller === undefined) return undefined
  // rows that a controller makes itself are in no history of the store
  const { list, read } = ODataController.prototype
  if (controller.list !== list || controller.read !== read)
    return `${name} has a controller of its own way of reading, which cannot be tracked`
  // Whose row a removed one was is known by the row as it was alone: its key must not be told to others.
  if (controller.rowFilter !== undefined && !store.changes.keepsImages(collectionOf(layout, root)))
    return `${name} has a row filter, and this store does not keep its rows as they were, so they cannot be tracked`
  return undefined
}

/** What a `$deltatoken` cannot be asked of. */
export function untracked(reason = 'only changes of collections of entities can be tracked'): ODataError {
  return new ODataError('notImplemented', `$deltatoken: ${reason}.`, { target: '$deltatoken' })
}
