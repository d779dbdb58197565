import type { Parameters } from '../../bind/tree.ts'
import { fieldPathOf } from '../../bson/field-path.ts'
import { fields, type ModelLayout } from '../../bson/layout.ts'
import type { JsonDialect } from '../../payload/writer.ts'
import type { Expansion, ReadPlan, SourceRoot } from '../../plan/plan.ts'
import { type Reverse, reverseOf } from '../../plan/reverse.ts'
import type { ChangedRow } from '../../store/changes.ts'
import { type Core, collectionOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { rowsOfPlan } from '../rows.ts'

/** What a tracked result is made of: its rows, and the related entities that are expanded of them. */

/** The collections whose changes are looked at, that of the rows first. A delta tells them one after the other: its stages. */
export function trackedRoots(plan: ReadPlan): readonly SourceRoot[] {
  return [...new Set([plan.source.root, ...(plan.expansions ?? []).map(({ one }) => one.source.root)])]
}

/** An expansion, and how it is turned round. */
export interface TrackedExpansion {
  readonly expansion: Expansion
  readonly reverse: Reverse
}

/** The expansions that lead to a collection. */
export function expansionsTo(plan: ReadPlan, root: SourceRoot): readonly TrackedExpansion[] {
  return (plan.expansions ?? []).flatMap((expansion) => {
    const reverse = expansion.one.source.root === root ? reverseOf(expansion) : undefined
    return reverse === undefined ? [] : [{ expansion, reverse }]
  })
}

/** Whether something is expanded that lies in the collection of the rows themselves. */
export function leadsBack(plan: ReadPlan): boolean {
  return expansionsTo(plan, plan.source.root).length > 0
}

/** Stored fields of related entities that say which rows they are related to, and may change. */
export function relatingFields(layout: ModelLayout, root: SourceRoot, tracked: readonly TrackedExpansion[]): string[] {
  const collection = collectionOf(layout, root)
  return tracked.flatMap(({ reverse }) => {
    if (reverse.kind !== 'values') return []
    const [field] = fieldPathOf(layout, collection, reverse.to)
    return field === undefined || field === fields.id ? [] : [field]
  })
}

/** A changed row: as it is now, undefined where it is gone, or not for this caller. */
export interface Changed extends ChangedRow {
  readonly row: Uint8Array | undefined
}

/** What decides what a delta tells. */
export interface Telling {
  readonly core: Core
  readonly exchange: Exchange
  readonly plan: ReadPlan
  readonly parameters: Parameters
  /** links between entities are told one by one (JSON Format 15.2: in 4.0 nothing is nested) */
  readonly flat: boolean
  /** of the answer */
  readonly dialect: JsonDialect
}

const alone = new WeakMap<Expansion, ReadPlan>()

/** Whether a related entity fulfils the options of an expansion, whatever it is related to. */
export function passes(core: Core, expansion: Expansion, parameters: Parameters, row: Uint8Array): boolean {
  let plan = alone.get(expansion)
  if (plan === undefined) {
    const { one, type } = expansion
    const steps = one.source.steps.filter(({ kind }) => kind === 'cast')
    plan = Object.freeze({ ...one, source: { root: one.source.root, steps, type, single: false }, orderby: [] })
    alone.set(expansion, plan)
  }
  const session = { parameters, after: undefined, limit: undefined }
  return rowsOfPlan(core.layout, collectionOf(core.layout, plan.source.root), plan, session, [row]).length > 0
}
