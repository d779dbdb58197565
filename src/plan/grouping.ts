import type { AggregateItem, Sequence, Transformation } from '../bind/apply/tree.ts'
import type { Expression, MemberStep } from '../bind/tree.ts'
import type { Property } from '../edm/model.ts'
import { visit } from './capabilities/references.ts'
import { followsNavigation } from './navigation-tree.ts'
import type { GroupPlan, ReadPlan } from './plan.ts'

/** Whether an expression looks at nothing but the stored row. */
export function isOfRow(expression: Expression): boolean {
  let plain = !followsNavigation(expression)
  visit(expression, new Map(), {
    reference: () => {},
    node: ({ kind }) => {
      if (kind === 'aggregate' || kind === 'defined') plain = false
    },
  })
  return plain
}

/**
 * The first step of a sequence as something that a store may do: a groupby of properties of the rows, with aggregates of single values
 * or none; or an aggregate of all rows (Aggregation 3.2.1, 3.2.3.1).
 * @returns undefined where the step looks at more than the rows
 */
export function groupOf(base: ReadPlan, { steps }: Sequence): GroupPlan | undefined {
  const [first] = steps
  if (first?.kind === 'aggregate') {
    const items = itemsOf(first)
    return items && { base, properties: undefined, items }
  }
  if (first?.kind !== 'groupby') return undefined
  const properties = first.paths.map(ownProperty)
  const items = first.each === undefined ? [] : first.each.steps.length === 1 ? itemsOf(first.each.steps[0]) : undefined
  if (items === undefined || !properties.every((property) => property !== undefined)) return undefined
  return { base, properties, items }
}

function itemsOf(step: Transformation | undefined): readonly AggregateItem[] | undefined {
  if (step?.kind !== 'aggregate' || step.calculated.length > 0) return undefined
  return step.items.every(({ aggregate }) => {
    if (aggregate.kind !== 'values') return false
    const { operand, method } = aggregate
    if (operand === undefined) return method === 'count'
    return operand.kind === 'path' ? operand.path.steps.every(isSingleProperty) : isOfRow(operand.expression)
  })
    ? step.items
    : undefined
}

/** A path that is one single-valued property; one inside a complex value tells an absent value from null. */
function ownProperty(path: readonly MemberStep[]): Property | undefined {
  const [step] = path
  return path.length === 1 && step?.kind === 'property' && isSingleProperty(step) ? step.property : undefined
}

function isSingleProperty(step: MemberStep): boolean {
  return step.kind === 'property' && !step.property.type.collection
}
