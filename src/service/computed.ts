import type { BoundQuery, Parameters } from '../bind/tree.ts'
import { type EvalContext, prepareValue } from '../eval/compile.ts'
import type { ComputedMember } from '../payload/writer.ts'
import type { ComputedValues, Source } from '../plan/plan.ts'
import type { Core } from './core.ts'
import type { Exchange } from './exchange.ts'
import { evalContext, readRelated } from './related.ts'

/** What $compute defines of a row: members of its object (Protocol 11.2.5.3). */
type Computing = (parameters: Parameters) => (row: Uint8Array) => readonly ComputedMember[]

/** Compiles what $compute defines. */
function computing(items: BoundQuery['compute'], context: EvalContext): Computing {
  const values = items.map(({ alias, expression }) => ({
    name: alias,
    type: expression.type,
    prepared: prepareValue(expression, context),
  }))
  return (parameters) => {
    const bound = values.map(({ name, type, prepared }) => ({ name, type, value: prepared(parameters) }))
    return (row) => bound.map(({ name, type, value }) => ({ name, type, value: value(row) }))
  }
}

/**
 * What a plan, or an expansion, calculates of some rows, with what it looks at of related entities.
 * @param rows as they are stored
 * @returns for each row what its writer wants; empty where nothing is calculated
 */
export async function computedOf(
  core: Core,
  exchange: Exchange,
  { computed, source }: { readonly computed?: ComputedValues; readonly source: Source },
  parameters: Parameters,
  rows: readonly Uint8Array[],
): Promise<readonly (readonly ComputedMember[])[]> {
  if (computed === undefined) return []
  const { items, related } = computed
  const views = related ? await readRelated(core, exchange, { source }, related, parameters, rows) : rows
  const prepared = core.writers.once(computed, () =>
    computing(items, evalContext(core, related ? { source, related } : { source })),
  )
  return views.map(prepared(parameters))
}
