import type { Parameters } from '../bind/tree.ts'
import { ODataError } from '../errors/odata-error.ts'
import { compileOrder } from '../eval/order.ts'
import { contextUrl } from '../payload/context.ts'
import { compileRowWriter, referenceWriter } from '../payload/fast-writer.ts'
import { compileMemberWriter } from '../payload/member-writer.ts'
import { compileRawValue } from '../payload/raw-value.ts'
import { createSink } from '../payload/sink.ts'
import type {
  ByteSink,
  ComputedMember,
  JsonDialect,
  Related,
  RowAnnotations,
  RowShape,
  RowWriter,
} from '../payload/writer.ts'
import type { CountPlan, CreatePlan, ReadPlan, UpdatePlan } from '../plan/plan.ts'
import { harmless } from '../protocol/disposition.ts'
import { printETag, readConditions } from '../protocol/etag.ts'
import type { HttpResponse, RequestHeaders } from '../protocol/message.ts'
import { type JsonFormat, jsonContentType, negotiateJson, requireAcceptable } from '../protocol/negotiate.ts'
import { parsePrefer } from '../protocol/prefer.ts'
import type { Rows } from '../store/port.ts'
import type { QueryOptions } from '../url/ast.ts'
import { controllerShowing, shownRow, shownRows } from './after-read.ts'
import { computedOf } from './computed.ts'
import { notModified, versionOf } from './conditions.ts'
import { addApplied, applied, type Core, collectionOf, contextOf, controlPrefix, dialectOf } from './core.ts'
import { readDelta } from './delta/read-delta.ts'
import { beginTracking } from './delta/tracking.ts'
import type { Exchange } from './exchange.ts'
import { chosenItems, expandedShapes, expandRows, shapeOfSource } from './expand.ts'
import { inlining, namesOfStreams, streamValues } from './inline-values.ts'
import { nextLink } from './isolation.ts'
import { itemsOfRow, lacksPosition, writeItems } from './items.ts'
import { dispositionOf } from './media-rules.ts'
import { missingEntity } from './missing.ts'
import { isDeltaResult, readDeltaResult } from './operations/delta-result.ts'
import type { Continuation } from './paging.ts'
import { countByRelated, evalContext, listByRelated } from './related.ts'
import { virtualSingleton } from './singleton.ts'

/** Bytes of a streamed answer that are sent at a time. */
const chunkBytes = 65_536

/** The writer of a plan's rows in a dialect, compiled once. */
export function rowWriter(
  core: Core,
  plan: ReadPlan | CreatePlan | UpdatePlan,
  dialect: JsonDialect,
  parameters: Parameters,
): RowWriter {
  const write = core.writers.get(plan, dialect, () => {
    const shape = shapeOf(core, plan)
    if (plan.kind === 'read' && plan.references) return referenceWriter(shape, dialect, core.layout)
    return compileRowWriter(shape, dialect, core.layout)
  })
  const chosen = chosenItems(core, plan.source, plan.source.type, plan.select, parameters)
  if (chosen === undefined) return write
  return (row, sink, ...rest) => write(chosen(row), sink, ...rest)
}

/** What of a plan's rows is written. */
export function shapeOf(core: Core, plan: ReadPlan | CreatePlan | UpdatePlan): RowShape {
  const shape = shapeOfSource(core, plan.source, plan.source.type)
  const inline = plan.streams && namesOfStreams(plan.streams)
  return {
    ...shape,
    select: plan.select,
    expand: expandedShapes(core, plan.expansions),
    ...(inline === undefined ? {} : { inline }),
  }
}

/**
 * Reads what a plan names: a collection, an entity, or a property of one (Protocol 11.2).
 * @param parameters undefined: navigation leads to nothing
 */
export function read(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan,
  parameters: Parameters | undefined,
  options: QueryOptions,
): Promise<HttpResponse> {
  if (!plan.source.single) return readCollection(core, exchange, plan, parameters, options)
  return readSingle(core, exchange, plan, parameters, options)
}

