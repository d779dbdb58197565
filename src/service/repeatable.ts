import { createHash } from 'node:crypto'
import { annotationOf, bool } from '../edm/annotations.ts'
import type { Annotatable } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { Plan } from '../plan/plan.ts'
import { type HttpRequest, type HttpResponse, type RequestHeaders, requestLike } from '../protocol/message.ts'
import { whole } from '../protocol/whole.ts'
import { type Core, sessionOf } from './core.ts'
import { type Exchange, inTransaction, ownerOf } from './exchange.ts'
import { decodeResponse, encodeResponse } from './stored-response.ts'
import { transact } from './transact.ts'

/**
 * Repeatable requests (Repeatable Requests 1.0): a change that a client sends again, because it never heard of the first answer, is made
 * once, and the answer is the first one's. What is remembered is stored in the transaction of the change itself, so it is there
 * exactly when the change is.
 */

/** Seconds for which outcomes are remembered; a request first sent earlier cannot be told from one that was executed (412). */
export const rememberedSeconds = 86_400
/** How far a client's clock may be ahead, in milliseconds. */
const clockTolerance = 300_000

/** What is stored beside the answer. */
interface Asked {
  readonly firstSent: string
  /** hash of method, target, headers and body */
  readonly request: string
}

/** Whether a request says that it is repeatable; GET and HEAD never are (section 5). */
export function isRepeatable({ method, headers }: HttpRequest): boolean {
  if (method === 'GET' || method === 'HEAD') return false
  return headers['repeatability-request-id'] !== undefined || headers['repeatability-first-sent'] !== undefined
}

/** The answer was the failure of another outcome: what was written meanwhile is taken back. */
class Failed extends Error {
  readonly response: HttpResponse
  constructor(response: HttpResponse) {
    super('a repeatable request failed')
    this.response = response
  }
}

/** Somebody remembers this request already. */
class Repeated extends Error {}

/**
 * Executes a request once, however often it is sent. `exchange.repeatability` says what the answer tells the client.
 * @param run executes it; with an exchange inside a transaction, and again after a conflict
 * @throws ODataError badRequest, preconditionFailed, notImplemented with `rejected`; whatever `run` throws
 */
export async function repeatably(
  core: Core,
  exchange: Exchange,
  plan: Plan,
  run: (exchange: Exchange) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  exchange.repeatability = 'rejected'
  const { request } = exchange
  const { id, firstSent } = checkedHeaders(request.headers)
  if (!canRepeat(core, plan))
    throw new ODataError('notImplemented', 'This request cannot be made repeatable by this service.', {
      target: 'Repeatability-Request-ID',
    })
  const body = await request.body(core.limits.bodyBytes)
  const key = `${ownerOf(exchange)}:${createHash('sha256').update(id.toLowerCase()).digest('base64url')}`
  const fingerprint = fingerprintOf(request, body)
  const replay = async (): Promise<HttpResponse | undefined> => {
    const bytes = await core.records.read(kind, key)
    if (bytes === undefined) return undefined
    const { response, more } = decodeResponse<Asked>(bytes)
    if (more.firstSent !== firstSent || more.request !== fingerprint)
      throw new ODataError('badRequest', 'This Repeatability-Request-ID was sent with another request before.', {
        target: 'Repeatability-Request-ID',
      })
    exchange.repeatability = 'accepted'
    return response
  }
  const before = await replay()
  if (before) return before
  checkWindow(firstSent)

  exchange.repeatability = 'accepted'
  const again = requestLike(request, { body: () => Promise.resolve(body) })
  try {
    return await transact(core.store, sessionOf(exchange, core.limits.storeTime), core.log, async ({ transaction }) => {
      const inner = { ...inTransaction(exchange, transaction), request: again, results: new Map() }
      const response = await whole(await run(inner))
      if (response.status >= 400) throw new Failed(response)
      const asked: Asked = { firstSent, request: fingerprint }
      const bytes = encodeResponse(response, asked)
      if (!(await core.records.create(kind, key, bytes, rememberedSeconds, transaction))) throw new Repeated()
      return response
    })
  } catch (error) {
    if (error instanceof Failed) return error.response
    // the same request was under way twice, and the other one was first; or its record has run out and is not swept yet
    const first = error instanceof Repeated ? await replay() : undefined
    if (first) return first
    if (!(error instanceof Repeated)) throw error
    throw new ODataError('conflict', 'The same request is being executed. Send it again.')
  }
}

const kind = 'repeatable'

function checkedHeaders(headers: RequestHeaders): { readonly id: string; readonly firstSent: string } {
  const id = headers['repeatability-request-id']?.trim()
  const firstSent = headers['repeatability-first-sent']?.trim()
  if (id === undefined || id === '' || id.length > 256)
    throw new ODataError(
      'badRequest',
      'Repeatability-First-Sent needs a Repeatability-Request-ID of 1 to 256 characters.',
      {
        target: 'Repeatability-Request-ID',
      },
    )
  if (firstSent === undefined || !isHttpDate(firstSent))
    throw new ODataError('badRequest', 'Repeatability-Request-ID needs a Repeatability-First-Sent as HTTP-date.', {
      target: 'Repeatability-First-Sent',
    })
  return { id, firstSent }
}

/** RFC 9110 5.6.7: IMF-fixdate. */
function isHttpDate(text: string): boolean {
  const ms = Date.parse(text)
  return !Number.isNaN(ms) && new Date(ms).toUTCString() === text
}

function checkWindow(firstSent: string): void {
  const age = Date.now() - Date.parse(firstSent)
  if (age > rememberedSeconds * 1000 || age < -clockTolerance)
    throw new ODataError(
      'preconditionFailed',
      `Repeatability-First-Sent lies outside the ${rememberedSeconds / 3600} hours that this service remembers.`,
      { target: 'Repeatability-First-Sent' },
    )
}

/** Changes of data, all of them in one transaction; not what streams, and not where the model denies it. */
function canRepeat({ store, model }: Core, plan: Plan): boolean {
  if (!store.capabilities.transactions || plan.kind === 'batch' || ('stream' in plan && plan.stream !== undefined))
    return false
  const root = 'source' in plan ? plan.source?.root : undefined
  const operation = plan.kind === 'invoke' ? plan.call.operation : undefined
  for (const element of [operation, root, model.container]) {
    const said = element && supportOf(element)
    if (said !== undefined) return said
  }
  return true
}

function supportOf(element: Annotatable): boolean | undefined {
  const annotation = annotationOf(element, 'Org.OData.Repeatability.V1.Supported')
  if (annotation === undefined) return undefined
  return annotation.value.kind === 'default' ? true : bool(annotation.value)
}

/** Headers that decide what a request means. */
const telling = ['accept', 'content-type', 'prefer', 'if-match', 'if-none-match', 'odata-version', 'odata-maxversion']

function fingerprintOf({ method, target, headers }: HttpRequest, body: Uint8Array | undefined): string {
  const said = telling.map((name) => headers[name] ?? '')
  return createHash('sha256')
    .update(JSON.stringify([method, target, said]))
    .update(body ?? '')
    .digest('base64url')
}
