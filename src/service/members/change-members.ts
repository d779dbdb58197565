import type { Parameters } from '../../bind/tree.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { contextUrl, placeText } from '../../payload/context.ts'
import { compileRemovedWriter } from '../../payload/delta.ts'
import { encodePath, rowPath } from '../../payload/row-path.ts'
import { createSink } from '../../payload/sink.ts'
import type { MembersPlan } from '../../plan/plan.ts'
import { readConditions } from '../../protocol/etag.ts'
import type { HttpResponse } from '../../protocol/message.ts'
import { type JsonFormat, jsonContentType, negotiateJson, requireJsonBody } from '../../protocol/negotiate.ts'
import { parsePrefer } from '../../protocol/prefer.ts'
import type { QueryOptions } from '../../url/ast.ts'
import { preconditionFailed } from '../conditions.ts'
import { applied, type Core, collectionOf, contextOf, dialectOf } from '../core.ts'
import { type Exchange, inTransaction, MadeChanges } from '../exchange.ts'
import { shapeOfSource } from '../expand.ts'
import { parametersOfRow, plansOfRow } from '../links/entity.ts'
import { collection, exception, member, object, withMembers } from './answer.ts'
import { callEach } from './call-each.ts'
import { changeByDelta, relatedDelta } from './delta.ts'
import { type Answer, makeChange, readInstead } from './one-change.ts'
import { type Changes, type MembersRequest, rowsOf, stateOf, tolerated, within } from './request.ts'

/**
 * Changes entities of a collection together (Protocol 11.4.12 to 11.4.14): each of them as a request to its own URL would, in one
 * transaction, or each by itself where the client prefers to continue on errors.
 * @param parameters undefined: the path leads to nothing
 * @throws ODataError what is wrong with the first change that is
 */
export async function changeMembers(
  core: Core,
  exchange: Exchange,
  plan: MembersPlan,
  parameters: Parameters,
  options: QueryOptions,
  answer: Answer,
): Promise<HttpResponse> {
  if (plan.call !== undefined) return callEach(core, exchange, plan, plan.call, parameters, options, answer)
  const { headers } = exchange.request
  const format = negotiateJson(headers, options.format)
  const prefer = parsePrefer(headers.prefer)
  // a collection has no ETag of its own, but is there
  const { ifMatch, ifNoneMatch } = readConditions(headers)
  if (ifMatch?.any === false) throw preconditionFailed('If-Match')
  const each = plan.change === 'updateEach' || plan.change === 'deleteEach'
  if (!each && ifNoneMatch?.any) throw preconditionFailed('If-None-Match')
  if (plan.change !== 'deleteEach') requireJsonBody(headers)
  const continues = prefer.continueOnError === true && exchange.part?.transaction === undefined && !plan.relatedBy
  // who says what the answer is to have wants one, as for one entity
  const wanted = prefer.return ?? (plan.shown === undefined ? undefined : 'representation')
  const represented = wanted === 'representation' && !plan.relatedBy
  const acting = continues ? { ...exchange, made: new MadeChanges() } : exchange
  const request = { core, exchange: acting, plan, parameters, answer, represented, continues }
  const { items, failed } = await within(request, (transaction) => run(request, transaction))
  exchange.timings?.mark('store')
  const answered: Record<string, string> = {}
  if (prefer.return === 'minimal' || (prefer.return && represented)) applied(answered, `return=${prefer.return}`)
  if (continues) applied(answered, `${exchange.version === '4.0' ? 'odata.' : ''}continue-on-error`)
  if (plan.change === 'replace' && (represented || continues)) return wholeCollection(request, answered)
  if (!represented && !failed) return { status: 204, headers: answered, body: undefined }
  return { status: 200, headers: answered, body: body(request, format, items, answered) }
}

function body(
  { core, exchange, plan, parameters }: MembersRequest,
  format: JsonFormat,
  items: readonly string[],
  headers: Record<string, string>,
): Uint8Array {
  const dialect = dialectOf(core, exchange, format)
  headers['Content-Type'] = jsonContentType(format, exchange.version)
  const url = contextUrl({ ...plan.rows, ...plan.shown }, dialect, parameters)
  const context = plan.change === 'updateEach' ? url : `${url}/$delta`
  return collection(dialect, dialect.metadata === 'none' ? undefined : context, items)
}

