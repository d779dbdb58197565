import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Expression } from '../../../src/bind/tree.ts'
import type { PrimitiveTypeName } from '../../../src/edm/model.ts'
import type { Value } from '../../../src/edm/value.ts'
import { binary, evaluate, lit, literal, type Members, negate, nothing, promote, prop, ref, value } from './things.ts'

type Operator = Parameters<typeof binary>[0]
const compute = (
  operator: Operator,
  type: PrimitiveTypeName,
  left: Expression,
  right: Expression,
  members: Members = {},
): Value => evaluate(binary(operator, left, right, ref(type)), members)
const text = (result: Value): string => String(result)

describe('numbers (U 5.1.1.2)', () => {
  it('null operands give null', () => {
    for (const operator of ['add', 'sub', 'mul', 'div', 'divby', 'mod'] as const) {
      expect(compute(operator, 'Edm.Int32', prop('i'), literal('Edm.Int32', 2))).toBe(null)
      expect(compute(operator, 'Edm.Int32', literal('Edm.Int32', 2), nothing)).toBe(null)
    }
    expect(evaluate(negate(prop('i')))).toBe(null)
  })

  it('div on integers truncates towards zero, divby does not', () => {
    const quotient = (i: number, j: number) => compute('div', 'Edm.Int32', prop('i'), prop('j'), { i, j })
    expect([quotient(7, 2), quotient(-7, 2), quotient(7, -2)]).toEqual([3, -3, -3])
    expect(Object.is(quotient(-1, 2), 0)).toBe(true)
    const exact = compute(
      'divby',
      'Edm.Decimal',
      promote(prop('i'), 'Edm.Decimal'),
      promote(prop('j'), 'Edm.Decimal'),
      {
        i: 5,
        j: 2,
      },
    )
    expect(text(exact)).toBe('2.5')
  })

  it('mod has the sign of the left operand', () => {
    const rest = (i: number, j: number) => compute('mod', 'Edm.Int32', prop('i'), prop('j'), { i, j })
    expect([rest(7, 3), rest(-7, 3), rest(7, -3)]).toEqual([1, -1, 1])
    expect(compute('mod', 'Edm.Double', prop('d'), literal('Edm.Double', 2), { d: 5.5 })).toBe(1.5)
  })

  it('a divisor of 0 from the data: null, or infinite where the standard says so', () => {
    expect(compute('div', 'Edm.Int32', prop('i'), prop('j'), { i: 1, j: 0 })).toBe(null)
    expect(compute('mod', 'Edm.Int32', prop('i'), prop('j'), { i: 1, j: 0 })).toBe(null)
    expect(compute('mod', 'Edm.Double', prop('d'), prop('e'), { d: 1, e: 0 })).toBe(null)
    expect(compute('div', 'Edm.Double', prop('d'), prop('e'), { d: -1, e: 0 })).toBe(Number.NEGATIVE_INFINITY)
    expect(compute('div', 'Edm.Double', prop('d'), prop('e'), { d: 0, e: 0 })).toBe(Number.NaN)
    const zero = { m: value('Edm.Decimal', '1'), n: value('Edm.Decimal', '0') }
    expect(compute('div', 'Edm.Decimal', prop('m'), prop('n'), zero)).toBe(null)
    const both = [promote(prop('i'), 'Edm.Decimal'), promote(prop('j'), 'Edm.Decimal')] as const
    expect(text(compute('divby', 'Edm.Decimal', ...both, { i: -1, j: 0 }))).toBe('-INF')
    expect(text(compute('divby', 'Edm.Decimal', ...both, { i: 0, j: 0 }))).toBe('NaN')
  })

  it('Int64 and Decimal never pass through doubles', () => {
    const l = 9_007_199_254_740_993n
    expect(compute('add', 'Edm.Int64', prop('l'), literal('Edm.Int64', 2n), { l })).toBe(9_007_199_254_740_995n)
    expect(compute('add', 'Edm.Int64', promote(prop('i'), 'Edm.Int64'), prop('l'), { i: 1, l })).toBe(l + 1n)
    const sum = compute('add', 'Edm.Decimal', prop('m'), prop('n'), {
      m: value('Edm.Decimal', '0.1'),
      n: value('Edm.Decimal', '0.2'),
    })
    expect(text(sum)).toBe('0.3')
    const third = compute('div', 'Edm.Decimal', prop('m'), lit('Edm.Decimal', '3'), { m: value('Edm.Decimal', '1') })
    expect(text(third)).toBe(`0.${'3'.repeat(34)}`)
  })

  it('Int32 results may leave Int32, not Int64', () => {
    const max = { i: 2_147_483_647, j: 2_147_483_647, l: 9_223_372_036_854_775_807n }
    expect(compute('add', 'Edm.Int32', prop('i'), prop('j'), max)).toBe(4_294_967_294)
    expect(compute('mul', 'Edm.Int32', prop('i'), prop('j'), max)).toBe(4_611_686_014_132_420_609n)
    expect(compute('add', 'Edm.Int64', prop('l'), prop('l'), max)).toBe(null)
    expect(evaluate(negate(prop('l')), { l: -9_223_372_036_854_775_808n })).toBe(null)
  })

  it('Single is calculated in float32', () => {
    const f = Math.fround(0.1)
    expect(compute('add', 'Edm.Single', prop('f'), prop('f'), { f })).toBe(Math.fround(f + f))
  })

  it('integers agree with bigint arithmetic for all pairs', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (a, b) => {
        const [l, r] = [BigInt(a), BigInt(b)]
        const of = (operator: Operator) => compute(operator, 'Edm.Int64', literal('Edm.Int64', l), prop('l'), { l: r })
        expect(of('add')).toBe(l + r)
        expect(of('sub')).toBe(l - r)
        const product = l * r
        expect(of('mul')).toBe(BigInt.asIntN(64, product) === product ? product : null)
        expect(of('div')).toBe(r === 0n ? null : l / r)
        expect(of('mod')).toBe(r === 0n ? null : l % r)
      }),
    )
  })
})

