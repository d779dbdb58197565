import { noQuery } from '../bind/no-query.ts'
import { replaceMembers } from '../bind/rewrite.ts'
import type { RootReference } from '../bind/root.ts'
import type { BoundPath, BoundQuery, Expression, MemberStep, ParameterSlot } from '../bind/tree.ts'
import type { Model } from '../edm/model.ts'
import { demandsOfAll } from './capabilities/demands.ts'
import type { Demands } from './capabilities/verdict.ts'
import type { CountPlan, ReadPlan, Requirement, RootValue, SourceRoot, StorePlan } from './plan.ts'
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
): {
  readonly values: readonly RootValue[]
  readonly requires: readonly Requirement[]
  readonly demands: Demands | undefined
} {
  const values = roots.map(({ path, expression, parameter }): RootValue => {
    // what is computed is asked whether it may be looked at
    const compute = expression === undefined ? [] : [{ alias: '$root', expression }]
    const plan = planRows(path, { ...noQuery, compute })
    if (expression === undefined) return { kind: 'count', parameter, plan: plan as CountPlan }
    const value = inResult(expression, plan.source.root)
    const read: ReadPlan = { ...(plan as ReadPlan), compute: [], orderby: [{ expression: value, descending: false }] }
    const related = relatedQuery(model, path, read, slots.length)
    return {
      kind: 'value',
      parameter,
      expression: value,
      plan: Object.freeze({ ...read, orderby: [], ...(related === undefined ? {} : { related }) }),
    }
  })
  return {
    values,
    requires: values.flatMap(({ plan }) => plan.requires),
    demands: demandsOfAll(values.map(({ plan }) => plan.demands)),
  }
}

/** An expression of what a function gives as one of the row that holds it (plan/result.ts). */
function inResult(expression: Expression, root: SourceRoot): Expression {
  if (root.kind !== 'result' || root.value === undefined) return expression
  const held: MemberStep = { kind: 'property', property: root.value }
  return replaceMembers(expression, (member) =>
    member.variable === '$it' ? { ...member, steps: [held, ...member.steps] } : member,
  )
}
