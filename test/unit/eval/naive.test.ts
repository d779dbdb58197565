import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CanonicalFunctionName, Expression } from '../../../src/bind/tree.ts'
import { Decimal } from '../../../src/edm/decimal.ts'
import type { PrimitiveTypeName } from '../../../src/edm/model.ts'
import type { Value } from '../../../src/edm/value.ts'
import { preparePredicate } from '../../../src/eval/compile.ts'
import { naive } from './naive.ts'
import {
  binary,
  bound,
  call,
  context,
  isIn,
  literal,
  type Members,
  no,
  not,
  nothing,
  prop,
  ref,
  row,
  show,
  showMembers,
  yes,
} from './things.ts'

/** Few letters, so that texts meet: ASCII, two bytes, above the surrogates, an emoji. */
const letters = fc.constantFrom('a', 'b', 'A', 'ä', '\uff5e', '😀', ' ')
const texts = fc.array(letters, { maxLength: 4 }).map((parts) => parts.join(''))
const ints = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(2_147_483_647, -2_147_483_648, 65_536))
const longs = fc.oneof(
  fc.bigInt({ min: -3n, max: 3n }),
  fc.constantFrom(9_007_199_254_740_992n, 9_007_199_254_740_993n, -9_223_372_036_854_775_808n, 4_294_967_296n),
)
const doubles = fc.oneof(
  fc.integer({ min: -6, max: 6 }).map((n) => n / 2),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1e300),
)
const decimals = fc.integer({ min: -12, max: 12 }).map((n) => Decimal.fromNumber(n / 4))
const instants = fc.record({
  kind: fc.constant('dateTimeOffset' as const),
  ms: fc.integer({ min: -2, max: 2 }),
  sub: fc.constantFrom(0, 1, 700_000, 999_999_999),
  offset: fc.constantFrom(0, -480, 330),
  digits: fc.constantFrom(12),
})

const fields: Readonly<Record<string, readonly [PrimitiveTypeName, fc.Arbitrary<Value>]>> = {
  s: ['Edm.String', texts],
  t: ['Edm.String', texts],
  i: ['Edm.Int32', ints],
  j: ['Edm.Int32', ints],
  l: ['Edm.Int64', longs],
  d: ['Edm.Double', doubles],
  e: ['Edm.Double', doubles],
  m: ['Edm.Decimal', decimals],
  n: ['Edm.Decimal', decimals],
  b: ['Edm.Boolean', fc.boolean()],
  c: ['Edm.Boolean', fc.boolean()],
  dt: ['Edm.DateTimeOffset', instants],
}

const rows: fc.Arbitrary<Members> = fc.record(
  Object.fromEntries(Object.entries(fields).map(([name, [, values]]) => [name, fc.option(values, { freq: 4 })])),
)

const leaf = (...names: string[]): fc.Arbitrary<Expression> =>
  fc.constantFrom(...names).chain((name): fc.Arbitrary<Expression> => {
    const [type, values] = fields[name]!
    return fc.oneof(
      { weight: 2, arbitrary: fc.constant(null).map(() => prop(name)) },
      { weight: 2, arbitrary: values.map((value) => literal(type, value)) },
      { weight: 1, arbitrary: fc.constant(nothing) },
    )
  })

const functionOf = (name: CanonicalFunctionName, ...args: fc.Arbitrary<Expression>[]) =>
  fc.tuple(...args).map((operands) => call(name, ...operands))

const { bool } = fc.letrec<{ text: Expression; int: Expression; double: Expression; bool: Expression }>((tie) => {
  const pair = (operand: fc.Arbitrary<Expression>) =>
    fc
      .tuple(fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le'), operand, operand)
      .map(([operator, a, b]) => binary(operator as 'eq', a, b))
  const membership = (operand: fc.Arbitrary<Expression>, item: fc.Arbitrary<Expression>) =>
    fc.tuple(operand, fc.array(item, { minLength: 1, maxLength: 12 })).map(([a, items]) => isIn(a, ...items))
  return {
    text: fc.oneof(
      { maxDepth: 3 },
      leaf('s', 't'),
      functionOf('tolower', tie('text')),
      functionOf('concat', tie('text'), tie('text')),
      functionOf(
        'substring',
        tie('text'),
        fc.nat(3).map((n) => literal('Edm.Int32', n)),
      ),
    ),
    int: fc.oneof(
      { maxDepth: 3 },
      leaf('i', 'j', 'l'),
      functionOf('length', tie('text')),
      functionOf('indexof', tie('text'), tie('text')),
      fc
        .tuple(fc.constantFrom('add', 'sub', 'mul'), tie('int'), tie('int'))
        .map(([operator, a, b]) => binary(operator as 'add', a, b, ref('Edm.Int64'))),
      // a constant divisor of 0 is refused while binding: here only those of the row
      fc
        .tuple(fc.constantFrom('div', 'mod'), tie('int'), fc.constantFrom('i', 'j', 'l'))
        .map(([operator, a, name]) => binary(operator as 'div', a, prop(name), ref('Edm.Int64'))),
    ),
    double: fc.oneof(
      { maxDepth: 3 },
      leaf('d', 'e'),
      fc
        .tuple(fc.constantFrom('add', 'sub', 'mul', 'div'), tie('double'), tie('double'))
        .map(([operator, a, b]) => binary(operator as 'add', a, b, ref('Edm.Double'))),
    ),
    bool: fc.oneof(
      { maxDepth: 4 },
      pair(leaf('s', 't')),
      pair(leaf('i', 'j')),
      pair(leaf('l')),
      pair(leaf('d', 'e')),
      pair(leaf('m', 'n')),
      pair(leaf('dt')),
      pair(leaf('b', 'c')),
      pair(tie('text')),
      pair(tie('int')),
      pair(tie('double')),
      // numbers of different types meet without a promotion
      pair(leaf('i', 'l', 'd', 'm')),
      membership(leaf('s', 't'), leaf('s')),
      membership(tie('int'), leaf('i', 'l')),
      functionOf('contains', tie('text'), leaf('s', 't')),
      functionOf('startswith', tie('text'), leaf('s', 't')),
      functionOf('endswith', tie('text'), leaf('s', 't')),
      leaf('b', 'c'),
      fc.constantFrom(yes, no),
      tie('bool').map(not),
      fc.tuple(fc.constantFrom('and', 'or'), tie('bool'), tie('bool')).map(([o, a, b]) => binary(o as 'and', a, b)),
    ),
  }
})

describe('compiled closures and the naive interpreter', () => {
  it('agree on random filters over random rows, fast forms and plain ones', () => {
    let trueOnes = 0
    let total = 0
    const result = fc.check(
      fc.property(bool, fc.array(rows, { minLength: 1, maxLength: 6 }), (expression, samples) => {
        const test = preparePredicate(expression, context)(bound())
        for (const members of samples) {
          const expected = naive(expression, members) === true
          total++
          if (expected) trueOnes++
          if (test(row(members)) !== expected) return false
        }
        return true
      }),
      { numRuns: 3000 },
    )
    const [expression, samples] = result.counterexample ?? []
    // fast-check's own report would print the whole model
    if (expression !== undefined)
      throw new Error(`seed ${result.seed}: ${show(expression)} over ${String(samples?.map(showMembers))}`)
    expect(result.failed).toBe(false)
    // the rows must tell filters apart
    expect(trueOnes / total).toBeGreaterThan(0.2)
    expect(trueOnes / total).toBeLessThan(0.8)
  })
})
