import type { Parameters } from '../../bind/tree.ts'
import { ODataError } from '../../errors/odata-error.ts'
import type { MembersPlan } from '../../plan/plan.ts'
import { printETag, readConditions } from '../../protocol/etag.ts'
import { notModified, preconditionFailed, versionOf } from '../conditions.ts'
import { type Core, contextOf, sessionOf } from '../core.ts'
import { type Exchange, inTransaction } from '../exchange.ts'
import { toODataError } from '../failure.ts'
import { fullIdentity } from '../links/entity.ts'
import { listByRelated } from '../related.ts'
import { transact } from '../transact.ts'
import type { Answer } from './one-change.ts'

/** How many entities a request may change that names them together (docs/limits.md). */
export const memberChanges = 1_000

/** A request that changes entities of a collection, on its way. */
export interface MembersRequest {
  readonly core: Core
  readonly exchange: Exchange
  readonly plan: MembersPlan
  readonly parameters: Parameters
  readonly answer: Answer
  readonly represented: boolean
  /** each change stands by itself */
  readonly continues: boolean
}

/** What the changes of a request come to: JSON objects of the answer, and whether one of them tells of a failure. */
export interface Changes {
  readonly items: readonly string[]
  readonly failed: boolean
}

/** The entities that a plan names. @throws ODataError badRequest where they are too many */
export async function rowsOf(
  { core, exchange, plan: { rows }, parameters }: MembersRequest,
  transaction: unknown,
): Promise<readonly Uint8Array[]> {
  const inside = inTransaction(exchange, transaction)
  const limit = memberChanges + 1
  const { controller, context } = contextOf(core, inside, rows, parameters, { limit })
  const found = rows.related
    ? await listByRelated(core, inside, rows, rows.related, parameters, { after: undefined, skip: 0, limit })
    : await controller.list(context)
  const all: Uint8Array[] = []
  for await (const batch of found.batches) all.push(...batch)
  if (all.length > memberChanges)
    throw new ODataError('badRequest', `More than ${memberChanges} entities would be changed (limit memberChanges).`)
  return all
}

/** An error of one change, which the others do not mind. A fault of the service goes to the log all the same. */
export function tolerated(core: Core, { requestId }: Exchange, thrown: unknown): ODataError {
  const error = toODataError(thrown)
  if (error.status >= 500 && error.code !== 'notImplemented')
    core.log?.error({ requestId, code: error.code, err: error.cause ?? error }, error.message)
  return error
}

/** @throws ODataError notImplemented where several changes need a transaction that the store does not have */
export function within(
  { core, exchange, continues }: MembersRequest,
  work: (transaction: unknown) => Promise<Changes>,
): Promise<Changes> {
  if (continues) return work(undefined)
  if (!core.store.capabilities.transactions)
    throw new ODataError(
      'notImplemented',
      'Entities are changed together in a transaction, which this store does not have: prefer continue-on-error.',
    )
  return transact(core.store, sessionOf(exchange, core.limits.storeTime), core.log, ({ transaction }) =>
    work(transaction),
  )
}

/**
 * If-Match of a change of one of the entities: outside a transaction it holds for the state that was read, as that is what the path chose it for,
 * or what changes of others of the request have made of it since: a link to it, a foreign key. Inside, nobody else changes it.
 * @throws ODataError preconditionFailed where If-None-Match of the request names its state (RFC 9110 13.1.2)
 */
export function stateOf({ core, exchange, plan }: MembersRequest, row: Uint8Array, transaction: unknown): string {
  const version = versionOf(row)
  const { ifNoneMatch } = readConditions(exchange.request.headers)
  if (notModified({ ifMatch: undefined, ifNoneMatch }, version)) throw preconditionFailed('If-None-Match')
  if (transaction !== undefined || version === undefined) return '*'
  const { root } = plan.rows.source
  return printETag(exchange.made?.now(fullIdentity(core, { root, row }), version) ?? version)
}
