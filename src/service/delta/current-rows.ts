import type { KeyPredicate, Parameters } from '../../bind/tree.ts'
import { decodeField } from '../../bson/decode.ts'
import { findPath } from '../../bson/reader.ts'
import type { PrimitiveValue } from '../../edm/value.ts'
import { preparePredicate } from '../../eval/compile.ts'
import type { RemovedReason } from '../../payload/delta.ts'
import type { ReadPlan } from '../../plan/plan.ts'
import type { ChangedRow, Sight } from '../../store/changes.ts'
import type { Session } from '../../store/port.ts'
import { type Core, collectionOf, contextOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { rowsOfPlan } from '../rows.ts'

/** What has become of a row that was changed: it is in the result, or not. */
export type Current =
  | { readonly id: Uint8Array; readonly row: Uint8Array }
  | { readonly id: Uint8Array; readonly row: undefined; readonly reason: RemovedReason }

/** Point reads under way at once. */
const together = 200

/**
 * Reads the rows that changed as they are now: by key, which a far-away store joins, and `eval/` decides which of them the plan asks for.
 * @param sighted whether it is known which rows the caller may have seen: others are not told as removed
 */
export async function currentRows(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan,
  parameters: Parameters,
  changed: readonly ChangedRow[],
  sighted: boolean,
): Promise<readonly Current[]> {
  const found: Current[] = []
  const keyed = keyedPlan(plan, parameters.length)
  const collection = collectionOf(core.layout, plan.source.root)
  const { parts } = collection.key
  const readRow = (id: Uint8Array): Promise<Uint8Array | undefined> => {
    const key = parts.map(({ path, property }) =>
      decodeField(id, findPath(id, path), property.type, -1, core.layout),
    ) as PrimitiveValue[]
    const { controller, context } = contextOf(core, exchange, keyed, [...parameters, ...key])
    return controller.read(context)
  }
  for (let at = 0; at < changed.length; at += together) {
    const some = changed.slice(at, at + together)
    const rows = await Promise.all(some.map(({ id }) => readRow(id)))
    const stored = rows.filter((row) => row !== undefined)
    const session = { parameters, after: undefined, limit: undefined }
    const asked = new Set(rowsOfPlan(core.layout, collection, plan, session, stored))
    for (const [i, { id, seen }] of some.entries()) {
      const row = rows[i]
      if (row !== undefined && asked.has(row)) found.push({ id, row })
      else if (seen || !sighted) found.push({ id, row: undefined, reason: row === undefined ? 'deleted' : 'changed' })
    }
  }
  return found
}

/** Whether a row is in sight by the row filter of a session, and part of the result; undefined: there is no row filter. */
export function sightOf(core: Core, plan: ReadPlan, session: Session): Sight['test'] | undefined {
  const { root } = plan.source
  const filter = session.rowFilters.get(root.name)
  if (filter === undefined) return undefined
  const collection = collectionOf(core.layout, root)
  const visible = preparePredicate(filter, { layout: core.layout, collection, type: root.type })(session.parameters)
  const { parameters } = session
  const asked = { parameters, after: undefined, limit: undefined }
  return (before) => visible(before) && rowsOfPlan(core.layout, collection, plan, asked, [before]).length > 0
}

const keyedPlans = new WeakMap<ReadPlan, ReadPlan>()

/** Reads one row of a plan's collection by its key; the values of the key stand behind the parameters of the request. */
function keyedPlan(plan: ReadPlan, firstParameter: number): ReadPlan {
  let keyed = keyedPlans.get(plan)
  if (keyed === undefined) {
    const { root, owner } = plan.source
    const { key } = root.type
    const predicate: KeyPredicate = { key, parameters: key.map((_, i) => firstParameter + i) }
    const { hops: _, ...rest } = plan
    keyed = Object.freeze({
      ...rest,
      source: {
        root,
        ...(owner === undefined ? {} : { owner }),
        steps: [{ kind: 'key' as const, predicate }],
        type: root.type,
        single: true,
      },
      filter: undefined,
      search: undefined,
      compute: [],
      orderby: [],
      select: undefined,
      count: false,
    })
    keyedPlans.set(plan, keyed)
  }
  return keyed
}