/** `/$count`: the number as text (Protocol 11.2.10). */
export async function count(
  core: Core,
  exchange: Exchange,
  plan: CountPlan,
  parameters: Parameters | undefined,
  options: QueryOptions,
): Promise<HttpResponse> {
  requireAcceptable(exchange.request.headers, options.format, 'text/plain')
  const { controller, context } = contextOf(core, exchange, plan, parameters ?? [])
  const number =
    parameters === undefined
      ? 0
      : plan.related
        ? await countByRelated(core, exchange, plan, plan.related, parameters)
        : await controller.count(context)
  return { status: 200, headers: { 'Content-Type': 'text/plain;charset=utf-8' }, body: Buffer.from(String(number)) }
}

async function readSingle(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan,
  parameters: Parameters | undefined,
  options: QueryOptions,
): Promise<HttpResponse> {
  const { headers } = exchange.request
  const format = plan.raw ? undefined : negotiateJson(headers, options.format)
  if (parameters === undefined) return nothingThere(plan, undefined)
  const { controller, context } = contextOf(core, exchange, plan, parameters)
  const stored = (await controller.read(context)) ?? virtualSingleton(core, plan.source)
  exchange.timings?.mark('store')
  if (stored === undefined) return nothingThere(plan, parameters)
  const version = versionOf(stored)
  const answer: Record<string, string> = {}
  if (version !== undefined) answer.ETag = printETag(version)
  // of an operation's result it is what the operation is bound to that If-Match is about (Protocol 11.5.4.1)
  const conditions = plan.source.root.kind === 'result' ? noConditions : readConditions(headers)
  if (notModified(conditions, version)) return { status: 304, headers: answer, body: undefined }
  const row = controllerShowing(core, plan.source.root)?.afterRead
    ? await shownRow(core, exchange, plan.source.root, stored)
    : stored
  if (format === undefined) return rawValue(core, exchange, plan, parameters, row, answer, options)
  if (plan.member.length > 0) {
    const rows = { row, stored }
    return memberAnswer(core, exchange, plan, parameters, rows, format, answer, options)
  }

  const dialect = dialectOf(core, exchange, format)
  const sink = createSink()
  const contextText = dialect.metadata === 'none' ? undefined : contextUrl(plan, dialect, parameters)
  const streams = inlining(dialect)
  const [values] = await streamValues(core, plan.streams, () => shapeOf(core, plan), streams)([stored])
  const [related] = await expandRows(core, exchange, plan, parameters, [stored], options.expand, streams)
  const [computed] = await computedOf(core, exchange, plan, parameters, [stored])
  rowWriter(core, plan, dialect, parameters)(row, sink, contextText, related, values, computed)
  answer['Content-Type'] = jsonContentType(format, exchange.version)
  addApplied(exchange, dialect, answer)
  return { status: 200, headers: answer, body: sink.take() }
}

/**
 * The property of a row that a plan reads, with the headers that are known already; 204 where it is null.
 * @param rows the row as it is shown, and as it is stored
 */
export async function memberAnswer(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan,
  parameters: Parameters,
  rows: { readonly row: Uint8Array; readonly stored: Uint8Array },
  format: JsonFormat,
  answer: Record<string, string>,
  options: QueryOptions,
): Promise<HttpResponse> {
  const { row } = rows
  const dialect = dialectOf(core, exchange, format)
  const sink = createSink()
  if (plan.items) {
    const [related] = await expandRows(
      core,
      exchange,
      plan,
      parameters,
      [rows.stored],
      options.expand,
      inlining(dialect),
    )
    writeItems(core, plan, plan.items, parameters, dialect, row, sink, related)
  } else if (!(await writeMember(core, exchange, plan, parameters, dialect, rows, options, sink))) {
    if (lacksPosition(core, plan, row)) throw new ODataError('entityNotFound', 'The collection has no such position.')
    return { status: 204, headers: answer, body: undefined }
  }
  answer['Content-Type'] = jsonContentType(format, exchange.version)
  addApplied(exchange, dialect, answer)
  return { status: 200, headers: answer, body: sink.take() }
}

function hasConditions(headers: RequestHeaders): boolean {
  return headers['if-match'] !== undefined || headers['if-none-match'] !== undefined
}

const noConditions = { ifMatch: undefined, ifNoneMatch: undefined }

