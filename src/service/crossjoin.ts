import { narrow } from '../auth/narrow.ts'
import type { Parameters } from '../bind/tree.ts'
import { ODataError } from '../errors/odata-error.ts'
import { type EvalContext, preparePredicate, prepareValue } from '../eval/compile.ts'
import { prepareOrder } from '../eval/order.ts'
import { selectRows } from '../eval/select.ts'
import { controlName } from '../payload/control.ts'
import { closeObject } from '../payload/fast-object.ts'
import { linkOf } from '../payload/members.ts'
import { createSink } from '../payload/sink.ts'
import type { ByteSink, JsonDialect, Related } from '../payload/writer.ts'
import type { CrossjoinPlan, JoinedSet } from '../plan/plan.ts'
import type { HttpResponse } from '../protocol/message.ts'
import { jsonContentType, negotiateJson } from '../protocol/negotiate.ts'
import type { QueryOptions } from '../url/ast.ts'
import { shownRows } from './after-read.ts'
import { addApplied, applied, type Core, collectionOf, contextOf, controlPrefix, dialectOf } from './core.ts'
import type { Exchange } from './exchange.ts'
import { expandRows, shapeOfSource } from './expand.ts'
import { inlining } from './inline-values.ts'
import { nextLink } from './isolation.ts'
import { pageOf, rowWriter } from './read.ts'
import { listByRelated } from './related.ts'

/**
 * `$crossjoin` (U 4.15): the rows of each set that its own conditions leave, combined here; conditions on several sets and the order
 * are evaluated over the combinations by `eval/`. The same on both stores, within limits.
 */

/** Rows of one set that are combined. */
const mostRows = 10_000
/** Combinations looked at. */
const mostCombinations = 100_000

/** One row of each set, in the order of the sets. */
type Combination = readonly Uint8Array[]

/** Reads a page of combinations. @throws ODataError urlLimitExceeded */
export async function crossjoin(
  core: Core,
  exchange: Exchange,
  plan: CrossjoinPlan,
  parameters: Parameters,
  options: QueryOptions,
): Promise<HttpResponse> {
  const { headers, target } = exchange.request
  const format = negotiateJson(headers, options.format)
  const dialect = dialectOf(core, exchange, format)
  const principal = core.enforcePermissions ? exchange.principal : 'anybody'
  const sets = plan.sets.map((set) => ({ ...set, plan: narrow(set.plan, principal) as JoinedSet['plan'] }))
  const continuation = options.skiptoken === undefined ? undefined : core.paging.read(target, plan, options.skiptoken)
  const page = pageOf(core, headers.prefer, continuation?.top ?? plan.top)
  const lists: (readonly Uint8Array[])[] = []
  for (const set of sets) lists.push(await rowsOf(core, exchange, set, parameters))
  exchange.timings?.mark('store')

  const combinations = new WeakMap<Uint8Array, Combination>()
  const context = evalContextOf(core, plan, combinations)
  const order = prepareOrder(plan.orderby, context)(parameters)
  const after = continuation?.after
  const { rows, total } = selectRows(combined(core, plan, lists, parameters, combinations), {
    tests: plan.filter === undefined ? [] : [preparePredicate(plan.filter, context)(parameters)],
    // as they are made, combinations are in the order of their keys
    order: plan.sorted || after !== undefined ? order : undefined,
    after,
    skip: continuation === undefined ? (plan.skip ?? 0) : 0,
    limit: page.fetch,
    count: plan.count,
  })
  const written = rows.slice(0, page.rows).map(({ row }) => ({ row, of: combinations.get(row) ?? [] }))
  const write = await writerOf(
    core,
    exchange,
    sets,
    plan,
    parameters,
    dialect,
    written.map(({ of }) => of),
    options,
  )

  const prefix = controlPrefix(exchange.version)
  const sink = createSink()
  sink.byte(0x7b)
  if (dialect.metadata !== 'none') {
    sink.ascii(`"${prefix}context":`)
    sink.jsonString(`${dialect.root}$metadata#Collection(Edm.ComplexType)`)
    sink.byte(0x2c)
  }
  if (total !== undefined) sink.ascii(`"${prefix}count":${dialect.ieee754Compatible ? `"${total}"` : total},`)
  sink.ascii('"value":[')
  written.forEach(({ of }, i) => {
    if (i > 0) sink.byte(0x2c)
    write(of, sink)
  })
  sink.byte(0x5d)
  const last = written.at(-1)
  if (rows.length > page.rows && last !== undefined) {
    const top = page.left(written.length)
    const link = nextLink(core, exchange, target, plan, { after: order.keyset(last.row), top }, false)
    sink.ascii(`,"${prefix}nextLink":`)
    sink.jsonString(link)
  }
  sink.byte(0x7d)
  const answer: Record<string, string> = { 'Content-Type': jsonContentType(format, exchange.version) }
  if (page.applied !== undefined)
    applied(answer, `${exchange.version === '4.0' ? 'odata.' : ''}maxpagesize=${page.applied}`)
  addApplied(exchange, dialect, answer)
  return { status: 200, headers: answer, body: sink.take() }
}

function tooMany(what: string, most: number, limit: string): ODataError {
  return new ODataError('urlLimitExceeded', `$crossjoin ${what} more than ${most} (limit ${limit}): ask for less.`, {
    target: '$crossjoin',
  })
}

async function rowsOf(
  core: Core,
  exchange: Exchange,
  { plan, property }: JoinedSet,
  parameters: Parameters,
): Promise<readonly Uint8Array[]> {
  const limit = mostRows + 1
  const { controller, context } = contextOf(core, exchange, plan, parameters, { limit })
  const rows = plan.related
    ? await listByRelated(core, exchange, plan, plan.related, parameters, { after: undefined, skip: 0, limit })
    : await controller.list(context)
  const all: Uint8Array[] = []
  for await (const batch of rows.batches) {
    for (const row of batch) all.push(row)
    if (all.length > mostRows) throw tooMany(`has rows of ${property.name},`, mostRows, 'crossjoinRows')
  }
  return all
}

