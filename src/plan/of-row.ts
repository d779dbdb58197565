import { printBound } from '../bind/print.ts'
import { replaceMembers } from '../bind/rewrite.ts'
import type { Expression, MemberExpression } from '../bind/tree.ts'
import { isStructured } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'

/** Values of the outermost row (`$it`) that nested options look at: each becomes a parameter. */
export class OuterValues {
  readonly #first: number
  readonly #texts: string[] = []
  readonly expressions: MemberExpression[] = []

  /** @param first number of the first parameter */
  constructor(first: number) {
    this.#first = first
  }

  /** The number of the parameter that takes a value. */
  parameter(member: MemberExpression): number {
    const text = printBound(member)
    let at = this.#texts.indexOf(text)
    if (at < 0) {
      at = this.#texts.length
      this.#texts.push(text)
      this.expressions.push(member)
    }
    return this.#first + at
  }
}

/**
 * An expression of a nested option as one of a read of its own: inside $expand the row is `$this`, here it is `$it`; values of the
 * outermost row, which is `$it` there (URL Conventions 5.1.1.16.4), are parameters here.
 * @throws ODataError notImplemented where it looks at the outermost row as a whole, or follows its navigation properties
 */
export function ofRow(expression: Expression, outer: OuterValues): Expression {
  return replaceMembers(expression, (member) => {
    if (member.variable === '$this') return { ...member, variable: '$it' }
    if (member.variable !== '$it') return member
    const { type } = member
    if (type === undefined || isStructured(type.type) || type.type.kind === 'abstract')
      throw refused('A value without a primitive type of $it')
    const navigation = member.steps.find(({ kind }) => kind === 'navigation')
    if (navigation?.kind === 'navigation') throw refused(`Following ${navigation.property.name} from $it`)
    return { kind: 'parameter', index: outer.parameter(member), type }
  })
}

function refused(what: string): ODataError {
  return new ODataError('notImplemented', `${what} inside $expand is not implemented by this service.`, {
    target: '$expand',
  })
}
