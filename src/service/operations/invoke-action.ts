import type { Parameters } from '../../bind/tree.ts'
import { ODataError } from '../../errors/odata-error.ts'
import type { InvokePlan } from '../../plan/plan.ts'
import type { HttpResponse } from '../../protocol/message.ts'
import { negotiateJson, requireJsonBody } from '../../protocol/negotiate.ts'
import { parsePrefer } from '../../protocol/prefer.ts'
import type { QueryOptions } from '../../url/ast.ts'
import { type Core, sessionOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { read } from '../read.ts'
import { transact } from '../transact.ts'
import { readActionBody } from './arguments.ts'
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
  const body = await exchange.request.body(core.limits.bodyBytes)
  if (body !== undefined && body.length > 0) requireJsonBody(headers)
  const values = readActionBody(core.model, call.operation, body)
  exchange.timings?.mark('body')
  const run = async (inner: Exchange): Promise<readonly Uint8Array[]> => {
    const given = await core.operations.call(core, inner, call, parameters, values)
    const root = plan.read?.source.root
    return root?.kind === 'result' ? rowsOfResult(core, root, given) : []
  }
  const alone = exchange.part?.transaction === undefined && core.store.capabilities.transactions
  const rows = alone
    ? await transact(core.store, sessionOf(exchange, core.limits.storeTime), core.log, ({ transaction }) =>
        run({ ...exchange, part: { transaction }, results: new Map() }),
      )
    : await run(exchange)
  exchange.timings?.mark('operation')
  return answerOf(core, exchange, plan, parameters, options, rows)
}

async function answerOf(
  core: Core,
  exchange: Exchange,
  { read: plan }: InvokePlan,
  parameters: Parameters,
  options: QueryOptions,
  rows: readonly Uint8Array[],
): Promise<HttpResponse> {
  const wanted = parsePrefer(exchange.request.headers.prefer).return
  if (plan === undefined) return { status: 204, headers: {}, body: undefined }
  const applied = wanted === undefined ? {} : { 'Preference-Applied': `return=${wanted}` }
  if (wanted === 'minimal') return { status: 204, headers: applied, body: undefined }
  const { root } = plan.source
  if (root.kind !== 'result') throw new ODataError('internal', 'An action gives a result.')
  exchange.results.set(root, Promise.resolve(rows))
  const response = await read(core, exchange, plan, parameters, options)
  return { ...response, headers: { ...response.headers, ...applied } }
}