/** Compiles for combinations: a navigation property of theirs leads to the row of its set. */
function evalContextOf(core: Core, plan: CrossjoinPlan, of: WeakMap<Uint8Array, Combination>): EvalContext {
  const places = new Map(plan.sets.map(({ property, plan: { source } }, i) => [property, { i, root: source.root }]))
  return {
    layout: core.layout,
    type: plan.type,
    collection: undefined,
    related: {
      collectionOf: (property) => {
        const place = places.get(property)
        return place && collectionOf(core.layout, place.root)
      },
      read: (row, _start, property) => {
        const found = of.get(row)?.[places.get(property)?.i ?? -1]
        return found === undefined ? [] : [found]
      },
    },
  }
}

const emptyDocument = [5, 0, 0, 0, 0]

/** All combinations that the equalities between two sets leave, as documents that stand for them. */
function* combined(
  core: Core,
  { sets, joins }: CrossjoinPlan,
  lists: readonly (readonly Uint8Array[])[],
  parameters: Parameters,
  of: WeakMap<Uint8Array, Combination>,
): Generator<Uint8Array> {
  const readerOf = ({ set, expression }: CrossjoinPlan['joins'][number]['earlier']) => {
    const { source } = sets[set]?.plan ?? {}
    if (source === undefined) throw new Error('invariant: a set of the plan')
    const collection = collectionOf(core.layout, source.root)
    return prepareValue(expression, { layout: core.layout, type: source.type, collection })(parameters)
  }
  /** by set: the value that must be the same in an earlier one, and the rows by it */
  const found = joins.map(({ earlier, later }) => {
    const value = readerOf(later)
    const rows = new Map<string, Uint8Array[]>()
    let usable = true
    for (const row of lists[later.set] ?? []) {
      const token = tokenOf(value(row))
      usable &&= token !== undefined
      const same = rows.get(token ?? '')
      if (same) same.push(row)
      else rows.set(token ?? '', [row])
    }
    return { later: later.set, set: earlier.set, value: readerOf(earlier), rows: usable ? rows : undefined }
  })
  const current: Uint8Array[] = []
  let seen = 0
  function* level(i: number): Generator<Uint8Array> {
    if (i === lists.length) {
      if (++seen > mostCombinations) throw tooMany('looks at', mostCombinations, 'crossjoinCombinations')
      const row = Uint8Array.from(emptyDocument)
      of.set(row, [...current])
      yield row
      return
    }
    const join = found.find(({ later, rows }) => later === i && rows !== undefined)
    const before = join && current[join.set]
    const token = before && tokenOf(join.value(before))
    const rows = token === undefined ? (lists[i] ?? []) : (join?.rows?.get(token) ?? [])
    for (const row of rows) {
      current[i] = row
      yield* level(i + 1)
    }
  }
  yield* level(0)
}

/** Equal values have equal tokens; undefined where that is not sure. The condition itself is asked of what is found. */
function tokenOf(value: unknown): string | undefined {
  if (value === null) return 'null'
  if (typeof value === 'number' || typeof value === 'bigint') return `n${value}`
  return typeof value === 'string' ? `s${value}` : undefined
}

/** Makes the function that writes a combination: links to the entities, and those that are expanded. */
async function writerOf(
  core: Core,
  exchange: Exchange,
  sets: readonly JoinedSet[],
  { select }: CrossjoinPlan,
  parameters: Parameters,
  dialect: JsonDialect,
  written: readonly Combination[],
  options: QueryOptions,
): Promise<(combination: Combination, sink: ByteSink) => void> {
  const streams = inlining(dialect)
  const members = await Promise.all(
    sets.map(async ({ property, plan, expanded }, i) => {
      const { name } = property
      if (!expanded) {
        if (select !== undefined && !select.all && !select.properties.has(name)) return () => {}
        const link = linkOf(shapeOfSource(core, plan.source, plan.source.type), dialect, core.layout)
        const label = `,${JSON.stringify(name + controlName(dialect, 'navigationLink'))}:`
        return (combination: Combination, sink: ByteSink): void => {
          const row = combination[i]
          if (row === undefined) return
          sink.raw(Buffer.from(label))
          sink.jsonString(link?.(row) ?? '')
        }
      }
      const rows = [...new Set(written.flatMap((combination) => combination[i] ?? []))]
      const node = options.expand?.find(({ path }) => path[0]?.kind === 'name' && path[0].name === name)
      const related = await expandRows(core, exchange, plan, parameters, rows, node?.options?.expand, streams)
      const { controller } = contextOf(core, exchange, plan, parameters)
      const shown = controller.afterRead ? await shownRows(core, exchange, plan.source.root, rows) : rows
      const by = new Map<Uint8Array, { readonly shown: Uint8Array; readonly related: Related | undefined }>(
        rows.map((row, at) => [row, { shown: shown[at] ?? row, related: related[at] }]),
      )
      const write = rowWriter(core, plan, dialect, parameters)
      const label = `,${JSON.stringify(name)}:`
      return (combination: Combination, sink: ByteSink): void => {
        const row = combination[i]
        const found = row && by.get(row)
        if (found === undefined) return
        sink.raw(Buffer.from(label))
        write(found.shown, sink, undefined, found.related)
      }
    }),
  )
  return (combination, sink) => {
    const start = sink.length
    for (const member of members) member(combination, sink)
    closeObject(sink, start)
  }
}
