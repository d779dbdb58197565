import { ODataError } from '../errors/odata-error.ts'
import { discard } from '../protocol/discard.ts'
import type { HttpRequest, HttpResponse, RequestHeaders } from '../protocol/message.ts'
import { monitorOf } from './asynchronous.ts'
import type { Core } from './core.ts'
import { beginExchange } from './exchange.ts'
import { tellParameters, tellPlan } from './explain-plan.ts'
import { failure } from './failure.ts'
import { answer, finish } from './handle.ts'
import type { Planned } from './planner.ts'
import { type TimedNote, Tracing } from './tracing.ts'

/** A GET that is to be explained. */
export interface ExplainRequest {
  /** path and query below the service root; what a URL cannot hold may stand as it is */
  readonly url: string
  /** of the GET, names in lower case; Isolation and Repeatability count for nothing, nor does respond-async */
  readonly headers?: RequestHeaders
  /** whether it came over the loopback interface; false where not said */
  readonly loopback?: boolean
  readonly signal?: AbortSignal
}

/** What would leave something behind (a snapshot, a remembered outcome), or is about the body of another request. */
const notTaken = /^(?:odata-)?isolation$|^repeatability-|^content-|^transfer-encoding$/

/**
 * Carries a GET out as its caller, and tells how: the plan, what the store was asked, how it went about that, and the time of
 * each stage. The rows are thrown away.
 * @param root the absolute service root with trailing slash; undefined: asked under a name that is not served
 * @returns the explanation as JSON (200), or the error of the request where it is refused before anything is read (400, 401, 403, 404 ...)
 */
export async function explain(core: Core, root: string | undefined, asked: ExplainRequest): Promise<HttpResponse> {
  const tracing = new Tracing()
  const request = requestOf(asked)
  const exchange = beginExchange(request, {
    version: core.protocol.defaultVersion,
    root: root ?? '',
    timing: true,
    tracing,
  })
  let outcome: object
  try {
    if (root === undefined)
      throw new ODataError('hostNotServed', 'Without a public root this service answers loopback hosts only.')
    if (monitorOf(request) !== undefined)
      throw new ODataError('notImplemented', 'Explaining a status monitor is not implemented.')
    outcome = await received(await answer(core, exchange), tracing.planned)
  } catch (thrown) {
    const error = failure(core, exchange, thrown)
    if (!tracing.planned || error.status === 401 || error.status === 403) return finish(core, exchange, error)
    outcome = { status: error.status, ...JSON.parse(Buffer.from(error.body as Uint8Array).toString('utf8')) }
  }
  exchange.timings?.mark('body')
  const explanation = {
    request: { method: request.method, url: request.target },
    answer: outcome,
    plan: tracing.planned && tellPlan(tracing.planned.plan, core.store.group !== undefined),
    parameters: tracing.planned && tellParameters(tracing.planned),
    store: core.store.name,
    commands: await Promise.all(tracing.notes.map(tellNote)),
    ...(tracing.untold > 0 ? { furtherCommands: tracing.untold } : {}),
    stages: exchange.timings?.stages,
  }
  return finish(core, exchange, answered(explanation))
}

function requestOf({ url, headers = {}, loopback = false, signal }: ExplainRequest): HttpRequest {
  const path = url.startsWith('/') ? url : `/${url}`
  return {
    method: 'GET',
    // a raw URL is printable ASCII; what else a person writes is encoded, what is encoded stays as it is
    target: Buffer.from(path, 'utf8')
      .toString('utf8')
      .replace(/[^!-~]/gu, encodeURIComponent),
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !notTaken.test(name))),
    body: async () => undefined,
    content: async function* () {},
    signal: signal ?? new AbortController().signal,
    loopback,
  }
}

/** Reads an answer to its end, as its client would; of a stream it is known by then that it is there. */
async function received(response: HttpResponse, planned: Planned | undefined): Promise<object> {
  const { status, headers, body } = response
  const told = { status, contentType: headers['Content-Type'] }
  const plan = planned?.plan
  if (plan?.kind === 'read' && plan.stream) {
    await discard(response)
    return told
  }
  let bytes = 0
  if (body instanceof Uint8Array) bytes = body.length
  else if (body) for await (const chunk of body) bytes += chunk.length
  return { ...told, bytes }
}

async function tellNote({ note, at }: TimedNote): Promise<object> {
  return { at, ...note.command, ...(await note.outcome?.()) }
}

function answered(explanation: object): HttpResponse {
  const text = JSON.stringify(
    explanation,
    (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
    2,
  )
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json;charset=utf-8', 'Cache-Control': 'no-store' },
    body: Buffer.from(`${text}\n`, 'utf8'),
  }
}