/** No entity is there: 204 for a navigation property or a nullable singleton that is null (Protocol 9.1.4, 11.2.6), else 404. */
function nothingThere(plan: ReadPlan, parameters: Parameters | undefined): HttpResponse {
  const { source, member, hops } = plan
  if (source.root.kind === 'result' && source.steps.length === 0) {
    const { name, call } = source.root
    if (call.operation.returnType?.nullable === true) return { status: 204, headers: {}, body: undefined }
    throw new ODataError('entityNotFound', `${name} has no result.`)
  }
  const last = hops?.at(-1)?.property
  const related = last?.collection === false && !source.steps.some(({ kind }) => kind === 'cast')
  if ((related || isNull(source)) && member.length === 0) return { status: 204, headers: {}, body: undefined }
  if (parameters || related) throw missingEntity(plan, parameters ?? [])
  throw new ODataError('entityNotFound', `'${last?.name ?? 'The path'}' leads to no entity.`)
}

/** Whether what is not there is a singleton that may be null. */
function isNull({ root, steps }: ReadPlan['source']): boolean {
  return root.kind === 'singleton' && root.nullable && steps.length === 0
}

/** @param rows the row as it is shown, and as it is stored */
async function writeMember(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan,
  parameters: Parameters,
  dialect: JsonDialect,
  { row, stored }: { readonly row: Uint8Array; readonly stored: Uint8Array },
  options: QueryOptions,
  sink: ByteSink,
): Promise<boolean> {
  const write = core.writers.get(plan.member, dialect, () =>
    compileMemberWriter(plan.member, plan.memberType, dialect, core.layout, {
      ...ownerOf(core, plan),
      select: plan.select,
      expand: expandedShapes(core, plan.expansions),
      ...(plan.streams === undefined ? {} : { inline: namesOfStreams(plan.streams) }),
    }),
  )
  const streams = inlining(dialect)
  const shape = () => shapeOfSource(core, plan.source, plan.source.type)
  const [values] = await streamValues(core, plan.streams, shape, streams)([stored])
  const [related] = await expandRows(core, exchange, plan, parameters, [stored], options.expand, streams)
  const context = dialect.metadata === 'none' ? undefined : contextUrl(plan, dialect, parameters)
  return write(row, sink, context, related, values)
}

function ownerOf(core: Core, plan: ReadPlan) {
  return { type: plan.source.type, collection: collectionOf(core.layout, plan.source.root) }
}

/** The value alone (`$value`). */
export function rawValue(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan,
  parameters: Parameters,
  row: Uint8Array,
  answer: Record<string, string>,
  options: Pick<QueryOptions, 'format'>,
): HttpResponse {
  const { memberType, items } = plan
  if (items) {
    requireAcceptable(exchange.request.headers, options.format, 'text/plain')
    answer['Content-Type'] = 'text/plain;charset=utf-8'
    return {
      status: 200,
      headers: answer,
      body: Buffer.from(String(itemsOfRow(core, plan, items, parameters, row).total)),
    }
  }
  const read = core.writers.once(plan.member, () =>
    compileRawValue(plan.member, memberType, core.layout, ownerOf(core, plan)),
  )
  const value = read(row)
  if (value === undefined) return { status: 204, headers: answer, body: undefined }
  const type = requireAcceptable(exchange.request.headers, options.format, ...value.contentTypes)
  const safe = harmless(type, memberDisposition(core, plan, row))
  return { status: 200, headers: { ...answer, 'Content-Type': type, ...safe }, body: value.body }
}

/** Core.ContentDisposition of the property whose value is asked for. */
function memberDisposition(
  core: Core,
  { source, member }: ReadPlan,
  row: Uint8Array,
): ReturnType<typeof dispositionOf> {
  const last = member.at(-1)
  if (last?.kind !== 'property') return undefined
  const target = { path: member, property: last.property }
  return dispositionOf(target, source.type, core.layout, collectionOf(core.layout, source.root), row)
}

