import type { Aggregate, CustomAggregate } from '../../bind/apply/tree.ts'
import type { Expression } from '../../bind/tree.ts'
import { int64Reference } from '../../bind/type-references.ts'
import type { Value } from '../../edm/value.ts'
import { groupsOf } from './group.ts'
import { aggregateValues } from './methods.ts'
import { aggregated } from './paths.ts'

/** Gives the value of an expression for each of some instances. */
export type ValuesOf = (expression: Expression, instances: readonly Value[]) => readonly Value[]

/** Gives the value of a custom aggregate for what it is about. */
export type CustomOf = (custom: CustomAggregate) => (instances: readonly Value[]) => Value | Promise<Value>

/** The value of an aggregate expression without custom aggregates over a collection (Aggregation 3.2.1.1). */
export function aggregateOf(aggregate: Aggregate, instances: readonly Value[], valuesOf: ValuesOf): Value {
  if (aggregate.kind === 'sequence') return sequenceValue(aggregate, instances, valuesOf)
  if (aggregate.kind === 'custom') throw new Error('invariant: custom aggregates are waited for')
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
  if (aggregate.kind === 'custom') return false
  const [groupby] = aggregate.sequence.steps
  const inner = groupby?.kind === 'groupby' ? groupby.each?.steps[0] : undefined
  return inner?.kind === 'aggregate' && inner.items.some((item) => evaluatesExpressions(item.aggregate))
}

/** The value of an aggregate expression that code of the service has a part in. */
export async function customAggregateOf(
  aggregate: Aggregate,
  instances: readonly Value[],
  valuesOf: ValuesOf,
  customOf: CustomOf,
): Promise<Value> {
  if (aggregate.kind === 'values') return aggregateOf(aggregate, instances, valuesOf)
  if (aggregate.kind === 'custom')
    return customOf(aggregate)(aggregate.path === undefined ? instances : aggregated(instances, aggregate.path.steps))
  const { each, groups, finish } = partsOf(aggregate, instances)
  const values: Value[] = []
  for (const group of groups) values.push(await customAggregateOf(each, group, valuesOf, customOf))
  return finish(values)
}

type SequenceAggregate = Extract<Aggregate, { kind: 'sequence' }>

/** `from`: a value for each group, then a value of these (Aggregation 3.2.1.5). */
function sequenceValue(aggregate: SequenceAggregate, instances: readonly Value[], valuesOf: ValuesOf): Value {
  const { each, groups, finish } = partsOf(aggregate, instances)
  return finish(groups.map((group) => aggregateOf(each, group, valuesOf)))
}

interface SequenceParts {
  readonly each: Aggregate
  readonly groups: readonly (readonly Value[])[]
  readonly finish: (values: readonly Value[]) => Value
}

function partsOf({ sequence }: SequenceAggregate, instances: readonly Value[]): SequenceParts {
  const [groupby, outer] = sequence.steps
  const inner = groupby?.kind === 'groupby' ? groupby.each?.steps[0] : undefined
  const each = inner?.kind === 'aggregate' ? inner.items[0]?.aggregate : undefined
  const last = outer?.kind === 'aggregate' ? outer.items[0]?.aggregate : undefined
  if (groupby?.kind !== 'groupby' || each === undefined || last?.kind !== 'values')
    throw new Error('invariant: from is a groupby and an aggregate')
  const groups = [...groupsOf(instances, groupby.paths, sequence.input.type).values()].map((group) => group.instances)
  const finish = (values: readonly Value[]): Value =>
    aggregateValues(
      last.method,
      values.filter((value) => value !== null),
      last.operandType,
    )
  return { each, groups, finish }
}
