import { invariant } from '../base/assert.ts'
import { follow, type Place, placeBehind } from '../bind/binding-targets.ts'
import { stepName } from '../bind/print.ts'
import type { BoundPath, BoundQuery, Expression, InvocationExpression, MemberStep } from '../bind/tree.ts'
import type { Model } from '../edm/model.ts'
import { callsIn } from './calls.ts'
import { conjunction, conjuncts } from './conjuncts.ts'
import { navigationExpansion, placeOfPath } from './expansion.ts'
import { follows, type NavigationTree } from './navigation-tree.ts'

import type { CountPlan, ReadPlan, RelatedQuery, RelationNode, SourceRoot } from './plan.ts'
import { semiJoinOf } from './semi-join.ts'

/**
 * Filters and orders that look at related entities (`manager/name eq 'x'`, `reports/any(r:r/level gt 1)`, `items/$count`), or call functions of
 * the service (`ns.Twice(by=2) gt 6`): a store is asked for what it can say of the rows themselves; the rest is evaluated over its rows, the
 * related ones, which are read like those of $expand, and what the handlers give (service/related.ts).
 */

/**
 * Splits a plan whose filter or order follows navigation properties or calls functions of the service.
 * @returns undefined where they follow none
 * @throws ODataError notImplemented for navigation from inside collections, and to what cannot be found
 */
export function relatedQuery(
  model: Model,
  path: BoundPath,
  plan: ReadPlan | CountPlan,
  firstParameter: number,
): RelatedQuery | undefined {
  return relatedQueryAt(model, placeOfPath(model, path), plan, firstParameter)
}

/** The same for rows that stand at a place. */
export function relatedQueryAt(
  model: Model,
  place: Place,
  plan: ReadPlan | CountPlan,
  firstParameter: number,
): RelatedQuery | undefined {
  const tree: NavigationTree = { children: new Map() }
  const orderby = plan.kind === 'read' ? plan.orderby : []
  const own: Expression[] = []
  const related: Expression[] = []
  for (const part of conjuncts(plan.filter)) (follows(part, tree) ? related : own).push(part)
  const sorted = orderby.map(({ expression }) => follows(expression, tree)).some(Boolean)
  const calls = callsIn([...related, ...orderby.map(({ expression }) => expression)])
  if (tree.children.size + calls.length === 0) return undefined
  const nodes = nodesOf({ model, firstParameter }, place, plan.source.root, tree)
  const base: ReadPlan = Object.freeze({ ...readPlan(plan), filter: conjunction(own), orderby: sorted ? [] : orderby })
  const semiJoin = semiJoinOf(base, related, nodes, firstParameter)
  const before = calls.length === 0 ? undefined : conjunction(related.filter((part) => callsIn([part]).length === 0))
  return {
    base,
    filter: conjunction(related),
    sorted,
    nodes,
    ...(semiJoin === undefined ? {} : { semiJoin }),
    calls: calls.map((call) => ({ call, root: boundRoot(call, plan.source.root, nodes) })),
    ...(before === undefined ? {} : { before }),
  }
}

/** Where the entities stand that a call is bound to. */
function boundRoot(
  { binding }: InvocationExpression,
  root: SourceRoot,
  nodes: readonly RelationNode[],
): SourceRoot | undefined {
  const type = binding?.type?.type
  if (binding?.kind !== 'member' || type?.kind !== 'entity') return undefined
  let place = root
  let next = nodes
  for (const step of binding.steps) {
    if (step.kind !== 'navigation') continue
    const via = binding.steps.slice(0, binding.steps.indexOf(step))
    const node = next.find(({ expansion, via: own }) => expansion.item.property === step.property && isEndOf(own, via))
    invariant(node !== undefined, 'what calls are bound to is read')
    place = node.expansion.one.source.root
    next = node.nodes
  }
  return place
}

/** Whether a path ends with the complex properties of another. */
function isEndOf(own: readonly MemberStep[], via: readonly MemberStep[]): boolean {
  const names = via.filter(({ kind }) => kind !== 'cast').map(stepName)
  return own.every((step, i) => stepName(step) === names[names.length - own.length + i])
}

/** What of related entities some values of rows look at, as if the rows were sorted by them. */
export function relatedValues(
  model: Model,
  path: BoundPath,
  { slots, source }: Pick<ReadPlan, 'slots' | 'source'>,
  values: BoundQuery['compute'],
  firstParameter: number,
): RelatedQuery | undefined {
  const rows = readPlan({ kind: 'count', requires: [], slots, source, filter: undefined, search: undefined })
  const orderby = values.map(({ expression }) => ({ expression, descending: false }))
  return relatedQuery(model, path, { ...rows, orderby }, firstParameter)
}

/** The plan of the rows alone, without a window. */
function readPlan(plan: ReadPlan | CountPlan): ReadPlan {
  return {
    kind: 'read',
    requires: [],
    slots: plan.slots,
    source: plan.source,
    member: [],
    memberType: undefined,
    raw: false,
    filter: undefined,
    search: plan.search,
    compute: plan.kind === 'read' ? plan.compute : [],
    orderby: [],
    select: undefined,
    expand: [],
    top: undefined,
    skip: undefined,
    count: false,
  }
}

function nodesOf(
  building: { readonly model: Model; readonly firstParameter: number },
  place: Place,
  parent: SourceRoot,
  tree: NavigationTree,
): readonly RelationNode[] {
  const { model, firstParameter } = building
  return [...tree.children.values()].map((branch): RelationNode => {
    const { via, property } = branch
    let from = place
    for (const step of via) if (step.kind === 'property') from = placeBehind(from, step.property.name)
    const declaring = property.declaringType
    if (declaring.kind === 'entity') from = placeBehind(from, declaring.name)
    const expansion = navigationExpansion(model, from, parent, via, property, firstParameter)
    const next = follow(model, from, property)
    return { via, expansion, nodes: nodesOf(building, next, expansion.one.source.root, branch) }
  })
}
