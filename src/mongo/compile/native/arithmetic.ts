import { Decimal128, Double } from 'bson'
import type { BinaryExpression, ConvertExpression, Expression } from '../../../bind/tree.ts'
import type { TypeReference } from '../../../edm/model.ts'
import { primitiveOf } from '../../../edm/types.ts'
import { ODataError } from '../../../errors/odata-error.ts'
import { type ArithmeticOperator, dividesByZero } from '../../../eval/arithmetic.ts'
import { constantOf } from '../constant.ts'
import { kindOfType } from './member.ts'
import { applied, guarded, type Term, type TermScope } from './term.ts'

/** Up to here whole numbers are exact in every numeric type of BSON. */
const safe = 2 ** 53
const int64 = {
  least: Decimal128.fromString('-9223372036854775808'),
  most: Decimal128.fromString('9223372036854775807'),
}

/**
 * Arithmetic (URL Conventions 5.1.1.2). decimal128 computes as `eval/` does: 34 digits, half to even. Whole numbers that may
 * leave 2^53 are computed in decimal128, where no product of two Int64 looks like an Int64 when it is none; past Int64: null.
 * @returns undefined for dates and durations, Single, and divisions by what may be 0 where that is no null
 */
export function arithmeticTerm(
  expression: BinaryExpression,
  operator: ArithmeticOperator,
  left: Term,
  right: Term,
  scope: TermScope,
): Term | undefined {
  const kind = kindOfType(expression.type)?.kind
  if (kind !== 'integer' && kind !== 'double' && kind !== 'decimal') return undefined
  const a = inSpace(left, kind)
  const b = inSpace(right, kind)
  if (a === undefined || b === undefined) return undefined
  if (operator === 'add' || operator === 'sub' || operator === 'mul') {
    return kind === 'integer'
      ? integers(operator, a, b, scope)
      : applied([a, b], kind, (values) => operation(operator, values))
  }
  const divisor = checkedDivisor(expression, operator, b, scope)
  if (divisor === undefined) return undefined
  if (kind === 'integer') return integers(operator, a, divisor, scope)
  return applied([a, divisor], kind, (values) => operation(operator, values))
}

/** The unary minus. */
export function negationTerm(operand: Term, scope: TermScope): Term | undefined {
  if (operand.kind === 'double') return applied([operand], 'double', ([a]) => ({ $multiply: [a, new Double(-1)] }))
  if (operand.kind === 'decimal') return applied([operand], 'decimal', ([a]) => ({ $multiply: [a, -1] }))
  if (operand.kind !== 'integer') return undefined
  return integers(
    'sub',
    { kind: 'integer', bound: 0, parts: () => ({ lets: [], test: undefined, value: 0, nan: false }) },
    operand,
    scope,
  )
}

function operation(operator: ArithmeticOperator, values: readonly unknown[]): unknown {
  const names = {
    add: '$add',
    sub: '$subtract',
    mul: '$multiply',
    div: '$divide',
    divby: '$divide',
    mod: '$mod',
  } as const
  return { [names[operator]]: values }
}

function integers(operator: ArithmeticOperator, a: Term, b: Term, scope: TermScope): Term {
  const bound = boundOf(operator, a.bound, b.bound)
  const small = bound <= safe && a.bound <= safe && b.bound <= safe
  const wide = (value: unknown) => (small ? value : { $toDecimal: value })
  const result = applied(
    [a, b],
    'integer',
    ([x, y]) => {
      const value = operation(operator, [wide(x), wide(y)])
      return operator === 'div' || operator === 'divby' ? { $trunc: [value] } : value
    },
    { bound: Math.min(bound, 2 ** 63) },
  )
  if (small || bound < 2 ** 63) return result
  return guarded(result, scope, (value) => ({ $and: [{ $gte: [value, int64.least] }, { $lte: [value, int64.most] }] }))
}

function boundOf(operator: ArithmeticOperator, a: number, b: number): number {
  if (operator === 'mul') return a * b
  if (operator === 'add' || operator === 'sub') return a + b
  return operator === 'mod' ? Math.min(a, b) : a
}

/** A divisor that is not 0: a constant 0 makes the request fail, or gives an infinity that is left to `eval/`; one in a row gives null. */
function checkedDivisor(
  expression: BinaryExpression,
  operator: ArithmeticOperator,
  divisor: Term,
  scope: TermScope,
): Term | undefined {
  const constant = constantOf(expression.right, scope.context)
  const [leftType, rightType] = [originalType(expression.left), originalType(expression.right)]
  if (constant === undefined) {
    if (divisor.kind === 'double' && operator !== 'mod') return undefined
    if (divisor.kind === 'double' || mayBeInfinite(operator, leftType, rightType)) return undefined
    return guarded(divisor, scope, (value) => ({ $ne: [value, 0] }))
  }
  return {
    ...divisor,
    parts: (placement) => {
      const value = constant(placement)
      if (dividesByZero(operator, leftType, rightType, expression.type, value))
        throw new ODataError('literalInvalid', `The right operand of '${operator}' must not be 0.`)
      const parts = divisor.parts(placement)
      if (Number(value) === 0) placement.exact = false
      return parts
    },
  }
}

function mayBeInfinite(
  operator: ArithmeticOperator,
  left: TypeReference | undefined,
  right: TypeReference | undefined,
): boolean {
  const integral = (type: TypeReference | undefined) => kindOfType(type)?.kind === 'integer'
  return left?.facets.scale === 'floating' || (operator === 'divby' && (integral(left) || integral(right)))
}

/** The type before an implicit promotion. */
function originalType(expression: Expression): TypeReference | undefined {
  return expression.kind === 'convert' && !expression.explicit ? expression.operand.type : expression.type
}

/** A number as its operation takes it; undefined where the promotion is not exactly that of `eval/`. */
export function inSpace(term: Term, kind: 'integer' | 'double' | 'decimal'): Term | undefined {
  if (term.kind === kind) return term
  if (term.kind !== 'integer') return undefined
  return applied([term], kind, ([value]) => ({ [kind === 'double' ? '$toDouble' : '$toDecimal']: value }))
}

/** Promotions and casts that change no value and refuse none. */
export function convertTerm({ operand, target }: ConvertExpression, term: Term): Term | undefined {
  const known = kindOfType(target)
  const { precision, scale, maxLength } = target.facets
  if (known === undefined || target.collection || maxLength !== undefined || precision !== undefined) return undefined
  const source = operand.type === undefined ? undefined : primitiveOf(operand.type.type)?.name
  if (source === undefined) return undefined
  if (known.kind === 'integer')
    return term.kind === 'integer' && (term.bound < known.bound || source === primitiveOf(target.type)?.name)
      ? term
      : undefined
  if (known.kind === 'double')
    return term.kind === 'single' || term.kind === 'double' ? { ...term, kind: 'double' } : inSpace(term, 'double')
  if (known.kind === 'decimal') return typeof scale === 'number' ? undefined : inSpace(term, 'decimal')
  return term.kind === known.kind && (known.kind === 'text' || known.kind === 'boolean') ? term : undefined
}
