import type { Parameters } from '../../bind/tree.ts'
import { contextUrl, placeText } from '../../payload/context.ts'
import {
  compileLinkWriter,
  compileRemovedWriter,
  type LinkWriter,
  type RemovedWriter,
  withKeys,
} from '../../payload/delta.ts'
import { compileRowWriter } from '../../payload/fast-writer.ts'
import { createSink } from '../../payload/sink.ts'
import type { JsonDialect, RowWriter } from '../../payload/writer.ts'
import type { Expansion, ReadPlan, Source, SourceRoot } from '../../plan/plan.ts'
import { type Core, collectionOf, controlPrefix } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { expandedShapes, shapeOfSource } from '../expand.ts'
import { namesOfStreams } from '../inline-values.ts'
import { ownerOf } from '../links/entity.ts'
import type { DeltaItem } from './items.ts'
import { trackedRoots } from './tracked.ts'

/** A delta as it is answered. */
export interface Delta {
  readonly plan: ReadPlan
  readonly parameters: Parameters
  readonly dialect: JsonDialect
  /** what is expanded stands in its rows, else beside them */
  readonly nested: boolean
  readonly count: number | undefined
  readonly items: readonly DeltaItem[]
  readonly next: string | undefined
  readonly delta: string | undefined
}

/** Writes the answer (JSON Format 15.1). */
export function writeDelta(core: Core, exchange: Exchange, delta: Delta): Uint8Array {
  const { plan, parameters, dialect, count, items, next } = delta
  const prefix = controlPrefix(exchange.version)
  const writers = core.writers.get(ownerFor(plan, delta.nested), dialect, () =>
    writersOf(core, plan, dialect, delta.nested),
  )
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
  for (const [i, item] of items.entries()) {
    if (i > 0) sink.byte(0x2c)
    switch (item.kind) {
      case 'row':
        writers.row(item.row, sink, undefined, item.related, item.values, item.computed)
        break
      case 'removed':
        writers.removed.get(item.root)?.(item.id, item.reason, placeOf(plan, place, item.root, item.id), sink)
        break
      case 'related': {
        const expansion = plan.expansions?.[item.expansion]
        if (expansion === undefined) break
        const context = contextOfRelated(expansion, dialect, item.row)
        writers.related[item.expansion]?.(item.row, sink, context, undefined, item.values)
        break
      }
      case 'link':
        writers.links[item.expansion]?.(item.source, item.target, place, sink)
    }
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

interface Writers {
  readonly row: RowWriter
  readonly removed: ReadonlyMap<SourceRoot, RemovedWriter>
  /** by the number of the expansion */
  readonly related: readonly RowWriter[]
  readonly links: readonly LinkWriter[]
}

function writersOf(core: Core, plan: ReadPlan, dialect: JsonDialect, nested: boolean): Writers {
  const { layout, protocol } = core
  const shape = {
    ...shapeOfSource(core, plan.source, plan.source.type),
    select: plan.select,
    ...(plan.streams === undefined ? {} : { inline: namesOfStreams(plan.streams) }),
  }
  const expand = expandedShapes(core, plan.expansions)
  const removed = trackedRoots(plan).map((root): [SourceRoot, RemovedWriter] => {
    const own = root === plan.source.root
    const of = own ? shape : shapeOfSource(core, sourceOf(root), collectionOf(layout, root).entityType)
    return [root, compileRemovedWriter(of, dialect, layout, protocol.graph, !own)]
  })
  return {
    row: compileRowWriter(withKeys({ ...shape, expand: nested ? expand : [] }), dialect, layout),
    removed: new Map(removed),
    related: nested ? [] : expand.map((each) => compileRowWriter(withKeys(each.shape), dialect, layout)),
    links: nested ? [] : expand.map((each) => compileLinkWriter(shape, each, dialect, layout)),
  }
}

/** All rows of a root; a contained one's owner is the first parameter. */
function sourceOf(root: SourceRoot): Source {
  return { root, ...(root.kind === 'contained' ? { owner: 0 } : {}), steps: [], type: root.type, single: false }
}

/** Where a removed row stood, as context URLs say it. */
function placeOf(plan: ReadPlan, place: string, root: SourceRoot, id: Uint8Array): string {
  return root === plan.source.root ? place : placeText(sourceOf(root), [ownerOf(id)])
}

/** The context of an entity that is of another set than the answer's (JSON Format 15.2). */
function contextOfRelated({ one, type, item }: Expansion, dialect: JsonDialect, row: Uint8Array): string {
  const source = { ...sourceOf(one.source.root), type, single: true }
  return contextUrl({ ...one, source, select: item.query.select }, dialect, [ownerOf(row)])
}

const owners = new WeakMap<ReadPlan, readonly [object, object]>()

/** What the writers of a plan's deltas are kept by. */
function ownerFor(plan: ReadPlan, nested: boolean): object {
  let found = owners.get(plan)
  if (found === undefined) {
    found = [{}, {}]
    owners.set(plan, found)
  }
  return found[nested ? 0 : 1]
}
