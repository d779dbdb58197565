import { narrow } from '../auth/narrow.ts'
import { isPermitted, permit } from '../auth/permit.ts'
import type { OrderByItem, Parameters } from '../bind/tree.ts'
import { int64Reference } from '../bind/type-references.ts'
import { ODataError } from '../errors/odata-error.ts'
import { preparePredicate } from '../eval/compile.ts'
import { prepareOrder } from '../eval/order.ts'
import { prepareSearch } from '../eval/search.ts'
import { contextOfType, contextUrl } from '../payload/context.ts'
import { compileRowWriter } from '../payload/fast-writer.ts'
import { createSink } from '../payload/sink.ts'
import type { AllPart, AllPlan, ReadPlan } from '../plan/plan.ts'
import type { HttpResponse } from '../protocol/message.ts'
import { jsonContentType, negotiateJson } from '../protocol/negotiate.ts'
import type { Keyset } from '../store/port.ts'
import type { QueryOptions } from '../url/ast.ts'
import { shownRows } from './after-read.ts'
import { computedOf } from './computed.ts'
import { addApplied, applied, type Core, contextOf, controlPrefix, dialectOf } from './core.ts'
import type { Exchange } from './exchange.ts'
import { chosenItems, expandRows } from './expand.ts'
import { inlining, streamValues } from './inline-values.ts'
import { nextLink } from './isolation.ts'
import { pageOf, shapeOf } from './read.ts'
import { countByRelated, evalContext, listByRelated, readRelated } from './related.ts'
import { virtualSingleton } from './singleton.ts'

/**
 * `$all` (URL Conventions 4.16): the sets and singletons one after the other, a page at a time. A page may hold the end of one and
 * the beginning of the next; its token is the number of the part and the place in it. Parts that the caller may not read are left
 * out, as rows are that the caller may not see. Where $orderby goes over several parts, each gives its next rows in that order; the token
 * holds the place in every part.
 */

/** Rows of a page where the service has no page size: they are held in memory. */
const mostRows = 10_000

/** Rows of each part that an order over several parts looks at for one page. */
const mostSorted = 10_000

/** Where a token says a part's number, or whether it has given rows already. */
const partNumber: OrderByItem = { expression: { kind: 'parameter', index: 0, type: int64Reference }, descending: false }

interface Part {
  /** among those of the plan, whoever asks */
  readonly number: number
  readonly plan: ReadPlan
  readonly condition: ReadPlan | undefined
  readonly order: readonly OrderByItem[]
}

/** Rows of one part on a page. */
interface Found {
  readonly part: Part
  readonly rows: readonly Uint8Array[]
}

/** Reads a page of everything there is. @throws ODataError accessDenied, unauthenticated where no part may be read */
export async function all(
  core: Core,
  exchange: Exchange,
  plan: AllPlan,
  parameters: Parameters,
  options: QueryOptions,
): Promise<HttpResponse> {
  const { headers, target } = exchange.request
  const format = negotiateJson(headers, options.format)
  const dialect = dialectOf(core, exchange, format)
  const parts = permitted(core, exchange, plan)
  const { skiptoken } = options
  const start = skiptoken === undefined ? undefined : (plan.sorted ? placesOf : startOf)(core, target, plan, skiptoken)
  const page = pageOf(core, headers.prefer, start?.top ?? plan.top)
  const most = Math.min(page.rows, mostRows)
  const found = await (plan.sorted ? sortedRows : rowsOf)(core, exchange, parts, parameters, {
    start,
    skip: plan.skip ?? 0,
    // one more tells of a next page, but not where $top ends the whole
    limit: page.fetch === undefined || page.fetch > most ? most + 1 : page.fetch,
  })
  const total = plan.count ? await totalOf(core, exchange, parts, parameters) : undefined
  exchange.timings?.mark('store')

  const prefix = controlPrefix(exchange.version)
  const sink = createSink()
  sink.byte(0x7b)
  if (dialect.metadata !== 'none') {
    sink.ascii(`"${prefix}context":`)
    sink.jsonString(contextOfType(plan.type, plan, dialect))
    sink.byte(0x2c)
  }
  if (total !== undefined) sink.ascii(`"${prefix}count":${dialect.ieee754Compatible ? `"${total}"` : total},`)
  sink.ascii('"value":[')
  const streams = inlining(dialect)
  let written = 0
  let last: { readonly part: Part; readonly row: Uint8Array } | undefined
  const lastOf = new Map<number, Keyset>(plan.sorted ? start?.places : [])
  let more = false
  for (const { part, rows } of found) {
    const some = rows.slice(0, most - written)
    more ||= some.length < rows.length
    if (some.length === 0) break
    const related = await expandRows(core, exchange, part.plan, parameters, some, options.expand, streams)
    const values = await streamValues(core, part.plan.streams, () => shapeOf(core, part.plan), streams)(some)
    const computed = await computedOf(core, exchange, part.plan, parameters, some)
    const shown = await shownRows(core, exchange, part.plan.source.root, some)
    const chosen = chosenItems(core, part.plan.source, part.plan.source.type, part.plan.select, parameters)
    const write = core.writers.get(part.plan, dialect, () =>
      compileRowWriter({ ...shapeOf(core, part.plan), standsAlone: true }, dialect, core.layout),
    )
    // each entity tells where it stands (Protocol 10.19)
    const source = { ...part.plan.source, single: true }
    const context = dialect.metadata === 'none' ? undefined : contextUrl({ ...part.plan, source }, dialect, parameters)
    for (const [i, row] of some.entries()) {
      if (written > 0) sink.byte(0x2c)
      const seen = shown[i] ?? row
      write(chosen?.(seen) ?? seen, sink, context, related[i], values[i], computed[i])
      written++
      last = { part, row }
    }
    if (plan.sorted && last !== undefined) lastOf.set(part.number, keysetOf(core, part.plan, parameters, last.row))
  }
  sink.byte(0x5d)
  if (more && last !== undefined) {
    const { part, row } = last
    const orderby = plan.sorted ? placesOrder(plan) : [partNumber, ...part.plan.orderby]
    const after = plan.sorted
      ? plan.parts.flatMap(({ plan: { orderby } }, number) => placeIn(lastOf.get(number), orderby.length))
      : [BigInt(part.number), ...keysetOf(core, part.plan, parameters, row)]
    sink.ascii(`,"${prefix}nextLink":`)
    sink.jsonString(
      nextLink(core, exchange, target, { orderby }, { after, top: page.left(written) }, core.protocol.graph),
    )
  }
  sink.byte(0x7d)
  const answer: Record<string, string> = { 'Content-Type': jsonContentType(format, exchange.version) }
  if (page.applied !== undefined)
    applied(answer, `${exchange.version === '4.0' ? 'odata.' : ''}maxpagesize=${page.applied}`)
  addApplied(exchange, dialect, answer)
  return { status: 200, headers: answer, body: sink.take() }
}

