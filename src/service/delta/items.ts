import type { RemovedReason } from '../../payload/delta.ts'
import type { ComputedMember, Related, RowAnnotations } from '../../payload/writer.ts'
import type { Expansion, SourceRoot } from '../../plan/plan.ts'
import { reverseOf } from '../../plan/reverse.ts'
import type { ExpandNode } from '../../url/ast.ts'
import { shownRows } from '../after-read.ts'
import { computedOf } from '../computed.ts'
import { expandRows, shapeOfExpansion, shapeOfSource } from '../expand.ts'
import { relatedEntities } from '../expand-lists.ts'
import { type Inlining, inlining, streamValues } from '../inline-values.ts'
import type { CurrentRow, RemovedRow } from './told.ts'
import type { Telling } from './tracked.ts'

/** What stands in the `value` of a delta (JSON Format 15.1). Rows are as they are shown; of links they are as stored. */
export type DeltaItem =
  | {
      readonly kind: 'removed'
      readonly root: SourceRoot
      readonly id: Uint8Array
      readonly reason: RemovedReason
    }
  /** @property related what is expanded of it, nested */
  | {
      readonly kind: 'row'
      readonly row: Uint8Array
      readonly related: Related | undefined
      /** values of its streams */
      readonly values?: RowAnnotations | undefined
      /** what $compute defines of it */
      readonly computed?: readonly ComputedMember[] | undefined
    }
  /** an entity that is expanded of a row, by the number of the expansion */
  | {
      readonly kind: 'related'
      readonly expansion: number
      readonly row: Uint8Array
      readonly values?: RowAnnotations | undefined
    }
  | { readonly kind: 'link'; readonly expansion: number; readonly source: Uint8Array; readonly target: Uint8Array }

/**
 * Completes what a page tells with what is expanded of its rows: nested, each row with all entities that it is related to now (Protocol 11.3.1:
 * "nested collections representing current membership"), or, where nothing may be nested, as entities and links of their own.
 * @param nodes the request's $expand
 */
export async function deltaItems(
  telling: Telling,
  told: readonly (RemovedRow | CurrentRow)[],
  nodes: readonly ExpandNode[] | undefined,
): Promise<readonly DeltaItem[]> {
  const { core, exchange, plan, parameters, flat, dialect } = telling
  const stored = told.flatMap((item) => (item.kind === 'row' ? [item.row] : []))
  const shown = await shownRows(core, exchange, plan.source.root, stored)
  const streams = inlining(dialect)
  const values = await streamValues(
    core,
    plan.streams,
    () => shapeOfSource(core, plan.source, plan.source.type),
    streams,
  )(stored)
  const computed = await computedOf(core, exchange, plan, parameters, stored)
  if (flat && plan.expansions !== undefined)
    return flatItems(telling, plan.expansions, told, { shown, values, computed }, streams)
  const related = await expandRows(core, exchange, plan, parameters, stored, nodes, streams)
  let next = 0
  return told.map((item): DeltaItem => {
    if (item.kind === 'removed') return item
    const at = next++
    return {
      kind: 'row',
      row: shown[at] ?? item.row,
      related: related[at],
      values: values[at],
      computed: computed[at],
    }
  })
}

/** What is written of the rows of a page: as they are shown, and what stands beside them. */
interface Written {
  readonly shown: readonly Uint8Array[]
  readonly values: readonly (RowAnnotations | undefined)[]
  readonly computed: readonly (readonly ComputedMember[])[]
}

/** Which entities rows are related to by one expansion: by the rows, as stored, and as shown. */
interface Column {
  readonly ofRow: ReadonlyMap<Uint8Array, readonly Uint8Array[]>
  readonly shown: ReadonlyMap<Uint8Array, Uint8Array>
}

/**
 * OData 4.0 (JSON Format 15.2): each row, the entities it is related to, and links to them. Links which may have been there before, and are said by the row
 * itself, are taken away with it: it is told as removed first. Those that related entities say were taken away with these.
 */
async function flatItems(
  { core, exchange, plan, parameters }: Telling,
  expansions: readonly Expansion[],
  told: readonly (RemovedRow | CurrentRow)[],
  { shown, values, computed }: Written,
  streams: Inlining,
): Promise<readonly DeltaItem[]> {
  const { source } = plan
  const valuesOf = expansions.map((expansion) =>
    streamValues(core, expansion.item.query.streams, () => shapeOfExpansion(core, expansion), streams),
  )
  const stored = told.flatMap((item) => (item.kind === 'row' ? [item.row] : []))
  const columns = await Promise.all(
    expansions.map(async (expansion): Promise<Column> => {
      const ofRow = await relatedEntities(core, exchange, source, expansion, parameters, stored)
      const all = [...ofRow.values()].flat()
      const seen = await shownRows(core, exchange, expansion.one.source.root, all)
      return { ofRow, shown: new Map(all.map((row, i) => [row, seen[i] ?? row])) }
    }),
  )
  const items: DeltaItem[] = []
  let next = 0
  for (const item of told) {
    if (item.kind === 'removed') {
      items.push(item)
      continue
    }
    const { row, id } = item
    const lists = columns.map(({ ofRow }) => ofRow.get(row) ?? [])
    if (expansions.some((expansion, i) => mayHaveLost(expansion, lists[i] ?? [])))
      items.push({ kind: 'removed', root: source.root, id, reason: 'changed' })
    items.push({
      kind: 'row',
      row: shown[next] ?? row,
      related: undefined,
      values: values[next],
      computed: computed[next],
    })
    next++
    for (const [i, { item: expanded }] of expansions.entries())
      for (const target of lists[i] ?? []) {
        if (expanded.as === 'entities') {
          const [given] = (await valuesOf[i]?.([target])) ?? []
          items.push({ kind: 'related', expansion: i, row: columns[i]?.shown.get(target) ?? target, values: given })
        }
        items.push({ kind: 'link', expansion: i, source: row, target })
      }
  }
  return items
}

/** Whether a row may have lost links that no other entity says: a link to one entity takes the place of the one before (JSON Format 15.5). */
function mayHaveLost(expansion: Expansion, now: readonly Uint8Array[]): boolean {
  const reverse = reverseOf(expansion)
  const own = reverse?.kind === 'links' || (reverse?.kind === 'values' && reverse.ofRow)
  return own && (expansion.item.property.collection || now.length === 0)
}
