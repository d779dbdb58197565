import type { EntitySet, StructuredType } from '../../edm/model.ts'
import { typeName } from '../../edm/types.ts'
import type { AggregateNode, ExpressionNode, PathNode, PathStep } from '../../url/ast.ts'
import { type BindContext, type Scope, shown } from '../context.ts'
import { int64Reference } from '../type-references.ts'
import { customAggregate } from './custom-aggregate.ts'
import { bindDataPath } from './data-path.ts'
import { aggregatedType } from './methods.ts'
import type { Aggregate, AggregationMethod, DataPath } from './tree.ts'

/** Aggregate expressions (Aggregation 3.2.1.1), but for the keyword `from`. */

/** What an aggregate expression is about: the instances of one collection. */
export interface Aggregated {
  readonly type: StructuredType
  /** the set whose entities they are, where that is known */
  readonly set: EntitySet | undefined
  /** what an expression is bound in: evaluated for each instance */
  readonly scope: Scope
}

/**
 * Binds the part of an aggregate expression before `from`.
 * @throws ODataError typeMismatch where the values cannot be aggregated so, nameNotFound
 */
export function bindAggregate(context: BindContext, node: AggregateNode, over: Aggregated): Aggregate {
  const { operand, method } = node
  const steps = namesOf(operand)
  if (steps !== undefined && steps.at(-1)?.kind === '$count') return countOf(context, steps.slice(0, -1), over)
  if (method === undefined) return customAggregate(context, node, steps ?? [], over, dataPathOf)
  const path = steps === undefined || isComputed(steps, over.scope) ? undefined : dataPathOf(context, steps, over)
  const expression = path === undefined ? context.bind(context, operand, over.scope) : undefined
  const type = path === undefined ? expression?.type : path.type
  const bound =
    path !== undefined
      ? ({ kind: 'path', path } as const)
      : expression === undefined
        ? undefined
        : ({ kind: 'expression', expression } as const)
  if (method.includes('.')) return context.notImplemented(`The aggregation method '${shown(method)}'`, node)
  const standard = method as AggregationMethod
  const result = aggregatedType(standard, type)
  if (result === undefined)
    return context.fail(
      'typeMismatch',
      `'${standard}' cannot aggregate ${type === undefined ? 'values whose type is not known' : typeName(type)}.`,
      operand,
    )
  return { kind: 'values', method: standard, operand: bound, operandType: type, type: result }
}

/** The steps of an operand that is a path of names, perhaps with `$count` at its end; undefined for any other expression. */
function namesOf(operand: ExpressionNode): readonly PathStep[] | undefined {
  if (operand.kind !== 'path' || operand.root !== undefined) return undefined
  const plain = operand.steps.every(
    (step, i) =>
      (step.kind === 'name' && step.arguments === undefined && step.key === undefined) ||
      (step.kind === '$count' && step.options === undefined && i === operand.steps.length - 1),
  )
  return plain ? operand.steps : undefined
}

/** Whether a path starts with a lambda variable or an alias of $compute, which are no members of the instances. */
function isComputed([first]: readonly PathStep[], scope: Scope): boolean {
  if (first?.kind !== 'name') return false
  for (let variable = scope.lambdas; variable !== undefined; variable = variable.outer)
    if (variable.name === first.name) return true
  return scope.computed?.has(first.name) ?? false
}

function dataPathOf(context: BindContext, steps: readonly PathStep[], { type }: Aggregated): DataPath {
  return bindDataPath(context, { steps }, type, true)
}

/** ABNF: aggregateCount. */
function countOf(context: BindContext, steps: readonly PathStep[], over: Aggregated): Aggregate {
  const type = aggregatedType('count', undefined) ?? int64Reference
  if (steps.length === 0) return { kind: 'values', method: 'count', operand: undefined, operandType: undefined, type }
  const path = dataPathOf(context, steps, over)
  return { kind: 'values', method: 'count', operand: { kind: 'path', path }, operandType: path.type, type }
}

/** The name that an aggregate without an alias has: that of the custom aggregate. */
export function ownName({ operand }: AggregateNode): string | undefined {
  const last: PathNode['steps'][number] | undefined = operand.kind === 'path' ? operand.steps.at(-1) : undefined
  return last?.kind === 'name' ? last.name : undefined
}