function keysetOf(core: Core, plan: ReadPlan, parameters: Parameters, row: Uint8Array): Keyset {
  return prepareOrder(plan.orderby, evalContext(core, plan))(parameters).keyset(row)
}

/** What of all parts the caller may read, each cut to what of it the caller may see. */
function permitted(core: Core, { principal }: Exchange, { parts }: AllPlan): readonly Part[] {
  const open = parts.flatMap(({ plan, condition, order }: AllPart, number): readonly Part[] => {
    if (!core.enforcePermissions) return [{ number, plan, condition, order }]
    if (!isPermitted(principal, plan.requires)) return []
    return [{ number, plan: narrow(plan, principal) as ReadPlan, condition, order }]
  })
  const [first] = parts
  if (open.length === 0 && first !== undefined) permit(principal, first.plan.requires)
  return open
}

interface Start {
  readonly number: number
  readonly after: Keyset
  readonly top: number | undefined
  /** of an order over several parts: the last row that each has given */
  readonly places?: ReadonlyMap<number, Keyset>
}

/** @throws ODataError skipTokenInvalid */
function startOf(core: Core, target: string, { parts }: AllPlan, token: string): Start {
  const number = Number(core.paging.read(target, { orderby: [partNumber] }, token).after[0] ?? -1)
  const orderby = [partNumber, ...(parts[number]?.plan.orderby ?? [])]
  const { after, top } = core.paging.read(target, { orderby }, token)
  return { number, after: after.slice(1), top }
}

/** What a token of an order over several parts holds: for each part whether it has given rows, and the last one's place. */
function placesOrder({ parts }: AllPlan): readonly OrderByItem[] {
  return parts.flatMap(({ plan }) => [partNumber, ...plan.orderby])
}

function placeIn(place: Keyset | undefined, length: number): Keyset {
  return place === undefined ? [0n, ...Array<null>(length).fill(null)] : [1n, ...place]
}

/** @throws ODataError skipTokenInvalid */
function placesOf(core: Core, target: string, plan: AllPlan, token: string): Start {
  const { after, top } = core.paging.read(target, { orderby: placesOrder(plan) }, token)
  const places = new Map<number, Keyset>()
  let at = 0
  for (const [number, part] of plan.parts.entries()) {
    const end = at + 1 + part.plan.orderby.length
    if (after[at] === 1n) places.set(number, after.slice(at + 1, end))
    at = end
  }
  return { number: 0, after: [], top, places }
}

