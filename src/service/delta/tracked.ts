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
  return [
    ...new Set([plan.source.root, ...allExpansions(plan.expansions).map(({ expansion }) => expansion.one.source.root)]),
  ]
}

/** An expansion, and how it is turned round. */
export interface TrackedExpansion {
  readonly expansion: Expansion
  readonly reverse: Reverse
  /** the expansion that it stands in; undefined: it is of the rows themselves */
  readonly of: TrackedExpansion | undefined
}

/** What is expanded of rows, at all levels: no more than `expandLimits` (plan/expansion.ts). */
function allExpansions(
  expansions: readonly Expansion[] | undefined,
  of?: TrackedExpansion,
): readonly TrackedExpansion[] {
  return (expansions ?? []).flatMap((expansion) => {
    const reverse = reverseOf(expansion)
    if (reverse === undefined) return []
    const tracked = { expansion, reverse, of }
    return [tracked, ...allExpansions(expansion.expansions, tracked)]
  })
}

/** The expansions that lead to a collection, at any level. */
export function expansionsTo(plan: ReadPlan, root: SourceRoot): readonly TrackedExpansion[] {
  return allExpansions(plan.expansions).filter(({ expansion }) => expansion.one.source.root === root)
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

/** The entities that fulfil the options of an expansion, whatever they are related to. */
export function planAlone(expansion: Expansion): ReadPlan {
  let plan = alone.get(expansion)
  if (plan === undefined) {
    const { one, type } = expansion
    const steps = one.source.steps.filter(({ kind }) => kind === 'cast')
    plan = Object.freeze({ ...one, source: { root: one.source.root, steps, type, single: false }, orderby: [] })
    alone.set(expansion, plan)
  }
  return plan
}

/** Whether a related entity fulfils the options of an expansion. */
export function passes(core: Core, expansion: Expansion, parameters: Parameters, row: Uint8Array): boolean {
  const plan = planAlone(expansion)
  const session = { parameters, after: undefined, limit: undefined }
  return rowsOfPlan(core.layout, collectionOf(core.layout, plan.source.root), plan, session, [row]).length > 0
}
