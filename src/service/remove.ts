import type { Parameters } from '../bind/tree.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { DeletePlan } from '../plan/plan.ts'
import { type Conditions, readConditions } from '../protocol/etag.ts'
import type { HttpResponse } from '../protocol/message.ts'
import type { DeleteOutcome, Session } from '../store/port.ts'
import { preconditionFailed, preconditionOf } from './conditions.ts'
import { type Core, contextOf } from './core.ts'
import { type Exchange, inTransaction } from './exchange.ts'
import type { StoredEntity } from './links/entity.ts'
import { judgeTouched } from './links/judging.ts'
import { removeLatecomers } from './links/late.ts'
import { concernOf, noteOwners } from './links/noting.ts'
import { belongingsOf, isKept, type Removed, removeBelongings } from './links/removal.ts'
import { Touched } from './links/touched.ts'
import { missingEntity } from './missing.ts'
import { filesOf, letGo } from './streams.ts'
import { onceCommitted, transact } from './transact.ts'

/**
 * DELETE of an entity (Protocol 11.4.5). What it contains goes with it, and what OnDelete says of related entities is done, in one transaction
 * where the store has them; else what it contains goes after it, so that a failure leaves entities that nothing leads to rather than half an owner.
 */
export async function remove(
  core: Core,
  exchange: Exchange,
  plan: DeletePlan,
  parameters: Parameters,
  conditions: Conditions = readConditions(exchange.request.headers),
): Promise<HttpResponse> {
  const { controller, context } = contextOf(core, exchange, plan, parameters, {
    precondition: preconditionOf(conditions),
  })
  const { root } = plan.source
  const belongings = belongingsOf(core, root)
  const streams = filesOf(plan.source)
  const { transactions } = core.store.capabilities
  if (!transactions && belongings.reacting)
    throw new ODataError('notImplemented', 'OnDelete changes other entities, and the store has no transactions.')
  const judged = transactions && concernOf(core, root).owners
  let removed: Removed = { files: [], seen: new Set() }
  const removal = async (session: Session): Promise<DeleteOutcome> => {
    const within = { ...context, session }
    const row = belongings.any || streams || judged ? await controller.read(within) : undefined
    const entity: StoredEntity | undefined = row && { root, place: plan.place ?? { root: undefined, path: [] }, row }
    const acting = { core, exchange: inTransaction(exchange, session.transaction), touched: new Touched() }
    if (judged && entity) await noteOwners(acting, entity)
    const outcome = await controller.delete(within)
    if (row === undefined || entity === undefined || outcome.kind !== 'deleted') return outcome
    if (await isKept(acting, controller, entity)) return outcome
    removed = { files: [...(streams?.(row) ?? [])], seen: new Set() }
    if (belongings.any) await removeBelongings(acting, entity, removed)
    if (transactions) await judgeTouched(acting, true)
    if (belongings.any && transactions)
      await onceCommitted(session, core.log, () => removeLatecomers(core, exchange, entity))
    return outcome
  }
  const outcome =
    (belongings.any || judged) && transactions
      ? await transact(core.store, context.session, core.log, removal)
      : await removal(context.session)
  exchange.timings?.mark('store')
  if (outcome.kind === 'preconditionFailed') throw preconditionFailed(conditions.ifMatch ? 'If-Match' : 'If-None-Match')
  if (outcome.kind === 'missing') {
    if (conditions.ifMatch) throw preconditionFailed('If-Match')
    throw missingEntity(plan, parameters)
  }
  await letGo(core, context.session, removed.files)
  return { status: 204, headers: {}, body: undefined }
}