/** The next rows of all parts together, in the client's order; of what is equal there part after part. @throws ODataError urlLimitExceeded */
async function sortedRows(
  core: Core,
  exchange: Exchange,
  parts: readonly Part[],
  parameters: Parameters,
  { start, skip, limit }: Window,
): Promise<readonly Found[]> {
  const first = start === undefined ? skip : 0
  if (limit > 0 && first + limit > mostSorted + 1)
    throw new ODataError(
      'urlLimitExceeded',
      `$orderby of $all over several sets looks at more than ${mostSorted} entities of each (limit allSort).`,
      { target: '$orderby' },
    )
  const all: { readonly part: Part; readonly row: Uint8Array; readonly values: Keyset }[] = []
  let compare: ((a: Keyset, b: Keyset) => number) | undefined
  for (const part of limit === 0 ? [] : parts) {
    const after = start?.places?.get(part.number)
    // a singleton that was given
    if (after !== undefined && part.condition !== undefined) continue
    const rows = await partRows(core, exchange, part, parameters, { after, skip: 0, limit: first + limit })
    const order = prepareOrder(part.order, evalContext(core, part.condition ?? part.plan))(parameters)
    compare ??= order.compare
    for (const row of rows) all.push({ part, row, values: order.keyset(row) })
  }
  const found: { part: Part; rows: Uint8Array[] }[] = []
  all.sort((a, b) => compare?.(a.values, b.values) ?? 0)
  for (const { part, row } of all.slice(first, first + limit)) {
    const last = found.at(-1)
    if (last?.part === part) last.rows.push(row)
    else found.push({ part, rows: [row] })
  }
  return found
}

interface Window {
  readonly start: Start | undefined
  readonly skip: number
  readonly limit: number
}

async function rowsOf(
  core: Core,
  exchange: Exchange,
  parts: readonly Part[],
  parameters: Parameters,
  { start, skip, limit }: Window,
): Promise<readonly Found[]> {
  const found: Found[] = []
  let left = limit
  let toSkip = start === undefined ? skip : 0
  for (const part of parts) {
    if (left === 0) break
    if (start !== undefined && part.number < start.number) continue
    const after = start?.number === part.number ? start.after : undefined
    // a singleton that the last page ended with
    if (after !== undefined && part.condition !== undefined) continue
    if (toSkip > 0) {
      const count = await countOf(core, exchange, part, parameters)
      if (count <= toSkip) {
        toSkip -= count
        continue
      }
    }
    const rows = await partRows(core, exchange, part, parameters, { after, skip: toSkip, limit: left })
    toSkip = 0
    left -= rows.length
    if (rows.length > 0) found.push({ part, rows })
  }
  return found
}

async function partRows(
  core: Core,
  exchange: Exchange,
  { plan, condition }: Part,
  parameters: Parameters,
  { after, skip, limit }: { readonly after: Keyset | undefined; readonly skip: number; readonly limit: number },
): Promise<readonly Uint8Array[]> {
  if (condition !== undefined) return singletonRow(core, exchange, plan, condition, parameters)
  const asked = skip === 0 ? plan : Object.freeze({ ...plan, skip })
  const { controller, context } = contextOf(core, exchange, asked, parameters, { after, limit })
  const rows = plan.related
    ? await listByRelated(core, exchange, plan, plan.related, parameters, { after, skip, limit })
    : await controller.list(context)
  const read: Uint8Array[] = []
  for await (const batch of rows.batches) {
    for (const row of batch) read.push(row)
    if (read.length >= limit) break
  }
  return read.slice(0, limit)
}

/** The singleton, where there is one and it meets the conditions. */
async function singletonRow(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan,
  condition: ReadPlan,
  parameters: Parameters,
): Promise<readonly Uint8Array[]> {
  const { controller, context } = contextOf(core, exchange, plan, parameters)
  const read = (await controller.read(context)) ?? virtualSingleton(core, plan.source)
  if (read === undefined) return []
  const asking = evalContext(core, condition)
  const { related } = condition
  const [row = read] = related ? await readRelated(core, exchange, condition, related, parameters, [read]) : []
  if (condition.filter && !preparePredicate(condition.filter, asking)(parameters)(row)) return []
  if (condition.search && !prepareSearch(condition.search, asking)(parameters)(row)) return []
  return [row]
}

async function countOf(core: Core, exchange: Exchange, part: Part, parameters: Parameters): Promise<number> {
  const { plan, condition } = part
  if (condition !== undefined) return (await singletonRow(core, exchange, plan, condition, parameters)).length
  if (plan.related) return countByRelated(core, exchange, plan, plan.related, parameters)
  const { controller, context } = contextOf(core, exchange, plan, parameters)
  return controller.count(context)
}

async function totalOf(
  core: Core,
  exchange: Exchange,
  parts: readonly Part[],
  parameters: Parameters,
): Promise<number> {
  let total = 0
  for (const part of parts) total += await countOf(core, exchange, part, parameters)
  return total
}
