import { Decimal128 } from 'bson'
import type { CallExpression, CanonicalFunctionName } from '../../../bind/tree.ts'
import { isNumericValue } from '../../../eval/values.ts'
import { constantOf } from '../constant.ts'
import { instantMember } from './member.ts'
import { applied, type Instant, inexact, named, present, type Term, type TermScope } from './term.ts'

/** Canonical functions (URL Conventions 5.1.1.5 to 5.1.1.11) that MongoDB calculates exactly. */

/** @param termOf compiles an argument */
export function callTerm(
  expression: CallExpression,
  scope: TermScope,
  termOf: (index: number) => Term | undefined,
): Term | undefined {
  const name = expression.function
  const instant = expression.arguments[0] && instantMember(expression.arguments[0], scope)
  if (instant !== undefined) return instantFunction(name, instant)
  const a = termOf(0)
  if (a === undefined) return undefined
  switch (name) {
    case 'contains':
    case 'startswith':
    case 'endswith':
    case 'indexof':
    case 'concat':
      return ofTwoTexts(name, a, termOf(1), scope)
    case 'length':
      return a.kind === 'text' ? integer([a], ([text]) => ({ $strLenCP: text })) : undefined
    case 'substring':
      return a.kind === 'text' ? substringTerm(expression, a, scope) : undefined
    case 'trim':
      return a.kind === 'text'
        ? applied([a], 'text', ([text]) => ({ $trim: { input: text, chars: whiteSpace } }))
        : undefined
    case 'tolower':
    case 'toupper':
      return a.kind === 'text' ? caseTerm(name, a, scope) : undefined
    case 'year':
      return a.kind === 'date' ? slice(a, 0, 4) : undefined
    case 'month':
      return a.kind === 'date' ? slice(a, 5, 2) : undefined
    case 'day':
      return a.kind === 'date' ? slice(a, 8, 2) : undefined
    case 'hour':
      return a.kind === 'time' ? slice(a, 0, 2) : undefined
    case 'minute':
      return a.kind === 'time' ? slice(a, 3, 2) : undefined
    case 'second':
      return a.kind === 'time' ? slice(a, 6, 2) : undefined
    case 'fractionalseconds':
      return a.kind === 'time' ? fractionOfTime(a) : undefined
    case 'totalseconds':
      if (a.kind !== 'duration') return undefined
      return applied(
        [a],
        'decimal',
        ([ticks]) => ({ $multiply: [{ $toDecimal: ticks }, Decimal128.fromString('1E-7')] }),
        { nan: false },
      )
    case 'ceiling':
    case 'floor':
    case 'round':
      return roundingTerm(name, a, scope)
    default:
      return undefined
  }
}

function integer(terms: readonly Term[], apply: (values: readonly unknown[]) => unknown): Term {
  return applied(terms, 'integer', apply, { bound: 2 ** 31, nan: false })
}

/** Unicode property White_Space, as `eval/text.ts` has it. */
const whiteSpace = {
  $literal:
    '\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
}

/** Positions and lengths count characters, not bytes or UTF-16 units. */
function ofTwoTexts(
  name: CanonicalFunctionName,
  a: Term,
  second: Term | undefined,
  scope: TermScope,
): Term | undefined {
  if (a.kind !== 'text' || second?.kind !== 'text') return undefined
  switch (name) {
    case 'concat':
      return applied([a, second], 'text', (values) => ({ $concat: values }))
    case 'indexof':
      return integer([a, second], (values) => ({ $indexOfCP: values }))
    case 'contains':
      return applied([a, second], 'boolean', (values) => ({ $gte: [{ $indexOfCP: values }, 0] }), { nan: false })
    case 'startswith':
      return applied([a, second], 'boolean', (values) => ({ $eq: [{ $indexOfCP: values }, 0] }), { nan: false })
    default: {
      const [text, end] = [named(a, scope), named(second, scope)]
      return applied(
        [text, end],
        'boolean',
        ([x, y]) => {
          const length = { $strLenCP: y }
          const start = { $max: [{ $subtract: [{ $strLenCP: x }, length] }, 0] }
          return { $eq: [{ $substrCP: [x, start, length] }, y] }
        },
        { nan: false },
      )
    }
  }
}

const farthest = 2 ** 31 - 1

/** With constant positions; a negative length makes the request fail where `eval/` prepares the rest. */
function substringTerm(expression: CallExpression, text: Term, scope: TermScope): Term | undefined {
  const [, from, count] = expression.arguments
  const start = from && constantOf(from, scope.context)
  const length = count && constantOf(count, scope.context)
  if (start === undefined || (count !== undefined && length === undefined)) return undefined
  const several = named(text, scope)
  return {
    kind: 'text',
    bound: Number.POSITIVE_INFINITY,
    parts: (placement) => {
      const at = start(placement)
      const most = length?.(placement)
      if (!isWhole(at) || (length !== undefined && !isWhole(most ?? null)) || Number(most ?? 0) < 0)
        return inexact(placement)
      const parts = several.parts(placement)
      if (parts.test === false) return parts
      const characters = most === undefined || most === null ? farthest : Math.min(Number(most), farthest)
      const position = Math.min(Number(at), farthest)
      const first =
        position >= 0 ? position : { $max: [{ $add: [{ $strLenCP: parts.value }, Math.max(position, -farthest)] }, 0] }
      return { ...parts, value: { $substrCP: [parts.value, first, characters] } }
    },
  }
}

