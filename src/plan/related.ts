import { follow, type Place, placeBehind } from '../bind/binding-targets.ts'
import type { BoundPath, BoundQuery, Expression } from '../bind/tree.ts'
import type { Model } from '../edm/model.ts'
import { conjunction, conjuncts } from './conjuncts.ts'
import { navigationExpansion, placeOfPath } from './expansion.ts'
import { follows, type NavigationTree } from './navigation-tree.ts'

import type { CountPlan, ReadPlan, RelatedQuery, RelationNode, SourceRoot } from './plan.ts'
import { semiJoinOf } from './semi-join.ts'

/**
 * Filters and orders that look at related entities (`manager/name eq 'x'`, `reports/any(r:r/level gt 1)`, `items/$count`): a store
 * is asked for what it can say of the rows themselves; the rest is evaluated over its rows and the related ones, which are
 * read like those of $expand (service/related.ts).
 */

/**
 * Splits a plan whose filter or order follows navigation properties.
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
  if (tree.children.size === 0) return undefined
  const nodes = nodesOf({ model, firstParameter }, place, plan.source.root, tree)
  const base: ReadPlan = Object.freeze({ ...readPlan(plan), filter: conjunction(own), orderby: sorted ? [] : orderby })
  const semiJoin = semiJoinOf(base, related, nodes, firstParameter)
  return { base, filter: conjunction(related), sorted, nodes, ...(semiJoin === undefined ? {} : { semiJoin }) }
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
