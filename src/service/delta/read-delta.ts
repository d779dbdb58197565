import type { Parameters } from '../../bind/tree.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { contextUrl, placeText } from '../../payload/context.ts'
import { compileRemovedWriter, withKeys } from '../../payload/delta.ts'
import { compileRowWriter } from '../../payload/fast-writer.ts'
import { createSink } from '../../payload/sink.ts'
import type { JsonDialect } from '../../payload/writer.ts'
import type { ReadPlan } from '../../plan/plan.ts'
import type { HttpResponse } from '../../protocol/message.ts'
import { jsonContentType, negotiateJson } from '../../protocol/negotiate.ts'
import { parsePrefer } from '../../protocol/prefer.ts'
import type { ChangeOutcome, Sight } from '../../store/changes.ts'
import type { Session } from '../../store/port.ts'
import { shownRows } from '../after-read.ts'
import { applied, type Core, collectionOf, contextOf, controlPrefix, dialectOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { shapeOfSource } from '../expand.ts'
import { type DeltaState, definingQuery } from '../paging.ts'
import { type Current, currentRows, sightOf } from './current-rows.ts'
import { stateNow, untracked, untrackedReason } from './tracking.ts'

export interface DeltaRequest {
  readonly plan: ReadPlan
  /** undefined: navigation leads to nothing */
  readonly parameters: Parameters | undefined
  readonly token: string
  /** the option of that name */
  readonly format: string | undefined
  /** rows of a page at the most; Infinity: as many as a page may have */
  readonly pageSize: number
}

/**
 * What has changed in a result since a delta token was given (Protocol 11.3.2, JSON Format 15): entities as they are now, and those
 * that are no longer part of it. `$deltatoken=latest` gives nothing but a link to what changes from now on.
 * @throws ODataError deltaTokenInvalid; gone where the store has forgotten what happened since; notImplemented
 */
export async function readDelta(core: Core, exchange: Exchange, request: DeltaRequest): Promise<HttpResponse> {
  const { plan, parameters, token } = request
  const format = negotiateJson(exchange.request.headers, request.format)
  const reason = untrackedReason(core, plan)
  if (reason !== undefined) throw untracked(reason)
  if (parameters === undefined) throw gone(exchange, 'What the changes were tracked of is no longer there.')
  const { target } = exchange.request
  // what is null in a delta may be what has changed (Protocol 8.2.8.6)
  const dialect: JsonDialect = { ...dialectOf(core, exchange, format), omitValues: undefined }
  const link = (state: DeltaState) => core.paging.deltaLink(exchange.root, target, state)
  const head = { 'Content-Type': jsonContentType(format, exchange.version) }
  if (token.toLowerCase() === 'latest') {
    const state = await stateNow(core, exchange, plan, parameters)
    const body = { plan, parameters, dialect, count: plan.count ? 0 : undefined, rows: [], next: undefined }
    return { status: 200, headers: head, body: write(core, exchange, { ...body, delta: link(state) }) }
  }

  const state = core.paging.readDelta(target, token)
  if (Date.now() - state.issued > core.limits.deltaAge)
    throw gone(exchange, 'The $deltatoken is older than this service answers for.')
  const now = Date.now()
  const { session } = contextOf(core, exchange, plan, parameters).context
  const test = sightOf(core, plan, session)
  const sight = test && { from: state.from ?? state.since, test }
  const changes = await changesSince(core, exchange, request, session, state, sight)
  const found = await currentRows(core, exchange, plan, parameters, changes.rows, sight !== undefined)
  const current = await shown(core, exchange, plan, found)
  exchange.timings?.mark('store')
  const { position, until, more } = changes
  const issued = state.until === undefined ? now : state.issued
  const answer: Record<string, string> = head
  const { maxPageSize, trackChanges } = parsePrefer(exchange.request.headers.prefer)
  const prefix = exchange.version === '4.0' ? 'odata.' : ''
  if (maxPageSize !== undefined) applied(answer, `${prefix}maxpagesize=${limitOf(core, request)}`)
  if (trackChanges) applied(answer, `${prefix}track-changes`)
  const body = write(core, exchange, {
    plan,
    parameters,
    dialect,
    count: plan.count && state.until === undefined ? countOf(changes, found, sight) : undefined,
    rows: current,
    next: more
      ? link({ since: position, issued, ...(until === undefined ? {} : { until, ...(sight && { from: sight.from }) }) })
      : undefined,
    delta: more ? undefined : link({ since: position, issued }),
  })
  return { status: 200, headers: answer, body }
}

function limitOf(core: Core, { pageSize }: DeltaRequest): number {
  return Number.isFinite(pageSize) ? pageSize : Math.min(core.limits.maxPageSize, 1_000)
}

async function changesSince(
  core: Core,
  exchange: Exchange,
  request: DeltaRequest,
  session: Session,
  { since, until }: DeltaState,
  sight: Sight | undefined,
): Promise<Extract<ChangeOutcome, { kind: 'changes' }>> {
  const { source } = request.plan
  const owner = source.owner === undefined ? undefined : session.parameters[source.owner]
  const outcome = await core.store.changes.since(
    {
      collection: collectionOf(core.layout, source.root),
      since,
      sight,
      fields: [],
      until,
      owner: typeof owner === 'string' ? owner : undefined,
      limit: limitOf(core, request),
    },
    session,
  )
  if (outcome.kind === 'historyLost') throw gone(exchange, 'What happened since the $deltatoken is no longer known.')
  return outcome
}

/** How many changes all pages have; under a row filter only where there is one page: how much others change is not told. */
function countOf(
  { more, until, total }: Extract<ChangeOutcome, { kind: 'changes' }>,
  found: readonly Current[],
  sight: Sight | undefined,
): number | undefined {
  if (sight) return more ? undefined : found.length
  return until === undefined ? undefined : total
}

/** The client has to read everything again (Protocol 11.3.2). */
function gone(exchange: Exchange, message: string): ODataError {
  return new ODataError('gone', `${message} Read everything again.`, {
    target: '$deltatoken',
    headers: { Location: definingQuery(exchange.root, exchange.request.target) },
  })
}

/** The rows as their controller shows them. */
async function shown(
  core: Core,
  exchange: Exchange,
  { source }: ReadPlan,
  rows: readonly Current[],
): Promise<readonly Current[]> {
  const stored = rows.flatMap(({ row }) => (row === undefined ? [] : [row]))
  const seen = await shownRows(core, exchange, source.root, stored)
  if (seen === stored) return rows
  let next = 0
  return rows.map((current) =>
    current.row === undefined ? current : { id: current.id, row: seen[next++] ?? current.row },
  )
}

interface Delta {
  readonly plan: ReadPlan
  readonly parameters: Parameters
  readonly dialect: JsonDialect
  readonly count: number | undefined
  readonly rows: readonly Current[]
  readonly next: string | undefined
  readonly delta: string | undefined
}

function write(core: Core, exchange: Exchange, delta: Delta): Uint8Array {
  const { plan, parameters, dialect, count, rows, next } = delta
  const prefix = controlPrefix(exchange.version)
  const { entity, removed } = core.writers.get(deltaOf(plan), dialect, () => {
    const shape = { ...shapeOfSource(core, plan.source, plan.source.type), select: plan.select }
    return {
      entity: compileRowWriter(withKeys(shape), dialect, core.layout),
      removed: compileRemovedWriter(shape, dialect, core.layout, core.protocol.graph),
    }
  })
  const place = placeText({ ...plan.source, steps: [] }, parameters)
  const sink = createSink()
  sink.byte(0x7b)
  if (dialect.metadata !== 'none') {
    sink.ascii(`"${prefix}context":`)
    // Protocol 10.14
    sink.jsonString(`${contextUrl(plan, dialect, parameters)}/$delta`)
    sink.byte(0x2c)
  }
  if (count !== undefined) sink.ascii(`"${prefix}count":${dialect.ieee754Compatible ? `"${count}"` : count},`)
  sink.ascii('"value":[')
  for (const [i, current] of rows.entries()) {
    if (i > 0) sink.byte(0x2c)
    if (current.row !== undefined) entity(current.row, sink, undefined)
    else removed(current.id, current.reason, place, sink)
  }
  sink.byte(0x5d)
  const [name, url] = next === undefined ? ['deltaLink', delta.delta] : ['nextLink', next]
  if (url !== undefined) {
    sink.ascii(`,"${prefix}${name}":`)
    sink.jsonString(url)
  }
  sink.byte(0x7d)
  return sink.take()
}

const deltas = new WeakMap<ReadPlan, object>()

/** What the writers of a plan's deltas are kept by. */
function deltaOf(plan: ReadPlan): object {
  let delta = deltas.get(plan)
  if (delta === undefined) {
    delta = {}
    deltas.set(plan, delta)
  }
  return delta
}
