import type { ArgumentNode, ExpressionNode, PathStep, QueryOptions } from './ast.ts'

/**
 * Whether $filter, $orderby or $compute ask something of a whole collection (Aggregation 3.6, 5.5.2.1): `$these`, the function
 * `aggregate`, or a function of the Aggregation vocabulary.
 */
export function asksOfCollection({ filter, orderby, compute, aliases }: QueryOptions): boolean {
  return (
    (filter !== undefined && asks(filter)) ||
    (orderby?.some(({ expression }) => asks(expression)) ?? false) ||
    (compute?.some(({ expression }) => asks(expression)) ?? false) ||
    [...aliases.values()].some(asks)
  )
}

/** Whether related entities are transformed: `$expand=Sales($apply=...)`. */
export function appliesInside({ expand }: QueryOptions): boolean {
  return (
    expand?.some(({ options }) => options !== undefined && (options.apply !== undefined || appliesInside(options))) ??
    false
  )
}

const hierarchyFunction = /\.(?:isnode|isroot|isleaf|issibling|isancestor|isdescendant)$/

function asks(node: ExpressionNode): boolean {
  switch (node.kind) {
    case 'path':
      return node.root === '$these' || node.steps.some(stepAsks)
    case 'binary':
      return asks(node.left) || asks(node.right)
    case 'unary':
      return asks(node.operand)
    case 'call':
      return node.arguments.some(asks)
    case 'list':
      return node.items.some(asks)
    case 'object':
      return node.members.some(({ value }) => asks(value))
    case 'case':
      return node.branches.some(({ condition, value }) => asks(condition) || asks(value))
    default:
      return false
  }
}

function stepAsks(step: PathStep): boolean {
  switch (step.kind) {
    case 'aggregate':
      return true
    case 'name':
      return (
        (step.arguments !== undefined && hierarchyFunction.test(step.name)) ||
        (step.arguments?.some(argumentAsks) ?? false)
      )
    case 'any':
    case 'all':
    case '$filter':
      return step.predicate !== undefined && asks(step.predicate)
    case '$count':
      return step.options?.filter !== undefined && asks(step.options.filter)
    default:
      return false
  }
}

function argumentAsks({ value }: ArgumentNode): boolean {
  return asks(value)
}
