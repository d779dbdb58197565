import type { ExpressionNode } from '../url/ast.ts'
import { bindCall, bindCase } from './calls.ts'
import { type BindContext, maxAliasDepth, type Scope } from './context.ts'
import { bindList } from './list.ts'
import { naturalParameter } from './literals.ts'
import { bindMemberPath } from './member-path.ts'
import { bindBinary, bindUnary } from './operators.ts'
import type { ConstantExpression, Expression } from './tree.ts'
import { booleanReference } from './type-references.ts'

const nullConstant: ConstantExpression = Object.freeze({ kind: 'constant', value: null, type: undefined })
const trueConstant: ConstantExpression = Object.freeze({ kind: 'constant', value: true, type: booleanReference })
const falseConstant: ConstantExpression = Object.freeze({ kind: 'constant', value: false, type: booleanReference })

/**
 * Binds an expression (URL Conventions 5.1.1): names resolved, every node typed, literals numbered.
 * @throws ODataError nameNotFound, functionNotFound, typeMismatch, urlLimitExceeded, notImplemented, each with the position
 */
export function bindExpression(context: BindContext, node: ExpressionNode, scope: Scope): Expression {
  context.countNodes(1, node)
  switch (node.kind) {
    case 'path':
      return bindMemberPath(context, node, scope)
    case 'binary':
      return bindBinary(context, node, scope)
    case 'constant':
      return node.value === null ? nullConstant : node.value ? trueConstant : falseConstant
    case 'literal':
    case 'json':
      return naturalParameter(context, node)
    case 'call':
      return bindCall(context, node, scope)
    case 'unary':
      return bindUnary(context, node, scope)
    case 'case':
      return bindCase(context, node, scope)
    case 'alias': {
      if (context.aliasDepth >= maxAliasDepth)
        context.fail('urlLimitExceeded', `Parameter aliases are nested deeper than ${maxAliasDepth}.`, node)
      context.aliasDepth++
      const bound = bindExpression(context, context.aliasValue(node), scope)
      context.aliasDepth--
      return bound
    }
    case 'list':
      return bindList(context, node, scope)
    case 'object':
      return context.notImplemented('A JSON object in an expression', node)
    case 'typeName':
      return context.fail('typeMismatch', `The type name '${node.name}' has no meaning here.`, node)
  }
}