async function readCollection(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan,
  related: Parameters | undefined,
  options: QueryOptions,
): Promise<HttpResponse> {
  if (isDeltaResult(plan)) return readDeltaResult(core, exchange, plan, related ?? [], options)
  if (options.deltatoken !== undefined)
    return readDelta(core, exchange, {
      plan,
      parameters: related,
      token: options.deltatoken,
      options,
      pageSize: pageOf(core, exchange.request.headers.prefer, undefined).rows,
    })
  const parameters = related ?? []
  const { headers, target } = exchange.request
  const format = negotiateJson(headers, options.format)
  // a collection has no entity tag (Protocol 8.3.2): none that is given is its own, and `*` is met by its being there
  if (plan.source.root.kind !== 'result' && hasConditions(headers) && notModified(readConditions(headers), undefined))
    return { status: 304, headers: {}, body: undefined }
  const dialect = dialectOf(core, exchange, format)
  const continuation = options.skiptoken === undefined ? undefined : core.paging.read(target, plan, options.skiptoken)
  const page = isOfAction(plan) ? wholePage : pageOf(core, headers.prefer, continuation?.top ?? plan.top)
  const { controller, context } = contextOf(core, exchange, ofPage(core, plan), parameters, {
    after: continuation?.after,
    limit: page.fetch,
  })
  const skip = continuation === undefined ? (plan.skip ?? 0) : 0
  const list = () =>
    plan.related
      ? listByRelated(core, exchange, plan, plan.related, parameters, {
          after: continuation?.after,
          skip,
          limit: page.fetch,
        })
      : controller.list(context)
  const total = () =>
    plan.related ? countByRelated(core, exchange, plan, plan.related, parameters) : controller.count(context)
  const tracked = continuation?.tracked ?? (related && (await beginTracking(core, exchange, plan, parameters, options)))
  const [rows, number] = await Promise.all([
    page.fetch === 0 || related === undefined ? noRows : list(),
    plan.count ? (related === undefined ? 0 : total()) : undefined,
  ])
  exchange.timings?.mark('store')

  const write = rowWriter(core, plan, dialect, parameters)
  const prefix = controlPrefix(exchange.version)
  const sink = createSink()
  sink.byte(0x7b)
  if (dialect.metadata !== 'none') {
    sink.ascii(`"${prefix}context":`)
    sink.jsonString(contextUrl(plan, dialect, parameters))
    sink.ascii(',')
  }
  if (number !== undefined) sink.ascii(`"${prefix}count":${dialect.ieee754Compatible ? `"${number}"` : number},`)
  sink.ascii('"value":[')
  let written = 0
  let last: Uint8Array | undefined
  /** @returns false once the page is full */
  const writeRow = (row: Uint8Array, i: number, { shown, related, values, computed }: Completed): boolean => {
    if (written === page.rows) return false
    if (written > 0) sink.byte(0x2c)
    write(shown[i] ?? row, sink, undefined, related[i], values[i], computed[i])
    written++
    last = row
    return true
  }
  const writeEnd = (more: boolean): void => {
    sink.byte(0x5d)
    if (more && last) {
      const { keyset } = core.writers.once(plan.orderby, () => compileOrder(plan.orderby, evalContext(core, plan)))
      const next: Continuation = {
        after: keyset(last, parameters),
        top: page.left(written),
        ...(tracked === undefined ? {} : { tracked }),
      }
      sink.ascii(`,"${prefix}nextLink":`)
      sink.jsonString(nextLink(core, exchange, target, plan, next, core.protocol.graph))
    } else if (tracked) {
      sink.ascii(`,"${prefix}deltaLink":`)
      sink.jsonString(core.paging.deltaLink(exchange.root, target, tracked))
    }
    sink.byte(0x7d)
  }

  const showing = controllerShowing(core, plan.source.root)?.afterRead !== undefined
  const streams = inlining(dialect)
  const valuesOf = streamValues(core, plan.streams, () => shapeOf(core, plan), streams)
  /** of the rows that are written: what is expanded of them, and how they are shown */
  const complete = async (batch: readonly Uint8Array[]): Promise<Completed> => {
    const rows = batch.slice(0, page.rows - written)
    return {
      related: await expandRows(core, exchange, plan, parameters, rows, options.expand, streams),
      shown: showing ? await shownRows(core, exchange, plan.source.root, rows) : rows,
      values: await valuesOf(rows),
      computed: await computedOf(core, exchange, plan, parameters, rows),
    }
  }
  const answer: Record<string, string> = { 'Content-Type': jsonContentType(format, exchange.version) }
  if (page.applied !== undefined)
    applied(answer, `${exchange.version === '4.0' ? 'odata.' : ''}maxpagesize=${page.applied}`)
  if (tracked && continuation === undefined)
    applied(answer, `${exchange.version === '4.0' ? 'odata.' : ''}track-changes`)
  addApplied(exchange, dialect, answer)
  if (rows.complete || rows.first.length > page.rows) {
    const completed = await complete(rows.first)
    const full = rows.first.some((row, i) => !writeRow(row, i, completed))
    if (!rows.complete) await rows.close()
    writeEnd(full)
    return { status: 200, headers: answer, body: sink.take() }
  }
  return { status: 200, headers: answer, body: await started(stream(rows, sink, complete, writeRow, writeEnd)) }
}

