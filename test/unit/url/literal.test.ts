import { describe, expect, it } from 'vitest'
import { expression, options } from './dump.ts'

/** [text, literal] */
const literals: readonly (readonly [string, string])[] = [
  ["'O''Neil'", "string<O'Neil>"],
  ["''", 'string<>'],
  ["''''", "string<'>"],
  ["'a\u0000😀/&%'", 'string<a\u0000😀/&%>'],
  ['0', 'integer<0>'],
  ['007', 'integer<007>'],
  ['9223372036854775807', 'integer<9223372036854775807>'],
  ['9223372036854775808', 'decimal<9223372036854775808>'],
  ['-9223372036854775808', 'integer<-9223372036854775808>'],
  ['-9223372036854775809', 'decimal<-9223372036854775809>'],
  ['000000000000000000000001', 'integer<000000000000000000000001>'],
  ['1234567890123456789012345678901234', 'decimal<1234567890123456789012345678901234>'],
  ['4.0', 'decimal<4.0>'],
  ['-0.5', 'decimal<-0.5>'],
  ['1e10', 'double<1e10>'],
  ['1.5E-7', 'double<1.5E-7>'],
  ['INF', 'double<INF>'],
  ['NaN', 'double<NaN>'],
  ['01234567-89ab-CDEF-0123-456789abcdef', 'guid<01234567-89ab-CDEF-0123-456789abcdef>'],
  ['a1234567-89ab-CDEF-0123-456789abcdef', 'guid<a1234567-89ab-CDEF-0123-456789abcdef>'],
  ['2012-09-03', 'date<2012-09-03>'],
  ['-0001-09-03', 'date<-0001-09-03>'],
  ['12345-09-03', 'date<12345-09-03>'],
  ['12345678-01-02', 'date<12345678-01-02>'],
  ['2012-09-03T13:52Z', 'dateTimeOffset<2012-09-03T13:52Z>'],
  ['2017-01-01T00:03:18.9597073-08:00', 'dateTimeOffset<2017-01-01T00:03:18.9597073-08:00>'],
  ['2012-09-03t13:52:59.123456789012z', 'dateTimeOffset<2012-09-03T13:52:59.123456789012Z>'],
  ['2012-09-03T13:52:00 02:00', 'dateTimeOffset<2012-09-03T13:52:00+02:00>'],
  ['13:20', 'timeOfDay<13:20>'],
  ['13:20:59.999', 'timeOfDay<13:20:59.999>'],
  ["duration'PT1H'", 'duration<PT1H>'],
  ["Duration'PT1H'", 'duration<PT1H>'],
  ["binary'T0RhdGE'", 'binary<T0RhdGE>'],
  ["Sales.Pattern'Yellow,32'", 'enum:Sales.Pattern<Yellow,32>'],
  ["geometry'SRID=0;Point(1 2)'", 'geometry<SRID=0;Point(1 2)>'],
  // forms of older clients
  ['5L', 'integer<5>'],
  ['-5l', 'integer<-5>'],
  ['1.5m', 'decimal<1.5>'],
  ['5M', 'decimal<5>'],
  ['2f', 'double<2>'],
  ['2.5F', 'double<2.5>'],
  ['3d', 'double<3>'],
  ['1e5D', 'double<1e5>'],
  ["guid'01234567-89ab-cdef-0123-456789abcdef'", 'guid<01234567-89ab-cdef-0123-456789abcdef>'],
  ["datetimeoffset'2012-09-03T13:52:00Z'", 'dateTimeOffset<2012-09-03T13:52:00Z>'],
]

describe('primitiveLiteral', () => {
  for (const [text, literal] of literals) it(text, () => expect(expression(text)).toBe(literal))

  it('reads a plus that was not encoded as the sign of an offset', () => {
    const {
      literals: [token],
    } = options('$filter=a ge 2017-01-01T00:00:00+01:00')
    expect(token?.text).toBe('2017-01-01T00:00:00+01:00')
  })
})

/** [text, position of the fault] */
const faults: readonly (readonly [string, number])[] = [
  ["'abc", 4],
  ["'abc''", 6],
  ["X'00'", 0],
  ["datetime'2012-09-03T13:52:00'", 0],
  ["guid'xyz'", 0],
  ["datetimeoffset'2012-09-03'", 0],
  ['01234567-89ab-cdef-0123-456789abcdeg', 35],
  ['01234567-89ab-cdef-0123-456789abcdef0', 36],
  ['2012-13-03', 5],
  ['2012-09-32', 8],
  ['2012-09-03T', 11],
  ['2012-09-03T24:00Z', 11],
  ['2012-09-03T10:00', 16],
  ['2012-09-03T10:00:00.1234567890123Z', 32],
  ['2012-09-03x', 10],
  ['5LL', 1],
  ['5x', 1],
  ['1.5L', 3],
  ['1.', 1],
  ['1.e5', 1],
  ['1e', 1],
  ['1__', 1],
  ['10:20:30x', 8],
]

describe('faults of literals', () => {
  for (const [text, offset] of faults)
    it(text, () =>
      expect(() => expression(text)).toThrow(
        expect.objectContaining({ position: expect.objectContaining({ offset }) }),
      ),
    )

  it('names the prefix that was meant', () => {
    expect(() => expression("binry'AA'")).toThrow(/did you mean 'binary'/)
  })
})