/** All that is in the collection now (Protocol 11.4.12, PUT). */
async function wholeCollection(
  { core, exchange, answer }: MembersRequest,
  headers: Record<string, string>,
): Promise<HttpResponse> {
  const found = await readInstead(answer, core, exchange, exchange.request.target)
  return { ...found, headers: { ...found.headers, ...headers } }
}

function run(request: MembersRequest, transaction: unknown): Promise<Changes> {
  if (request.plan.relatedBy) return relatedDelta(request, request.plan.relatedBy, transaction)
  if (request.plan.change === 'delta' || request.plan.change === 'replace') return changeByDelta(request, transaction)
  return changeEach(request, transaction)
}

/** PATCH and DELETE of `/$each` (Protocol 11.4.13, 11.4.14). */
async function changeEach(request: MembersRequest, transaction: unknown): Promise<Changes> {
  const { core, exchange, plan, represented, continues } = request
  const { root } = plan.rows.source
  const pathOf = rowPath(collectionOf(core.layout, root), root.name, core.layout)
  const sent = plan.change === 'updateEach' ? await exchange.request.body(core.limits.bodyBytes) : undefined
  const items: string[] = []
  let failed = false
  for (const row of await rowsOf(request, transaction)) {
    const path = encodePath(pathOf(row))
    try {
      const response = await changeOne(request, transaction, row, path, sent)
      if (!represented) continue
      if (plan.change === 'deleteEach') items.push(removed(request, row))
      else if (response?.body instanceof Uint8Array) items.push(withMembers(response.body, []))
    } catch (thrown) {
      if (!continues) throw thrown
      const error = tolerated(core, exchange, thrown)
      failed = true
      items.push(
        object([
          member(exchange.version === '4.0' ? '@odata.id' : '@id', path),
          exception(error, plan.change === 'deleteEach' ? 'delete' : 'update'),
        ]),
      )
    }
  }
  return { items, failed }
}

async function changeOne(
  request: MembersRequest,
  transaction: unknown,
  row: Uint8Array,
  path: string,
  sent: Uint8Array | undefined,
): Promise<HttpResponse | undefined> {
  const { core, exchange, plan, answer, represented } = request
  const ifMatch = stateOf(request, row, transaction)
  if (plan.change === 'updateEach')
    return makeChange(answer, core, exchange, transaction, {
      method: 'PATCH',
      target: `/${path}${shownBy(request)}`,
      headers: { 'if-match': ifMatch, ...(represented ? { prefer: 'return=representation' } : {}) },
      ...(sent ? { body: sent } : {}),
    })
  try {
    return await makeChange(answer, core, exchange, transaction, {
      method: 'DELETE',
      target: `/${path}`,
      headers: { 'if-match': ifMatch },
    })
  } catch (error) {
    if (!(error instanceof ODataError) || error.code !== 'preconditionFailed') throw error
    // what went with another of them is gone already
    const { root } = plan.rows.source
    const { controller, context } = contextOf(
      core,
      inTransaction(exchange, transaction),
      plansOfRow(core, root).read,
      parametersOfRow(core, { root, row }),
    )
    if ((await controller.read(context)) === undefined) return undefined
    throw error
  }
}

/** What the URL of a member goes on with, where the request says what of members is shown: the type that it is about, and its options. */
function shownBy({ exchange: { request }, plan: { rows, shown } }: MembersRequest): string {
  if (shown === undefined) return ''
  const { type, root } = rows.source
  return `${type === root.type ? '' : `/${type.name}`}${request.target.slice(request.target.indexOf('?'))}`
}

function removed({ core, exchange, plan, parameters }: MembersRequest, row: Uint8Array): string {
  const { source } = plan.rows
  const dialect = dialectOf(core, exchange, negotiateJson({}, undefined))
  const write = core.writers.get(plan.rows, { ...dialect, metadata: 'minimal' }, () =>
    compileRemovedWriter(shapeOfSource(core, source, source.type), dialect, core.layout, core.protocol.graph),
  )
  const sink = createSink()
  write(row, 'deleted', placeText(source, parameters), sink)
  return Buffer.from(sink.take()).toString('utf8')
}
