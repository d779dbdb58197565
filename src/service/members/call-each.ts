import type { Parameters } from '../../bind/tree.ts'
import type { Operation } from '../../edm/model.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { parseJson } from '../../payload/json.ts'
import { encodePath, rowPath } from '../../payload/row-path.ts'
import type { MembersPlan } from '../../plan/plan.ts'
import { readConditions } from '../../protocol/etag.ts'
import type { HttpResponse } from '../../protocol/message.ts'
import { jsonContentType, negotiateJson, requireJsonBody } from '../../protocol/negotiate.ts'
import { parsePrefer } from '../../protocol/prefer.ts'
import type { QueryOptions } from '../../url/ast.ts'
import { preconditionFailed } from '../conditions.ts'
import { applied, type Core, collectionOf, dialectOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { collection, exception, member, object, withMembers } from './answer.ts'
import { type Answer, makeChange } from './one-change.ts'
import { type Changes, type MembersRequest, rowsOf, stateOf, tolerated, within } from './request.ts'

type Call = NonNullable<MembersPlan['call']>

/**
 * Calls an operation for each member of a collection (URL Conventions 4.13), as a request to the URL of the entity would: actions in one
 * transaction, or, where the client prefers to continue on errors and the answer can tell of them (it is of entities, or there is none), each by
 * itself.
 * @returns the collection of the results; 204 of an action without one
 * @throws ODataError what is wrong with the first call that is
 */
export async function callEach(
  core: Core,
  exchange: Exchange,
  plan: MembersPlan,
  call: Call,
  parameters: Parameters,
  options: QueryOptions,
  answer: Answer,
): Promise<HttpResponse> {
  const { operation } = call
  const { headers } = exchange.request
  core.operations.require(operation)
  const format = negotiateJson(headers, options.format)
  const prefer = parsePrefer(headers.prefer)
  if (readConditions(headers).ifMatch?.any === false) throw preconditionFailed('If-Match')
  const action = operation.kind === 'action'
  const sent = action ? await exchange.request.body(core.limits.bodyBytes) : undefined
  if (sent !== undefined && sent.length > 0) requireJsonBody(headers)
  const tells = operation.returnType === undefined || operation.returnType.type.kind === 'entity'
  const continues = prefer.continueOnError === true && exchange.part?.transaction === undefined && tells
  const represented = operation.returnType !== undefined && !(action && prefer.return === 'minimal')
  const request: MembersRequest = { core, exchange, plan, parameters, answer, represented, continues }
  const work = (transaction: unknown) => callAll(request, operation, sent, transaction)
  const { items, failed } = action ? await within(request, work) : await work(exchange.part?.transaction)
  exchange.timings?.mark('operation')
  const answered: Record<string, string> = {}
  if (action && prefer.return && operation.returnType !== undefined) applied(answered, `return=${prefer.return}`)
  if (continues) applied(answered, `${exchange.version === '4.0' ? 'odata.' : ''}continue-on-error`)
  if (!represented && !failed) return { status: 204, headers: answered, body: undefined }
  answered['Content-Type'] = jsonContentType(format, exchange.version)
  const dialect = dialectOf(core, exchange, format)
  const context = dialect.metadata === 'none' ? undefined : `${exchange.root}$metadata${fragmentOf(call)}`
  return { status: 200, headers: answered, body: collection(dialect, context, items) }
}

/** What the results are (Protocol 10.2, 10.8, 10.15, 10.17). */
function fragmentOf({ operation, target }: Call): string {
  const type = operation.returnType?.type
  if (type === undefined) return ''
  return type.kind === 'entity' && target?.kind === 'entitySet' ? `#${target.name}` : `#Collection(${type.name})`
}

async function callAll(
  request: MembersRequest,
  operation: Operation,
  sent: Uint8Array | undefined,
  transaction: unknown,
): Promise<Changes> {
  const { core, exchange, plan, represented, continues, answer } = request
  const { root, type } = plan.rows.source
  const pathOf = rowPath(collectionOf(core.layout, root), root.name, core.layout)
  const called = calledText(exchange.request.target)
  const cast = type === root.type ? '' : `/${type.name}`
  const items: string[] = []
  let failed = false
  for (const row of await rowsOf(request, transaction)) {
    const path = encodePath(pathOf(row))
    try {
      const response = await makeChange(answer, core, exchange, transaction, {
        method: operation.kind === 'action' ? 'POST' : 'GET',
        target: `/${path}${cast}/${called}`,
        // a function reads
        headers: operation.kind === 'action' ? { 'if-match': stateOf(request, row, transaction) } : {},
        ...(sent ? { body: sent } : {}),
      })
      if (represented) items.push(resultOf(operation, response))
    } catch (thrown) {
      if (!continues) throw thrown
      failed = true
      const error = tolerated(core, exchange, thrown)
      items.push(object([member(exchange.version === '4.0' ? '@odata.id' : '@id', path), exception(error, 'invoke')]))
    }
  }
  return { items, failed }
}

/** What of a URL stands behind `/$each/`, as the client wrote it: the name with its arguments, and parameter aliases. */
function calledText(target: string): string {
  const mark = target.indexOf('?')
  const path = (mark < 0 ? target : target.slice(0, mark)).replace(/\/$/, '')
  return path.slice(path.lastIndexOf('/') + 1) + (mark < 0 ? '' : target.slice(mark))
}

/** The result of one call as an item of a collection. */
function resultOf({ name, returnType }: Operation, { body }: HttpResponse): string {
  if (body === undefined) return 'null'
  if (!(body instanceof Uint8Array))
    throw new ODataError('notImplemented', `What '${name}' gives is not implemented behind /$each.`, { target: name })
  const { kind } = returnType?.type ?? { kind: undefined }
  if (kind === 'entity' || kind === 'complex') return withMembers(body, [])
  const node = parseJson(body)
  const value = node.kind === 'object' ? node.members.get('value') : undefined
  if (value === undefined) return 'null'
  return Buffer.from(body).toString('utf8').slice(value.offset, value.end)
}