describe('dates and durations (U 5.1.1.2.1)', () => {
  const dt = value('Edm.DateTimeOffset', '2020-02-28T23:00:00.5+02:00')
  const hour = lit('Edm.Duration', 'PT1H')

  it('DateTimeOffset and Duration', () => {
    expect(compute('add', 'Edm.DateTimeOffset', prop('dt'), hour, { dt })).toEqual(
      value('Edm.DateTimeOffset', '2020-02-29T00:00:00.5+02:00'),
    )
    expect(compute('sub', 'Edm.DateTimeOffset', prop('dt'), hour, { dt })).toEqual(
      value('Edm.DateTimeOffset', '2020-02-28T22:00:00.5+02:00'),
    )
    const earlier = lit('Edm.DateTimeOffset', '2020-02-28T21:00:00Z')
    expect(compute('sub', 'Edm.Duration', prop('dt'), earlier, { dt })).toEqual(value('Edm.Duration', 'PT0.5S'))
  })

  it('outside the years 1 to 9999 is null', () => {
    const last = value('Edm.DateTimeOffset', '9999-12-31T23:59:59Z')
    expect(compute('add', 'Edm.DateTimeOffset', prop('dt'), hour, { dt: last })).toBe(null)
    expect(compute('add', 'Edm.Date', prop('date'), lit('Edm.Duration', 'P9999999D'), { date: '2020-01-01' })).toBe(
      null,
    )
  })

  it('Date: part of a day after is the same day, part of a day before is the day before', () => {
    const of = (operator: 'add' | 'sub', span: string) =>
      compute(operator, 'Edm.Date', prop('date'), lit('Edm.Duration', span), { date: '2020-03-01' })
    expect([
      of('add', 'PT23H'),
      of('sub', 'PT1H'),
      of('sub', 'P1D'),
      of('add', '-PT1H'),
      of('add', 'P30DT24H'),
    ]).toEqual(['2020-03-01', '2020-02-29', '2020-02-29', '2020-02-29', '2020-04-01'])
    expect(compute('sub', 'Edm.Duration', prop('date'), lit('Edm.Date', '2020-02-28'), { date: '2020-03-01' })).toEqual(
      value('Edm.Duration', 'P2D'),
    )
  })

  it('Duration with Duration and with numbers', () => {
    const dur = value('Edm.Duration', 'PT10S')
    const of = (operator: Operator, right: Expression) => compute(operator, 'Edm.Duration', prop('dur'), right, { dur })
    expect(of('add', lit('Edm.Duration', 'PT5S'))).toEqual(value('Edm.Duration', 'PT15S'))
    expect(of('sub', lit('Edm.Duration', 'PT15S'))).toEqual(value('Edm.Duration', '-PT5S'))
    expect(of('mul', literal('Edm.Double', 1.5))).toEqual(value('Edm.Duration', 'PT15S'))
    expect(of('div', literal('Edm.Int32', 4))).toEqual(value('Edm.Duration', 'PT2.5S'))
    expect(of('div', prop('i'))).toBe(null)
    expect(of('mul', literal('Edm.Double', Number.NaN))).toBe(null)
    expect(of('mul', literal('Edm.Double', 1e300))).toBe(null)
    expect(compute('mul', 'Edm.Duration', literal('Edm.Int32', 2), prop('dur'), { dur })).toEqual(
      value('Edm.Duration', 'PT20S'),
    )
    expect(evaluate(negate(prop('dur')), { dur })).toEqual(value('Edm.Duration', '-PT10S'))
  })
})
