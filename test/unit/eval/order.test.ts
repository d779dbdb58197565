import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OrderByItem } from '../../../src/bind/tree.ts'
import type { Value } from '../../../src/edm/value.ts'
import { compileOrder, prepareOrder } from '../../../src/eval/order.ts'
import { compareSortValues } from '../../../src/eval/sort-values.ts'
import { asc, bound, call, complex, context, desc, type Members, prop, rawRow, row, value } from './things.ts'

/** Ids of the rows in the order. */
function sorted(items: readonly OrderByItem[], rows: readonly Members[]): string {
  const order = prepareOrder([...items, asc(prop('id'))], context)(bound())
  return rows
    .map((members, i) => ({
      id: String.fromCharCode(97 + i),
      keyset: order.keyset(row({ id: String.fromCharCode(97 + i), ...members })),
    }))
    .sort((x, y) => order.compare(x.keyset, y.keyset))
    .map(({ id }) => id)
    .join('')
}

describe('$orderby', () => {
  it('null first ascending, then NaN, then the numbers; descending the reverse', () => {
    const rows = [1, Number.NEGATIVE_INFINITY, null, Number.NaN, Number.POSITIVE_INFINITY, -1].map((d) => ({ d }))
    expect(sorted([asc(prop('d'))], rows)).toBe('cdbfae')
    expect(sorted([desc(prop('d'))], rows)).toBe('eafbdc')
  })

  it('strings by code point', () => {
    expect(
      sorted(
        [asc(prop('s'))],
        ['\u{1f600}', '\uff5e', 'b', 'a', 'B', ''].map((s) => ({ s })),
      ),
    ).toBe('fedcba')
  })

  it('false before true; Guids by their text; binary by length, then bytes', () => {
    expect(sorted([asc(prop('b'))], [{ b: true }, { b: false }, {}])).toBe('cba')
    const guids = ['ff', '00', '0f'].map((start) => ({ g: `${start}234567-89ab-cdef-0123-456789abcdef` }))
    expect(sorted([asc(prop('g'))], guids)).toBe('bca')
    const binaries = [[2], [1, 1], [1], []].map((bytes) => ({ bin: new Uint8Array(bytes) }))
    expect(sorted([asc(prop('bin'))], binaries)).toBe('dcab')
  })

  it('instants to the last digit, whatever the offset', () => {
    const texts = [
      '2020-01-01T00:00:00.0000002Z',
      '2020-01-01T01:00:00.0000001+01:00',
      '2020-01-01T00:00:00Z',
      '1960-01-01T00:00:00.5Z',
    ]
    expect(
      sorted(
        [asc(prop('dt'))],
        texts.map((text) => ({ dt: value('Edm.DateTimeOffset', text) })),
      ),
    ).toBe('dcba')
  })

  it('Decimal with NaN and unequal scales, Int64, Duration, enumeration', () => {
    const decimals = ['1.10', 'NaN', '1.1', '-INF', '1.09'].map((text) => ({ m: value('Edm.Decimal', text) }))
    expect(sorted([asc(prop('m'))], decimals)).toBe('bdeac')
    expect(sorted([desc(prop('l'))], [{ l: 9_007_199_254_740_992n }, { l: 9_007_199_254_740_993n }, {}])).toBe('bac')
    expect(
      sorted(
        [asc(prop('dur'))],
        ['PT2S', 'PT1.5S', '-P1D'].map((text) => ({ dur: value('Edm.Duration', text) })),
      ),
    ).toBe('cba')
    expect(sorted([asc(prop('color'))], [{ color: 4n }, { color: 1n }])).toBe('ba')
  })

  it('several items, expressions, members of complex values', () => {
    const rows = [{ i: 1, s: 'bb' }, { i: 1, s: 'a' }, { i: 0, s: 'ccc' }, { s: 'dddd' }]
    expect(sorted([asc(prop('i')), desc(prop('s'))], rows)).toBe('dcab')
    expect(sorted([desc(call('length', prop('s')))], rows)).toBe('dcab')
    expect(
      sorted([asc(prop('address/zip'))], [{ address: complex({ zip: 2 }) }, { address: complex({ zip: 1 }) }, {}]),
    ).toBe('cba')
  })

  it('structured values and collections have no order', () => {
    const order = compileOrder([asc(prop('tags')), asc(prop('address'))], context)
    expect(order.keyset(row({ tags: ['a'], address: complex({}) }), [])).toEqual([null, null])
  })

  it('dynamic values of several kinds in the order of their BSON types', () => {
    const order = prepareOrder([asc(prop('?v'))], context)([])
    const keysets = [new Date(0), true, 'x', 5, null].map((v) => order.keyset(rawRow({ v })))
    expect([...keysets].sort(order.compare)).toEqual([...keysets].reverse())
  })

  it('is a total order over all sort values', () => {
    const values: fc.Arbitrary<Value> = fc.oneof(
      fc.constantFrom<Value>(null, true, false, Number.NaN, -0, 0, 1n, 2 ** 53, 2n ** 53n + 1n),
      fc.double(),
      fc.string({ unit: 'grapheme' }),
      fc.uint8Array({ maxLength: 3 }),
      fc.integer().map((n) => value('Edm.Decimal', `${n}.5`)),
      fc.constantFrom(
        value('Edm.Decimal', 'NaN'),
        value('Edm.Duration', 'PT1S'),
        value('Edm.GeometryPoint', 'SRID=0;Point(1 2)'),
      ),
    )
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        expect(Math.sign(compareSortValues(a, b)) + Math.sign(compareSortValues(b, a))).toBe(0)
        expect(compareSortValues(a, a)).toBe(0)
        const [x, y, z] = [a, b, c].sort(compareSortValues)
        expect(compareSortValues(x!, z!)).toBeLessThanOrEqual(0)
        if (compareSortValues(x!, y!) < 0) expect(compareSortValues(x!, z!)).toBeLessThan(0)
      }),
      { numRuns: 2000 },
    )
  })
})
