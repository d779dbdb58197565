import type { TypeReference } from '../edm/model.ts'
import { typeName } from '../edm/types.ts'
import type { ListNode } from '../url/ast.ts'
import type { BindContext, Scope } from './context.ts'
import { convertTo, describeLiteral, meetingType, quotesHint } from './literals.ts'
import type { Expression, ListExpression } from './tree.ts'
import { joinedType, singlePrimitive, untypedReference } from './type-references.ts'

/**
 * Binds an array with expressions among its items (ABNF: array), as in `[FirstName,LastName] in [["John","Doe"]]`: all items
 * come together in one type.
 * @throws ODataError typeMismatch, notImplemented (lists within a list)
 */
export function bindList(context: BindContext, node: ListNode, scope: Scope): ListExpression {
  let common: TypeReference | undefined
  const join = (type: TypeReference, said: string, at: ListNode['items'][number]): void => {
    if (type.collection) context.notImplemented('A list of collections', at)
    const joined = common === undefined ? type : joinedType(common, type)
    if (joined === undefined)
      context.fail(
        'typeMismatch',
        `The items of a list are of one type, not ${typeName(common ?? type)} and ${said}.`,
        at,
      )
    common = joined
  }
  const bound = node.items.map((item) => {
    if (context.literalOf(item) !== undefined) return undefined
    const expression = context.bind(context, item, scope)
    if (expression.type !== undefined && expression.type.type.kind !== 'abstract')
      join(expression.type, typeName(expression.type), item)
    return expression
  })
  for (const item of node.items) {
    const literal = context.literalOf(item)
    if (literal === undefined) continue
    const meeting = meetingType(context, literal, common)
    if (meeting !== undefined) join(meeting, describeLiteral(literal), item)
    else if (common !== undefined)
      context.fail(
        'typeMismatch',
        `A list of ${typeName(common)} cannot hold ${describeLiteral(literal)}.${quotesHint(literal, common)}`,
        item,
      )
  }
  const type = common ?? untypedReference
  const primitive = singlePrimitive(type)
  const items = node.items.map((item, i): Expression => {
    const expression = bound[i]
    if (expression !== undefined) return primitive === undefined ? expression : convertTo(expression, primitive)
    const literal = context.literalOf(item)
    return literal === undefined
      ? context.notImplemented('This item of a list', item)
      : context.parameter(literal, type)
  })
  return { kind: 'list', items, type: { type: type.type, collection: true, nullable: true, facets: {} } }
}
