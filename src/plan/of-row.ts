import { replaceMembers } from '../bind/rewrite.ts'
import type { Expression } from '../bind/tree.ts'
import { ODataError } from '../errors/odata-error.ts'

/**
 * An expression of a nested option as one of a read of its own: inside $expand the row is `$this`, here it is `$it`.
 * @throws ODataError notImplemented where it looks at the outermost row
 */
export function ofRow(expression: Expression): Expression {
  return replaceMembers(expression, (member) => {
    if (member.variable === '$it')
      throw new ODataError('notImplemented', '$it inside $expand is not implemented by this service.', {
        target: '$expand',
      })
    return member.variable === '$this' ? { ...member, variable: '$it' } : member
  })
}
