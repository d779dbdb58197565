import type { Parameters } from '../../bind/tree.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { linkOf } from '../../payload/members.ts'
import type { InvokePlan, ReadPlan } from '../../plan/plan.ts'
import type { HttpResponse } from '../../protocol/message.ts'
import { negotiateJson, requireJsonBody } from '../../protocol/negotiate.ts'
import { parsePrefer } from '../../protocol/prefer.ts'
import type { QueryOptions } from '../../url/ast.ts'
import { type Core, plainDialect, sessionOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { shapeOfSource } from '../expand.ts'
import { read } from '../read.ts'
import { transact } from '../transact.ts'
import { readActionBody } from './arguments.ts'
import { checkDeltaOptions, isDeltaResult } from './delta-result.ts'
import { rowsOfResult } from './result.ts'

/**
 * POST to an action (Protocol 11.5.5): its handler runs in a transaction, where the store has them, and again after a conflict.
 * @throws ODataError notImplemented without a handler, and what the handler throws
 */
export async function invokeAction(
  core: Core,
  exchange: Exchange,
  plan: InvokePlan,
  parameters: Parameters,
  options: QueryOptions,
): Promise<HttpResponse> {
  const { headers } = exchange.request
  const { call } = plan
  core.operations.require(call.operation)
  if (plan.read && !plan.read.raw) negotiateJson(headers, options.format)
  // before the handler changes anything
  if (plan.read && isDeltaResult(plan.read)) checkDeltaOptions(options)
  const body = await exchange.request.body(core.limits.bodyBytes)
  if (body !== undefined && body.length > 0) requireJsonBody(headers)
  const values = readActionBody(core.model, call.operation, body)
  exchange.timings?.mark('body')
  const run = async (inner: Exchange): Promise<Given> => {
    const given = await core.operations.call(core, inner, call, parameters, values)
    const root = plan.read?.source.root
    return { rows: root?.kind === 'result' ? rowsOfResult(core, root, given) : [], created: inner.created === true }
  }
  const alone = exchange.part?.transaction === undefined && core.store.capabilities.transactions
  const given = alone
    ? await transact(core.store, sessionOf(exchange, core.limits.storeTime), core.log, ({ transaction }) =>
        run({ ...exchange, part: { transaction }, results: new Map(), created: false }),
      )
    : await run({ ...exchange, created: false })
  exchange.timings?.mark('operation')
  return answerOf(core, exchange, plan, parameters, options, given)
}

/** What a handler gave. */
interface Given {
  readonly rows: readonly Uint8Array[]
  /** it has created the entity */
  readonly created: boolean
}

async function answerOf(
  core: Core,
  exchange: Exchange,
  { read: plan }: InvokePlan,
  parameters: Parameters,
  options: QueryOptions,
  { rows, created }: Given,
): Promise<HttpResponse> {
  const wanted = parsePrefer(exchange.request.headers.prefer).return
  if (plan === undefined) return { status: 204, headers: {}, body: undefined }
  const { root } = plan.source
  if (root.kind !== 'result') throw new ODataError('internal', 'An action gives a result.')
  const location = created ? locationOf(core, exchange, plan, rows) : undefined
  const applied: Record<string, string> = {
    ...(wanted === undefined ? {} : { 'Preference-Applied': `return=${wanted}` }),
    ...(location === undefined ? {} : { Location: location }),
  }
  if (wanted === 'minimal') {
    if (location !== undefined) applied['OData-EntityId'] = location
    return { status: 204, headers: applied, body: undefined }
  }
  exchange.results.set(root, Promise.resolve(rows))
  const response = await read(core, exchange, plan, parameters, options)
  const status = response.status === 200 && location !== undefined ? 201 : response.status
  return { ...response, status, headers: { ...response.headers, ...applied } }
}

/** The URL of the entity that an action has created (Protocol 11.5.5.1); undefined where it gives none of a set. */
function locationOf(
  core: Core,
  exchange: Exchange,
  { source }: ReadPlan,
  [row]: readonly Uint8Array[],
): string | undefined {
  if (row === undefined || !source.single || source.root.kind !== 'result' || source.root.set === undefined)
    return undefined
  return linkOf(shapeOfSource(core, source, source.type), plainDialect(exchange), core.layout)?.(row)
}
