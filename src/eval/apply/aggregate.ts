import type { Aggregate } from '../../bind/apply/tree.ts'
import type { Expression } from '../../bind/tree.ts'
import { int64Reference } from '../../bind/type-references.ts'
import type { Value } from '../../edm/value.ts'
import { groupsOf } from './group.ts'
import { aggregateValues } from './methods.ts'
import { aggregated } from './paths.ts'

/** Gives the value of an expression for each of some instances. */
export type ValuesOf = (expression: Expression, instances: readonly Value[]) => readonly Value[]

/** The value of an aggregate expression over a collection (Aggregation 3.2.1.1). */
export function aggregateOf(aggregate: Aggregate, instances: readonly Value[], valuesOf: ValuesOf): Value {
  if (aggregate.kind === 'sequence') return sequenceValue(aggregate, instances, valuesOf)
  const { method, operand, operandType, type } = aggregate
  const values =
    operand === undefined
      ? instances
      : operand.kind === 'path'
        ? aggregated(instances, operand.path.steps)
        : valuesOf(operand.expression, instances)
  const there = values.filter((value) => value !== null)
  // as an expression of its own, a count is an Int64 (URL Conventions 4.8)
  if (method === 'count' && type === int64Reference) return BigInt(there.length)
  return aggregateValues(method, there, operandType)
}

/** Whether an aggregate evaluates more than paths. */
export function evaluatesExpressions(aggregate: Aggregate): boolean {
  if (aggregate.kind === 'values') return aggregate.operand?.kind === 'expression'
  const [groupby] = aggregate.sequence.steps
  const inner = groupby?.kind === 'groupby' ? groupby.each?.steps[0] : undefined
  return inner?.kind === 'aggregate' && inner.items.some((item) => evaluatesExpressions(item.aggregate))
}

/** `from`: a value for each group, then a value of these (Aggregation 3.2.1.5). */
function sequenceValue(
  { sequence }: Extract<Aggregate, { kind: 'sequence' }>,
  instances: readonly Value[],
  valuesOf: ValuesOf,
): Value {
  const [groupby, outer] = sequence.steps
  const inner = groupby?.kind === 'groupby' ? groupby.each?.steps[0] : undefined
  const each = inner?.kind === 'aggregate' ? inner.items[0]?.aggregate : undefined
  const last = outer?.kind === 'aggregate' ? outer.items[0]?.aggregate : undefined
  if (groupby?.kind !== 'groupby' || each === undefined || last?.kind !== 'values')
    throw new Error('invariant: from is a groupby and an aggregate')
  const values = [...groupsOf(instances, groupby.paths, sequence.input.type).values()].map((group) =>
    aggregateOf(each, group.instances, valuesOf),
  )
  return aggregateValues(
    last.method,
    values.filter((value) => value !== null),
    last.operandType,
  )
}
