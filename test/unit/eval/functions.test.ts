import { describe, expect, it } from 'vitest'
import type { Expression } from '../../../src/bind/tree.ts'
import type { PrimitiveTypeName } from '../../../src/edm/model.ts'
import type { Value } from '../../../src/edm/value.ts'
import { call, double, evaluate, int, lit, literal, nothing, prop, ref, str, value } from './things.ts'

const items = (...numbers: number[]) => literal(ref('Edm.Int32', true), numbers)
/** The string stands in the row, the rest are literals: the fast forms and the plain ones both run. */
const onText = (name: Parameters<typeof call>[0], s: string | null, ...rest: Expression[]): Value[] => [
  evaluate(call(name, prop('s'), ...rest), { s }),
  evaluate(call(name, s === null ? nothing : str(s), ...rest)),
]
const both = (result: Value): Value[] => [result, result]
const printed = (result: Value): string => String(result)

describe('string functions (U 5.1.1.5, 5.1.1.7)', () => {
  it('concat', () => {
    expect(onText('concat', 'a', str('b'))).toEqual(both('ab'))
    expect(evaluate(call('concat', prop('nums'), items(3)), { nums: [1, 2] })).toEqual([1, 2, 3])
  })

  it('contains, startswith, endswith on the bytes', () => {
    expect(onText('contains', 'Zürich', str('ür'))).toEqual(both(true))
    expect(onText('contains', 'Zürich', str('UR'))).toEqual(both(false))
    expect(onText('contains', 'x', str(''))).toEqual(both(true))
    expect(onText('contains', 'x', str('xx'))).toEqual(both(false))
    expect(onText('contains', `${'a'.repeat(5000)}b`, str(`${'a'.repeat(40)}b`))).toEqual(both(true))
    expect(onText('contains', 'aaab', str('aab'))).toEqual(both(true))
    expect(onText('startswith', 'Zürich', str('Zü'))).toEqual(both(true))
    expect(onText('startswith', 'Z', str('Zü'))).toEqual(both(false))
    expect(onText('endswith', 'Zürich', str('ürich'))).toEqual(both(true))
    expect(onText('endswith', 'h', str('ch'))).toEqual(both(false))
  })

  it('null arguments give null, a missing property too', () => {
    for (const name of ['contains', 'startswith', 'endswith', 'indexof', 'concat'] as const) {
      expect(onText(name, null, str('x'))).toEqual(both(null))
      expect(onText(name, 'x', nothing)).toEqual(both(null))
    }
    for (const name of ['length', 'tolower', 'toupper', 'trim'] as const) expect(onText(name, null)).toEqual(both(null))
  })

  it('length, indexof and substring count characters, not UTF-16 units', () => {
    expect(onText('length', 'a😀b')).toEqual(both(3))
    expect(onText('indexof', 'a😀b', str('b'))).toEqual(both(2))
    expect(onText('indexof', 'abc', str('x'))).toEqual(both(-1))
    expect(onText('indexof', 'abc', str(''))).toEqual(both(0))
    expect(onText('substring', 'a😀b', int(1))).toEqual(both('😀b'))
    expect(onText('substring', 'a😀b', int(1), int(1))).toEqual(both('😀'))
  })

  it('substring: past the end, from the end, negative length', () => {
    expect(onText('substring', 'abc', int(7))).toEqual(both(''))
    expect(onText('substring', 'abc', int(1), int(99))).toEqual(both('bc'))
    expect(onText('substring', 'abc', int(-2))).toEqual(both('bc'))
    expect(onText('substring', 'abc', int(-9), int(1))).toEqual(both('a'))
    expect(() => onText('substring', 'abc', int(0), int(-1))).toThrow(/negative/)
    expect(evaluate(call('substring', str('abc'), int(0), prop('i')), { i: -1 })).toBe(null)
    expect(evaluate(call('substring', prop('nums'), int(1), int(1)), { nums: [1, 2, 3] })).toEqual([2])
  })

  it('tolower and toupper beyond ASCII, where MongoDB stops', () => {
    expect(onText('tolower', 'ÄÖÜ Ω')).toEqual(both('äöü ω'))
    expect(onText('toupper', 'straße é')).toEqual(both('STRASSE É'))
  })

  it('trim takes all Unicode white space and only that', () => {
    expect(onText('trim', '\u2003\t x\u0085\u00a0')).toEqual(both('x'))
    expect(onText('trim', '\ufeffx')).toEqual(both('\ufeffx'))
    expect(onText('trim', ' \n ')).toEqual(both(''))
  })
})

