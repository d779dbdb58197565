import type { Parameters } from '../../bind/tree.ts'
import { ODataError } from '../../errors/odata-error.ts'
import type { JsonDialect } from '../../payload/writer.ts'
import type { ReadPlan } from '../../plan/plan.ts'
import type { HttpResponse } from '../../protocol/message.ts'
import { type JsonFormat, jsonContentType, negotiateJson, requireAcceptable } from '../../protocol/negotiate.ts'
import { parsePrefer } from '../../protocol/prefer.ts'
import type { ChangeOutcome } from '../../store/changes.ts'
import type { Session } from '../../store/port.ts'
import type { QueryOptions } from '../../url/ast.ts'
import { applied, type Core, collectionOf, contextOf, dialectOf, plainDialect } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { type DeltaState, definingQuery } from '../paging.ts'
import { sightOf, tellChanges } from './current-rows.ts'
import { type DeltaItem, deltaItems } from './items.ts'
import { Told } from './told.ts'
import { expansionsTo, leadsBack, relatingFields, type Telling, trackedRoots } from './tracked.ts'
import { isFlat, stateNow, untracked, untrackedReason } from './tracking.ts'
import { writeDelta } from './write-delta.ts'

export interface DeltaRequest {
  readonly plan: ReadPlan
  /** undefined: navigation leads to nothing */
  readonly parameters: Parameters | undefined
  readonly token: string
  readonly options: Pick<QueryOptions, 'format' | 'expand'>
  /** rows of a page at the most; Infinity: as many as a page may have */
  readonly pageSize: number
}

/**
 * What has changed in a result since a delta token was given (Protocol 11.3.2, JSON Format 15): entities as they are now, with what is expanded of them, and those
 * that are no longer part of it. `$deltatoken=latest` gives nothing but a link to what changes from now on.
 * @throws ODataError deltaTokenInvalid; gone where the store has forgotten what happened since; notImplemented
 */
export async function readDelta(core: Core, exchange: Exchange, request: DeltaRequest): Promise<HttpResponse> {
  const { plan, token, options } = request
  const counted = exchange.countsChanges === true
  const format = counted ? undefined : negotiateJson(exchange.request.headers, options.format)
  if (counted) requireAcceptable(exchange.request.headers, options.format, 'text/plain')
  const { telling, state } = await begin(core, exchange, request, format)
  const latest = token.toLowerCase() === 'latest'
  if (format === undefined) return numberOf(latest ? 0 : await countFrom(telling, request, state))

  const { parameters } = telling
  const { target } = exchange.request
  // what is null in a delta may be what has changed (Protocol 8.2.8.6)
  const dialect: JsonDialect = { ...dialectOf(core, exchange, format), omitValues: undefined }
  const link = (to: DeltaState) => core.paging.deltaLink(exchange.root, target, to)
  const answer: Record<string, string> = { 'Content-Type': jsonContentType(format, exchange.version) }
  const body = { plan, parameters, dialect, nested: !telling.flat }
  if (latest) {
    const nothing = { ...body, count: plan.count ? 0 : undefined, items: [], next: undefined, delta: link(state) }
    return { status: 200, headers: answer, body: writeDelta(core, exchange, nothing) }
  }
  const page = await pageFrom(telling, request, state)
  exchange.timings?.mark('store')
  const { maxPageSize, trackChanges } = parsePrefer(exchange.request.headers.prefer)
  const prefix = exchange.version === '4.0' ? 'odata.' : ''
  if (maxPageSize !== undefined) applied(answer, `${prefix}maxpagesize=${limitOf(core, request)}`)
  if (trackChanges) applied(answer, `${prefix}track-changes`)
  const count = plan.count && !isContinued(state) ? await countOf(telling, request, page) : undefined
  const written = writeDelta(core, exchange, {
    ...body,
    count,
    items: page.items,
    next: page.more ? link(page.state) : undefined,
    delta: page.more ? undefined : link(page.state),
  })
  return { status: 200, headers: answer, body: written }
}

/** `/$count` behind the path of a delta link: the number of changes alone (Protocol 11.3.2). */
function numberOf(count: number): HttpResponse {
  return { status: 200, headers: { 'Content-Type': 'text/plain;charset=utf-8' }, body: Buffer.from(String(count)) }
}

/** What a token asks for. @throws ODataError as `readDelta` */
async function begin(
  core: Core,
  exchange: Exchange,
  { plan, parameters, token }: DeltaRequest,
  format: JsonFormat | undefined,
): Promise<{ telling: Telling; state: DeltaState }> {
  const reason = untrackedReason(core, exchange, plan)
  if (reason !== undefined) throw untracked(reason)
  if (parameters === undefined) throw gone(exchange, 'What the changes were tracked of is no longer there.')
  const dialect = format === undefined ? plainDialect(exchange) : dialectOf(core, exchange, format)
  const telling: Telling = { core, exchange, plan, parameters, flat: isFlat(core, exchange), dialect }
  if (token.toLowerCase() === 'latest') return { telling, state: await stateNow(core, exchange, plan, parameters) }
  const state = core.paging.readDelta(exchange.request.target, token)
  if (Date.now() - state.issued > core.limits.deltaAge)
    throw gone(exchange, 'The $deltatoken is older than this service answers for.')
  return { telling, state: isContinued(state) ? state : { ...state, issued: Date.now() } }
}