const withoutTop = new WeakMap<ReadPlan, ReadPlan>()

/** What the store is asked for: where $top is the size of pages, one row more than that tells of a next one. */
function ofPage({ protocol }: Core, plan: ReadPlan): ReadPlan {
  if (!protocol.nextLinkAfterTop || plan.top === undefined) return plan
  let found = withoutTop.get(plan)
  if (found === undefined) {
    found = Object.freeze({ ...plan, top: undefined })
    withoutTop.set(plan, found)
  }
  return found
}

/** Fetches the first chunk now, so that what fails early is still answered with an error. */
export async function started(chunks: AsyncGenerator<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const first = await chunks.next()
  return (async function* () {
    try {
      if (!first.done) yield first.value
      yield* chunks
    } finally {
      await chunks.return(undefined)
    }
  })()
}

/** What the rows of a batch are written with. */
interface Completed {
  readonly related: readonly (Related | undefined)[]
  readonly shown: readonly Uint8Array[]
  /** members of the streams that $expand names */
  readonly values: readonly (RowAnnotations | undefined)[]
  /** what $compute defines */
  readonly computed: readonly (readonly ComputedMember[])[]
}

async function* stream(
  rows: Rows,
  sink: ByteSink,
  complete: (rows: readonly Uint8Array[]) => Promise<Completed>,
  writeRow: (row: Uint8Array, i: number, completed: Completed) => boolean,
  writeEnd: (more: boolean) => void,
) {
  let full = false
  for await (const batch of rows.batches) {
    const completed = await complete(batch)
    for (const [i, row] of batch.entries()) {
      full = !writeRow(row, i, completed)
      if (full) break
      if (sink.length >= chunkBytes) yield sink.take()
    }
    if (full) break
  }
  writeEnd(full)
  yield sink.take()
}

/** What an action gives is given whole: nobody could ask for a second page of it. */
function isOfAction({ source: { root } }: ReadPlan): boolean {
  return root.kind === 'result' && root.call.operation.kind === 'action'
}

export interface Page {
  /** rows written at the most */
  readonly rows: number
  /** rows asked of the store: one more tells whether a next page exists; undefined: all */
  readonly fetch: number | undefined
  /** the client's $top, as far as it is left */
  readonly top: number | undefined
  /** what is left of it once some rows are written; where it is the size of pages, all of it */
  left(written: number): number | undefined
  /** the page size of the client's preference, where it was applied */
  readonly applied: number | undefined
}

const wholePage: Page = {
  rows: Number.POSITIVE_INFINITY,
  fetch: undefined,
  top: undefined,
  left: () => undefined,
  applied: undefined,
}

export function pageOf(core: Core, prefer: string | undefined, top: number | undefined): Page {
  const { maxPageSize } = parsePrefer(prefer)
  const size = Math.min(maxPageSize ?? core.limits.pageSize, core.limits.maxPageSize)
  const applied = maxPageSize === undefined ? undefined : size
  if (core.protocol.nextLinkAfterTop && top !== undefined) {
    const rows = Math.min(top, size)
    return { rows, fetch: rows === 0 ? 0 : rows + 1, top, left: () => top, applied }
  }
  const left = (written: number): number | undefined => (top === undefined ? undefined : top - written)
  if (top !== undefined && top <= size) return { rows: top, fetch: top, top, left, applied }
  return { rows: size, fetch: size === Number.POSITIVE_INFINITY ? top : size + 1, top, left, applied }
}

const noRows: Rows = {
  first: [],
  complete: true,
  batches: (async function* () {})(),
  close: async () => {},
}