describe('collection functions (U 5.1.1.5, 5.1.1.6)', () => {
  const ask = (name: Parameters<typeof call>[0], a: number[], b: number[]): Value =>
    evaluate(call(name, prop('nums'), items(...b)), { nums: a })

  it('hassubset and hassubsequence: the examples of the specification', () => {
    expect(
      [
        [4, 1, 3],
        [1, 3, 4],
        [3, 1],
        [4, 3],
      ].map((part) => ask('hassubset', [4, 1, 3], part)),
    ).toEqual([true, true, true, true])
    expect(ask('hassubset', [4, 1, 3, 1], [1, 1])).toBe(true)
    expect(ask('hassubset', [1, 2], [1, 1, 2])).toBe(false)
    expect(
      [
        [4, 1, 3],
        [4, 1],
        [4, 3],
        [1, 3, 4],
        [3, 1],
      ].map((part) => ask('hassubsequence', [4, 1, 3], part)),
    ).toEqual([true, true, true, false, false])
    expect(ask('hassubsequence', [4, 1, 3, 1], [1, 1])).toBe(true)
    expect(ask('hassubsequence', [1, 2], [1, 1, 2])).toBe(false)
  })

  it('contains, startswith, endswith, indexof, length of collections', () => {
    expect(ask('contains', [1, 1, 2, 1, 3], [1, 2, 1])).toBe(true)
    expect(ask('contains', [1, 2, 3], [1, 3])).toBe(false)
    expect(ask('indexof', [1, 1, 1, 2], [1, 1, 2])).toBe(1)
    expect(ask('indexof', [1], [2])).toBe(-1)
    expect(ask('startswith', [1, 2], [1])).toBe(true)
    expect(ask('endswith', [1, 2], [2])).toBe(true)
    expect(ask('endswith', [2], [1, 2])).toBe(false)
    expect(evaluate(call('length', prop('nums')), { nums: [1, 2] })).toBe(2)
    expect(evaluate(call('length', prop('nums')))).toBe(0)
  })
})

describe('date and time functions (U 5.1.1.8)', () => {
  const dt = value('Edm.DateTimeOffset', '2017-01-01T00:03:18.9597073-08:00')
  const of = (name: Parameters<typeof call>[0], property = 'dt', members: Record<string, Value> = { dt }): Value =>
    evaluate(call(name, prop(property)), members)

  it("parts in the value's own offset, not UTC", () => {
    expect((['year', 'month', 'day', 'hour', 'minute', 'second'] as const).map((name) => of(name))).toEqual([
      2017, 1, 1, 0, 3, 18,
    ])
    expect(of('date')).toBe('2017-01-01')
    expect(of('time')).toBe('00:03:18.9597073')
    expect(of('totaloffsetminutes')).toBe(-480)
    expect(printed(of('fractionalseconds'))).toBe('0.9597073')
    const before = value('Edm.DateTimeOffset', '1999-12-31T23:30:00+05:30')
    expect(['year', 'day', 'hour'].map((name) => of(name as 'year', 'dt', { dt: before }))).toEqual([1999, 31, 23])
  })

  it('of Date, TimeOfDay and Duration', () => {
    const members = { date: '2024-02-29', time: '23:59:58.25', dur: value('Edm.Duration', '-PT1.5S') }
    expect(of('day', 'date', members)).toBe(29)
    expect(of('year', 'date', members)).toBe(2024)
    expect(of('hour', 'time', members)).toBe(23)
    expect(of('second', 'time', members)).toBe(58)
    expect(printed(of('fractionalseconds', 'time', members))).toBe('0.25')
    expect(printed(of('totalseconds', 'dur', members))).toBe('-1.5')
    expect(of('year', 'date', {})).toBe(null)
  })

  it('mindatetime and maxdatetime enclose everything', () => {
    expect(evaluate(call('mindatetime'))).toEqual(value('Edm.DateTimeOffset', '0001-01-01T00:00:00Z'))
    expect(evaluate(call('maxdatetime'))).toEqual(value('Edm.DateTimeOffset', '9999-12-31T23:59:59.999999999999Z'))
  })
})

describe('arithmetic functions (U 5.1.1.9)', () => {
  it('round takes halves away from zero, ceiling and floor go their ways', () => {
    const doubles = (name: 'round' | 'floor' | 'ceiling', ...numbers: number[]) =>
      numbers.map((d) => evaluate(call(name, prop('d')), { d }))
    expect(doubles('round', 0.5, -0.5, 2.5, -2.5, 0.49999999999999994, 1e300, 4503599627370495.5)).toEqual([
      1, -1, 3, -3, 0, 1e300, 4503599627370496,
    ])
    expect(doubles('floor', 1.5, -1.5)).toEqual([1, -2])
    expect(doubles('ceiling', 1.5, -1.5)).toEqual([2, -1])
    const decimals = ['2.5', '-2.5', '2.4', '-0.5'].map((m) =>
      printed(evaluate(call('round', prop('m')), { m: value('Edm.Decimal', m) })),
    )
    expect(decimals).toEqual(['3', '-3', '2', '-1'])
    expect(evaluate(call('floor', prop('d')), { d: Number.NaN })).toBe(Number.NaN)
    expect(evaluate(call('round', double(Number.NEGATIVE_INFINITY)))).toBe(Number.NEGATIVE_INFINITY)
  })
})

describe('arguments of no fitting kind', () => {
  it('give null, never an error', () => {
    const odd: Expression[] = [int(1), str('x'), nothing, items(1), lit('Edm.Duration', 'PT1S'), double(Number.NaN)]
    const names = [
      ...(['concat', 'contains', 'indexof', 'substring', 'matchespattern', 'hassubset', 'hassubsequence'] as const),
      ...(['geo.distance', 'geo.intersects'] as const),
    ]
    for (const name of names)
      for (const a of odd)
        for (const b of odd) {
          const dynamic = { ...a } as Expression
          expect(() => evaluate(call(name, dynamic, b))).not.toThrow()
        }
    const types: PrimitiveTypeName[] = ['Edm.Int32', 'Edm.String', 'Edm.Date']
    for (const type of types) {
      const a = literal(type, type === 'Edm.Int32' ? 5 : 'odd')
      for (const name of ['year', 'hour', 'date', 'totalseconds', 'geo.length', 'fractionalseconds'] as const) {
        expect([name, type, evaluate(call(name, a))]).toEqual([name, type, null])
      }
    }
  })
})