/** Whether a state is of a further page of a delta. */
function isContinued({ stage }: DeltaState): boolean {
  return stage !== undefined
}

/** A page of a delta: one stage after the other, until it is full. */
interface DeltaPage {
  readonly items: readonly DeltaItem[]
  /** where the next page goes on, or the next delta */
  readonly state: DeltaState
  readonly more: boolean
  /** how many changes there are on all pages, where that is known without looking at them */
  readonly total: number | undefined
}

async function pageFrom(
  telling: Telling,
  request: Pick<DeltaRequest, 'pageSize' | 'options'>,
  state: DeltaState,
): Promise<DeltaPage> {
  const { core, plan } = telling
  const limit = limitOf(core, request)
  const roots = trackedRoots(plan)
  const told = new Told()
  let at = state
  let total: number | undefined
  for (;;) {
    const { changes, sighted, from } = await changesOf(telling, at, Math.max(1, limit - told.size))
    const root = roots[at.stage ?? 0] ?? plan.source.root
    await tellChanges(telling, root, changes.rows, sighted, told)
    // each change of a row is one of the result, where none is kept from the caller and nothing else is told with it
    if (roots.length === 1 && !leadsBack(plan) && !sighted && changes.until !== undefined) total = changes.total
    const next = behind(at, changes, from, roots.length)
    at = next.state
    if (next.more && !next.within && told.size < limit) continue
    const items = await deltaItems(telling, told.items, request.options.expand)
    return { items, state: at, more: next.more, total }
  }
}

/** The state behind some changes of a stage. @returns within: the same stage goes on */
function behind(
  { since, related = [], stage = 0, issued }: DeltaState,
  { position, until, more }: Extract<ChangeOutcome, { kind: 'changes' }>,
  from: string | undefined,
  stages: number,
): { readonly state: DeltaState; readonly more: boolean; readonly within: boolean } {
  const state: DeltaState = {
    since: stage === 0 ? position : since,
    ...(related.length === 0 ? {} : { related: related.map((one, i) => (i === stage - 1 ? position : one)) }),
    issued,
  }
  if (more) {
    const rest = { ...(until === undefined ? {} : { until }), ...(from === undefined ? {} : { from }) }
    return { state: { ...state, stage, ...rest }, more, within: true }
  }
  if (stage + 1 < stages) return { state: { ...state, stage: stage + 1 }, more: true, within: false }
  return { state, more, within: false }
}

/** How many changes a delta has on all its pages. */
async function countOf(telling: Telling, request: DeltaRequest, page: DeltaPage): Promise<number> {
  if (page.total !== undefined) return page.total
  return page.items.length + (page.more ? await countFrom(telling, request, page.state) : 0)
}

async function countFrom(telling: Telling, request: DeltaRequest, state: DeltaState): Promise<number> {
  let count = 0
  for (let at = state; ; ) {
    telling.exchange.request.signal.throwIfAborted()
    const page = await pageFrom(telling, { ...request, pageSize: Number.POSITIVE_INFINITY }, at)
    if (page.total !== undefined && !isContinued(at)) return page.total
    count += page.items.length
    if (!page.more) return count
    at = page.state
  }
}

function limitOf(core: Core, { pageSize }: Pick<DeltaRequest, 'pageSize'>): number {
  return Number.isFinite(pageSize) ? pageSize : Math.min(core.limits.maxPageSize, 1_000)
}

interface StageChanges {
  readonly changes: Extract<ChangeOutcome, { kind: 'changes' }>
  /** whether it is known which rows the caller may have seen */
  readonly sighted: boolean
  /** where the delta of this stage begins, where that matters */
  readonly from: string | undefined
}

/** Which rows of the collection of a stage were written to. */
async function changesOf(
  { core, exchange, plan, parameters }: Telling,
  state: DeltaState,
  limit: number,
): Promise<StageChanges> {
  const stage = state.stage ?? 0
  const root = trackedRoots(plan)[stage] ?? plan.source.root
  const own = root === plan.source.root
  const tracked = expansionsTo(plan, root)
  const since = (own ? state.since : state.related?.[stage - 1]) ?? ''
  const { session } = contextOf(core, exchange, plan, parameters).context
  const test = sightOf(core, exchange, root, own && tracked.length === 0 ? plan : undefined, parameters)
  const sight = test && { from: state.from ?? since, test }
  const outcome = await core.store.changes.since(
    {
      collection: collectionOf(core.layout, root),
      since,
      sight,
      fields: relatingFields(core.layout, root, tracked),
      until: state.until,
      // what is expanded of the rows may be of other owners, in their collection
      owner: own && tracked.length === 0 ? ownerOfRows(plan, session) : undefined,
      limit,
    },
    session,
  )
  if (outcome.kind === 'historyLost') throw gone(exchange, 'What happened since the $deltatoken is no longer known.')
  return { changes: outcome, sighted: sight !== undefined, from: sight?.from }
}

function ownerOfRows({ source }: ReadPlan, { parameters }: Session): string | undefined {
  const owner = source.owner === undefined ? undefined : parameters[source.owner]
  return typeof owner === 'string' ? owner : undefined
}

/** The client has to read everything again (Protocol 11.3.2). */
function gone(exchange: Exchange, message: string): ODataError {
  return new ODataError('gone', `${message} Read everything again.`, {
    target: '$deltatoken',
    headers: { Location: definingQuery(exchange.root, exchange.request.target) },
  })
}
