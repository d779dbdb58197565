import { noQuery } from '../bind/no-query.ts'
import type { RootReference } from '../bind/root.ts'
import type { BoundPath, BoundQuery, ParameterSlot } from '../bind/tree.ts'
import type { Model } from '../edm/model.ts'
import type { CountPlan, ReadPlan, Requirement, RootValue, StorePlan } from './plan.ts'
import { relatedQuery } from './related.ts'

/** Values of `$root` (U 5.1.1.16.5): each read like the resource it names, under the same restrictions and permissions. */

/**
 * @param planRows plans the reading of a resource
 * @returns the reads, and what the caller must hold for them
 * @throws ODataError what planning a read throws
 */
export function rootValues(
  model: Model,
  roots: readonly RootReference[],
  slots: readonly ParameterSlot[],
  planRows: (path: BoundPath, query: BoundQuery) => StorePlan,
): { readonly values: readonly RootValue[]; readonly requires: readonly Requirement[] } {
  const values = roots.map(({ path, expression, parameter }): RootValue => {
    // what is computed is asked whether it may be looked at
    const compute = expression === undefined ? [] : [{ alias: '$root', expression }]
    const plan = planRows(path, { ...noQuery, compute })
    if (expression === undefined) return { kind: 'count', parameter, plan: plan as CountPlan }
    const read: ReadPlan = { ...(plan as ReadPlan), compute: [], orderby: [{ expression, descending: false }] }
    const related = relatedQuery(model, path, read, slots.length)
    return {
      kind: 'value',
      parameter,
      expression,
      plan: Object.freeze({ ...read, orderby: [], ...(related === undefined ? {} : { related }) }),
    }
  })
  return { values, requires: values.flatMap(({ plan }) => plan.requires) }
}
