import type { Expression, MemberExpression } from './tree.ts'

/** The same expression with another one in place of each member. */
export function replaceMembers(expression: Expression, replace: (member: MemberExpression) => Expression): Expression {
  switch (expression.kind) {
    case 'member':
      return replace(expression)
    case 'defined': {
      const { variable, steps } = expression
      const member = replace({ kind: 'member', variable, steps, type: undefined })
      return member.kind === 'member' ? { ...expression, variable: member.variable, steps: member.steps } : expression
    }
    default:
      return mapOperands(expression, (one) => replaceMembers(one, replace))
  }
}

/** The same expression with other operands: what `inner` makes of each. What has none stays as it is. */
export function mapOperands(expression: Expression, inner: (operand: Expression) => Expression): Expression {
  switch (expression.kind) {
    case 'member':
    case 'defined':
    case 'parameter':
    case 'constant':
      return expression
    case 'binary':
      return { ...expression, left: inner(expression.left), right: inner(expression.right) }
    case 'unary':
    case 'convert':
    case 'isOf':
      return { ...expression, operand: inner(expression.operand) }
    case 'in':
      return { ...expression, operand: inner(expression.operand), items: expression.items.map(inner) }
    case 'call':
      return { ...expression, arguments: expression.arguments.map(inner) }
    case 'invocation': {
      const args = new Map([...expression.arguments].map(([name, value]) => [name, inner(value)]))
      return { ...expression, binding: expression.binding && inner(expression.binding), arguments: args }
    }
    case 'list':
      return { ...expression, items: expression.items.map(inner) }
    case 'lambda':
      return {
        ...expression,
        collection: inner(expression.collection),
        predicate: expression.predicate && inner(expression.predicate),
      }
    case 'count':
      return {
        ...expression,
        collection: inner(expression.collection),
        filter: expression.filter && inner(expression.filter),
      }
    case 'aggregate':
      // what is aggregated starts from an instance of the collection
      return { ...expression, collection: inner(expression.collection) }
    case 'case':
      return {
        ...expression,
        branches: expression.branches.map(({ condition, value }) => ({
          condition: inner(condition),
          value: inner(value),
        })),
      }
  }
}