function isWhole(value: Parameters<typeof isNumericValue>[0]): boolean {
  return value !== null && isNumericValue(value) && Number.isInteger(Number(String(value)))
}

/** The server changes the case of ASCII letters only: rows with other characters are tested by `eval/` besides. */
function caseTerm(name: 'tolower' | 'toupper', text: Term, scope: TermScope): Term | undefined {
  if (scope.doubts === undefined) return undefined
  const { doubts } = scope
  doubts.push((placement) => {
    const { lets, test, value } = text.parts(placement)
    if (test === false) return false
    const other = { $regexMatch: { input: value, regex: '[^\\x00-\\x7f]' } }
    const inner = test === undefined ? other : { $cond: [test, other, false] }
    return lets.reduceRight<unknown>((body, [one, bound]) => ({ $let: { vars: { [one]: bound }, in: body } }), inner)
  })
  return applied([text], 'text', ([value]) => ({ [name === 'tolower' ? '$toLower' : '$toUpper']: value }))
}

/** Digits of a text that is a date or a time; what is stored there and is none gives no error, and null. */
function slice(text: Term, from: number, count: number): Term {
  return integer([text], ([value]) => ({
    $convert: { input: { $substrBytes: [value, from, count] }, to: 'int', onError: null },
  }))
}

function fractionOfTime(text: Term): Term {
  return applied(
    [text],
    'decimal',
    ([value]) => ({
      $convert: { input: { $concat: ['0', { $substrCP: [value, 8, 13] }] }, to: 'decimal', onError: null },
    }),
    { nan: false },
  )
}

/** Parts of an instant are those of its own offset. */
function instantFunction(name: CanonicalFunctionName, instant: Instant): Term | undefined {
  const { test, date, sub, offset } = instant
  const local = { $add: [date, { $multiply: [offset, 60_000] }] }
  const term = (kind: Term['kind'], value: unknown): Term => ({
    kind,
    bound: 2 ** 31,
    parts: () => ({ ...present(value), test }),
  })
  switch (name) {
    case 'year':
      return term('integer', { $year: local })
    case 'month':
      return term('integer', { $month: local })
    case 'day':
      return term('integer', { $dayOfMonth: local })
    case 'hour':
      return term('integer', { $hour: local })
    case 'minute':
      return term('integer', { $minute: local })
    case 'second':
      return term('integer', { $second: local })
    case 'fractionalseconds':
      return term('decimal', {
        $add: [
          { $multiply: [{ $toDecimal: { $millisecond: date } }, Decimal128.fromString('1E-3')] },
          { $multiply: [{ $toDecimal: sub }, Decimal128.fromString('1E-12')] },
        ],
      })
    case 'totaloffsetminutes':
      return term('integer', offset)
    case 'date':
      return term('date', { $dateToString: { date: local, format: '%Y-%m-%d' } })
    case 'time': {
      // 12 digits without the zeros at their end
      const digits = { $substrBytes: [{ $toString: { $add: [1_000_000_000, sub] } }, 1, 9] }
      const clock = { $concat: [{ $dateToString: { date: local, format: '%H:%M:%S.%L' } }, digits] }
      return term('time', { $rtrim: { input: { $rtrim: { input: clock, chars: '0' } }, chars: '.' } })
    }
    default:
      return undefined
  }
}

/** `$round` rounds halves to even; the standard away from zero. decimal128 from 1E33 on has no fraction, and the server fails to cut it. */
function roundingTerm(name: 'ceiling' | 'floor' | 'round', operand: Term, scope: TermScope): Term | undefined {
  if (operand.kind === 'integer') return operand
  if (operand.kind !== 'double' && operand.kind !== 'decimal') return undefined
  const term = named(operand, scope)
  return applied([term], operand.kind, ([x]) => {
    const value = name === 'round' ? halvesAway(x) : { [name === 'ceiling' ? '$ceil' : '$floor']: x }
    if (operand.kind === 'double') return value
    return { $cond: [{ $gte: [{ $abs: x }, Decimal128.fromString('1E33')] }, x, value] }
  })
}

function halvesAway(x: unknown): unknown {
  const cut = { $trunc: [x] }
  const away = { $cond: [{ $gt: [x, 0] }, 1, -1] }
  return { $add: [cut, { $cond: [{ $gte: [{ $abs: { $subtract: [x, cut] } }, 0.5] }, away, 0] }] }
}
