import { originOf } from '../../bind/apply/dynamic.ts'
import type { Sequence } from '../../bind/apply/tree.ts'
import { follow, type Place, placeBehind } from '../../bind/binding-targets.ts'
import type { Parameters, Selection } from '../../bind/tree.ts'
import { int64Reference } from '../../bind/type-references.ts'
import type { NavigationProperty } from '../../edm/model.ts'
import type { PrimitiveValue, Value } from '../../edm/value.ts'
import { type Instance, isInstance, type StoredEntity } from '../../eval/apply/instance.ts'
import { evaluateFor, runSequence } from '../../eval/apply/run.ts'
import { compareKeys, sortable } from '../../eval/sort-values.ts'
import { isCollectionValue } from '../../eval/values.ts'
import { placeText } from '../../payload/context.ts'
import { compileRowWriter } from '../../payload/fast-writer.ts'
import { instanceList } from '../../payload/instance-context.ts'
import { InstanceWriter } from '../../payload/instance-writer.ts'
import { linkOf } from '../../payload/members.ts'
import { createSink } from '../../payload/sink.ts'
import type { ByteSink, JsonDialect, RowWriter } from '../../payload/writer.ts'
import type { ApplyPlan } from '../../plan/plan.ts'
import type { HttpResponse } from '../../protocol/message.ts'
import { jsonContentType, negotiateJson, requireAcceptable } from '../../protocol/negotiate.ts'
import type { QueryOptions } from '../../url/ast.ts'
import { shownRows } from '../after-read.ts'
import { type Core, controlPrefix, dialectOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { shapeOfSource } from '../expand.ts'
import { nextLink } from '../isolation.ts'
import type { Continuation } from '../paging.ts'
import { type Page, pageOf } from '../read.ts'
import { Entities, type Origin } from './entities.ts'
import { expandInstances } from './expand.ts'

/**
 * Answers a request with $apply, or with what is asked of a whole collection: reads the rows, transforms them, sorts, counts, pages, expands
 * and writes (Aggregation 3; Protocol 11.2.1).
 * @param parameters undefined: navigation leads to nothing, an empty collection
 */
export async function readApply(
  core: Core,
  exchange: Exchange,
  plan: ApplyPlan,
  parameters: Parameters | undefined,
  options: QueryOptions,
): Promise<HttpResponse> {
  const { headers, target } = exchange.request
  const entities = new Entities(core, exchange, plan, parameters ?? [])
  if (plan.counting) {
    requireAcceptable(headers, options.format, 'text/plain')
    const { length } = await transformed(entities, plan, parameters !== undefined)
    return { status: 200, headers: { 'Content-Type': 'text/plain;charset=utf-8' }, body: Buffer.from(String(length)) }
  }
  const format = negotiateJson(headers, options.format)
  const dialect = dialectOf(core, exchange, format)
  const paged = { orderby: plan.keyed ? plan.orderby : byPosition }
  const continuation = options.skiptoken === undefined ? undefined : core.paging.read(target, paged, options.skiptoken)
  const page = pageOf(core, headers.prefer, continuation?.top ?? plan.top)
  const found = await transformed(entities, plan, parameters !== undefined)
  exchange.timings?.mark('store')
  const rows = windowOf(plan, await ordered(entities, plan, found), continuation, page)
  const expanded =
    plan.expand === undefined ? rows.instances : await expandInstances(entities, rows.instances, plan.expand)
  const sink = createSink()
  const prefix = controlPrefix(exchange.version)
  const { output } = plan.sequence
  sink.byte(0x7b)
  if (dialect.metadata !== 'none') {
    sink.ascii(`"${prefix}context":`)
    const list = instanceList(output, { select: plan.select, expand: plan.expand })
    sink.jsonString(`${dialect.root}$metadata#${placeText(plan.source, parameters ?? [])}${list}`)
    sink.ascii(',')
  }
  if (plan.count) sink.ascii(`"${prefix}count":${dialect.ieee754Compatible ? `"${found.length}"` : found.length},`)
  sink.ascii('"value":[')
  const writer = new InstanceWriter(await writingOf(core, exchange, plan, dialect, expanded))
  const view = { type: output.type, select: plan.select, expand: plan.expand, hidden: output.hidden }
  for (const [i, instance] of expanded.entries()) {
    if (i > 0) sink.byte(0x2c)
    writer.write(instance, view, sink)
  }
  sink.byte(0x5d)
  if (rows.next !== undefined) {
    sink.ascii(`,"${prefix}nextLink":`)
    sink.jsonString(nextLink(core, exchange, target, paged, rows.next, core.protocol.graph))
  }
  sink.byte(0x7d)
  const answer: Record<string, string> = { 'Content-Type': jsonContentType(format, exchange.version) }
  if (page.applied !== undefined)
    answer['Preference-Applied'] = `${exchange.version === '4.0' ? 'odata.' : ''}maxpagesize=${page.applied}`
  return { status: 200, headers: answer, body: sink.take() }
}

/** The position of the last instance of a page, where nothing else tells them apart. */
const byPosition = [
  { expression: { kind: 'parameter', index: 0, type: int64Reference } as const, descending: false },
] as const

async function transformed(entities: Entities, plan: ApplyPlan, exists: boolean): Promise<readonly Instance[]> {
  const origin: Origin = { place: plan.place, source: plan.source }
  const { sequence, group } = plan
  const grouped = exists && group !== undefined ? await entities.grouped(group, sequence) : undefined
  const rows = grouped ?? (exists ? await entities.rows(plan.base, origin) : [])
  const left = grouped === undefined ? sequence : { ...sequence, steps: sequence.steps.slice(1) }
  const [result = []] = await runSequence(entities, left, [rows])
  return result
}

interface Placed {
  readonly instance: Instance
  readonly keyset: readonly (PrimitiveValue | null)[]
}

/** The instances in the order of $orderby, each with what a page goes on behind. */
async function ordered(
  entities: Entities,
  plan: ApplyPlan,
  instances: readonly Instance[],
): Promise<readonly Placed[]> {
  const { orderby, calculated, keyed } = plan
  const sorting: Sequence = {
    steps: orderby.length === 0 ? [] : [{ kind: 'orderby', items: orderby, calculated }],
    input: plan.sequence.output,
    output: plan.sequence.output,
  }
  const [sorted = []] = await runSequence(entities, sorting, [instances])
  if (!keyed) return sorted.map((instance, i) => ({ instance, keyset: [BigInt(i)] }))
  const type = { type: plan.sequence.output.type, collection: false, nullable: false, facets: {} }
  const values = orderby.map(({ expression }) => evaluateFor(entities, expression, type, entities.parameters))
  return sorted.map((instance) => ({ instance, keyset: values.map((value) => sortable(value(instance))) }))
}

/** The page that is asked for, and where the next one goes on. */
function windowOf(
  plan: ApplyPlan,
  sorted: readonly Placed[],
  continuation: Continuation | undefined,
  page: Page,
): { readonly instances: readonly Instance[]; readonly next: Continuation | undefined } {
  const start =
    continuation === undefined
      ? (plan.skip ?? 0)
      : sorted.findIndex(({ keyset }) => comparePlaces(plan, keyset, continuation.after) > 0)
  const rest = start < 0 ? [] : sorted.slice(start)
  const some = rest.slice(0, page.rows)
  const last = some.at(-1)
  // one more than is written tells of a next page
  const wanted = page.fetch === undefined ? rest.length : Math.min(rest.length, page.fetch)
  const next =
    last === undefined || wanted <= some.length ? undefined : { after: last.keyset, top: page.left(some.length) }
  return { instances: some.map(({ instance }) => instance), next }
}

function comparePlaces({ keyed, orderby }: ApplyPlan, a: Placed['keyset'], b: Placed['keyset']): number {
  return compareKeys(a, b, keyed ? orderby.map(({ descending }) => descending) : [])
}

/** How stored entities are written, those that are nested in others included. */
async function writingOf(
  core: Core,
  exchange: Exchange,
  plan: ApplyPlan,
  dialect: JsonDialect,
  instances: readonly Instance[],
) {
  const shown = await shownEntities(core, exchange, instances)
  const writers = new Map<Selection | undefined, Map<Origin, RowWriter>>()
  const writerOf = (origin: Origin, select: Selection | undefined): RowWriter => {
    let known = writers.get(select)
    if (known === undefined) {
      known = new Map()
      writers.set(select, known)
    }
    let writer = known.get(origin)
    if (writer === undefined) {
      const shape = shapeOfSource(core, origin.source, origin.source.type)
      writer = compileRowWriter({ ...shape, select }, dialect, core.layout)
      known.set(origin, writer)
    }
    return writer
  }
  // a selection is made anew for each instance: equal ones share a writer
  const selections = new Map<string, Selection>()
  const shared = (select: Selection | undefined): Selection | undefined => {
    if (select === undefined) return undefined
    const { all, properties, taken } = select
    const key = JSON.stringify([all, properties, taken], (_, value) =>
      value instanceof Map || value instanceof Set ? [...value] : value,
    )
    const found = selections.get(key) ?? select
    selections.set(key, found)
    return found
  }
  return {
    dialect,
    entity: (entity: StoredEntity, select: Selection | undefined, sink: ByteSink, context: string | undefined): void =>
      writerOf(entity.origin as Origin, shared(select))(shown.get(entity) ?? entity.row, sink, context),
    link: (entity: StoredEntity): string | undefined => {
      const { source } = entity.origin as Origin
      return linkOf(shapeOfSource(core, source, source.type), dialect, core.layout)?.(entity.row)
    },
    setBehind: (property: NavigationProperty): string | undefined => setBehind(core, plan, property),
  }
}

/** The set that a navigation alias leads to. */
function setBehind(core: Core, plan: ApplyPlan, property: NavigationProperty): string | undefined {
  let place: Place = plan.place
  for (const step of originOf(property) ?? [])
    if (step.kind === 'navigation') place = follow(core.model, place, step.property)
    else if (step.kind === 'property') place = placeBehind(place, step.property.name)
  return place.path.length === 0 ? place.root?.name : undefined
}

/** Rows as their controllers show them. */
async function shownEntities(
  core: Core,
  exchange: Exchange,
  instances: readonly Instance[],
): Promise<ReadonlyMap<StoredEntity, Uint8Array>> {
  const shown = new Map<StoredEntity, Uint8Array>()
  const byOrigin = new Map<Origin, Set<StoredEntity>>()
  const collect = (value: Value): void => {
    if (value === null) return
    if (isCollectionValue(value)) value.forEach(collect)
    else if (isInstance(value)) {
      if (value.entity !== undefined) {
        const origin = value.entity.origin as Origin
        const known = byOrigin.get(origin)
        if (known === undefined) byOrigin.set(origin, new Set([value.entity]))
        else known.add(value.entity)
      }
      for (const member of value.own.values()) collect(member)
    }
  }
  instances.forEach(collect)
  for (const [{ source }, entities] of byOrigin) {
    if (core.controllers.get(source.root.name)?.afterRead === undefined) continue
    const list = [...entities]
    const rows = await shownRows(
      core,
      exchange,
      source.root,
      list.map(({ row }) => row),
    )
    for (const [i, entity] of list.entries()) shown.set(entity, rows[i] ?? entity.row)
  }
  return shown
}
