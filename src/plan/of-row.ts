import type { Expression } from '../bind/tree.ts'
import { ODataError } from '../errors/odata-error.ts'

/**
 * An expression of a nested option as one of a read of its own: inside $expand the row is `$this`, here it is `$it`.
 * @throws ODataError notImplemented where it looks at the outermost row
 */
export function ofRow(expression: Expression): Expression {
  switch (expression.kind) {
    case 'member':
      if (expression.variable === '$it')
        throw new ODataError('notImplemented', '$it inside $expand is not implemented by this service.', {
          target: '$expand',
        })
      return expression.variable === '$this' ? { ...expression, variable: '$it' } : expression
    case 'parameter':
    case 'constant':
      return expression
    case 'binary':
      return { ...expression, left: ofRow(expression.left), right: ofRow(expression.right) }
    case 'unary':
    case 'convert':
    case 'isOf':
      return { ...expression, operand: ofRow(expression.operand) }
    case 'in':
      return { ...expression, operand: ofRow(expression.operand), items: expression.items.map(ofRow) }
    case 'call':
      return { ...expression, arguments: expression.arguments.map(ofRow) }
    case 'lambda':
      return {
        ...expression,
        collection: ofRow(expression.collection),
        predicate: expression.predicate && ofRow(expression.predicate),
      }
    case 'count':
      return {
        ...expression,
        collection: ofRow(expression.collection),
        filter: expression.filter && ofRow(expression.filter),
      }
    case 'case':
      return {
        ...expression,
        branches: expression.branches.map(({ condition, value }) => ({
          condition: ofRow(condition),
          value: ofRow(value),
        })),
      }
  }
}
