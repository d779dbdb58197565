import type { Expression } from '../../../bind/tree.ts'
import type { ComparisonOperator } from '../../../eval/comparison.ts'
import { instantConstant, instantMember } from './member.ts'
import {
  type Build,
  every,
  type Instant,
  isNumberKind,
  not,
  type Parts,
  type Term,
  type TermScope,
  whole,
  within,
} from './term.ts'

/**
 * Comparisons of two values (URL Conventions 5.1.1.1). Aggregation operators cross types, null is less than all, NaN equals NaN
 * and is less than all numbers: each is ruled out where it can be.
 */

const operators = { eq: '$eq', ne: '$ne', gt: '$gt', ge: '$gte', lt: '$lt', le: '$lte' } as const

/** Whether two values compare so; undefined where MongoDB does not compare them as `eval/` does. */
export function compareTerms(operator: ComparisonOperator, a: Term, b: Term): Build | undefined {
  if (!comparable(a, b)) return undefined
  return (placement) => comparison(operator, a.parts(placement), b.parts(placement))
}

function comparable(a: Term, b: Term): boolean {
  if (a.kind === 'null' || b.kind === 'null' || a.kind === b.kind) return true
  if (!isNumberKind(a.kind) || !isNumberKind(b.kind)) return false
  // a double with a fraction compares with a Decimal as doubles do, MongoDB compares the exact values
  return a.kind === 'integer' || b.kind === 'integer' || (a.kind !== 'decimal' && b.kind !== 'decimal')
}

export function comparison(operator: ComparisonOperator, a: Parts, b: Parts): unknown {
  const lets = [...a.lets, ...b.lets]
  if (operator === 'eq' || operator === 'ne') {
    const equal = within(lets, equality({ ...a, lets: [] }, { ...b, lets: [] }))
    return operator === 'eq' ? equal : not(equal)
  }
  const test = every(a.test, b.test)
  if (test === false) return false
  // what is above a number is none of NaN
  const number = notNaN(operator === 'gt' || operator === 'ge' ? b : a)
  return within(lets, every(test, number, { [operators[operator]]: [a.value, b.value] }))
}

function equality(a: Parts, b: Parts): unknown {
  if (a.test === false) return b.test === undefined ? false : b.test === false ? true : not(b.test)
  if (b.test === false) return equality(b, a)
  const nan = a.nan && b.nan ? notNaN(a) : undefined
  if (a.test === undefined) return every(b.test, nan, { $eq: [a.value, b.value] })
  if (b.test === undefined) return every(a.test, nan, { $eq: [a.value, b.value] })
  const same = { $eq: [whole(a), whole(b)] }
  return nan === undefined ? same : every(same, { $or: [not(a.test), nan] })
}

function notNaN({ nan, value }: Parts): unknown {
  return nan ? { $gte: [value, Number.NEGATIVE_INFINITY] } : undefined
}

/** Compares instants by the pair of date and picoseconds. */
export function compareInstants(
  operator: ComparisonOperator,
  left: Expression,
  right: Expression,
  scope: TermScope,
): Build | undefined {
  const a = instantOf(left, scope)
  const b = instantOf(right, scope)
  if (a === undefined || b === undefined) return undefined
  return (placement) => {
    const [x, y] = [a(placement), b(placement)]
    const test = every(x.test, y.test)
    const same = { $and: [{ $eq: [x.date, y.date] }, { $eq: [x.sub, y.sub] }] }
    if (operator === 'eq' || operator === 'ne') {
      const none = every(negated(x.test), negated(y.test))
      const equal = test === false ? none : none === false ? every(test, same) : { $or: [every(test, same), none] }
      return operator === 'eq' ? equal : not(equal)
    }
    if (test === false) return false
    const strict = operator === 'gt' || operator === 'ge' ? '$gt' : '$lt'
    const beyond = { [strict]: [x.date, y.date] }
    const below = { [operators[operator]]: [x.sub, y.sub] }
    return every(test, { $or: [beyond, { $and: [{ $eq: [x.date, y.date] }, below] }] })
  }
}

function negated(test: unknown): unknown {
  return test === undefined ? false : not(test)
}

function instantOf(
  expression: Expression,
  scope: TermScope,
): ((placement: Parameters<Build>[0]) => Instant) | undefined {
  const member = instantMember(expression, scope)
  return member === undefined ? instantConstant(expression, scope) : () => member
}
