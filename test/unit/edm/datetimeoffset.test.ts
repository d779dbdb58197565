import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addToInstant,
  compareInstants,
  fractionDigits,
  instantDifference,
  localParts,
  maxDateTimeOffset,
  minDateTimeOffset,
  parseDateTimeOffset,
  printDateTimeOffset,
} from '../../../src/edm/datetimeoffset.ts'
import { dateTimeOffset } from './arbitraries.ts'

const p = (text: string) => {
  const value = parseDateTimeOffset(text)
  if (value === undefined) throw new Error(text)
  return value
}

const two = (n: number) => String(n).padStart(2, '0')
/** Texts, made without the code under test. */
const text = fc
  .tuple(
    fc.integer({ min: 1, max: 9999 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 28 }),
    fc.nat(23),
    fc.nat(59),
    fc.nat(59),
    fc.stringMatching(/^(\.[0-9]{1,12})?$/),
    fc.oneof(
      fc.constant('Z'),
      fc
        .tuple(fc.constantFrom('+', '-'), fc.nat(13), fc.nat(59))
        .filter(([, h, m]) => h + m > 0)
        .map(([sign, h, m]) => `${sign}${two(h)}:${two(m)}`),
    ),
  )
  .map(
    ([y, mo, d, h, mi, s, f, z]) =>
      `${String(y).padStart(4, '0')}-${two(mo)}-${two(d)}T${two(h)}:${two(mi)}:${two(s)}${f}${z}`,
  )

describe('DateTimeOffset', () => {
  it('comes back letter for letter', () => {
    fc.assert(
      fc.property(text, (written) => void expect(printDateTimeOffset(p(written))).toBe(written)),
      { numRuns: 2000 },
    )
  })

  it('is the instant that Date reads', () => {
    fc.assert(
      fc.property(text, (written) => {
        const truncated = written.replace(/\.(\d{1,12})/, (_, f: string) => `.${f.padEnd(3, '0').slice(0, 3)}`)
        expect(p(written).ms).toBe(Date.parse(truncated))
      }),
    )
  })

  it('prints random values as texts that read as the same value', () => {
    fc.assert(
      fc.property(
        dateTimeOffset,
        (value) => void expect(parseDateTimeOffset(printDateTimeOffset(value))).toEqual(value),
      ),
    )
  })

  it('keeps the seed of Graph', () => {
    expect(p('2017-01-01T00:03:18.9597073-08:00')).toEqual({
      kind: 'dateTimeOffset',
      ms: Date.UTC(2017, 0, 1, 8, 3, 18, 959),
      sub: 707_300_000,
      offset: -480,
      digits: 7,
    })
  })

  it.each([
    ['2012-09-03T12:53Z', '2012-09-03T12:53:00Z'],
    ['2012-09-03t12:53:01z', '2012-09-03T12:53:01Z'],
    ['2012-09-03T12:53:01-00:00', '2012-09-03T12:53:01Z'],
    ['0001-01-01T00:00:00+14:00', '0001-01-01T00:00:00+14:00'],
    ['9999-12-31T23:59:59.999999999999-14:00', '9999-12-31T23:59:59.999999999999-14:00'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00Z'],
  ])('reads %s as %s', (written, printed) => {
    expect(printDateTimeOffset(p(written))).toBe(printed)
  })

  it.each([
    '0000-01-01T00:00:00Z',
    '10000-01-01T00:00:00Z',
    '-0001-01-01T00:00:00Z',
    '2012-02-30T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2012-13-01T00:00:00Z',
    '2012-00-01T00:00:00Z',
    '2012-01-01T24:00:00Z',
    '2012-01-01T23:60:00Z',
    '2016-12-31T23:59:60Z',
    '2012-01-01T00:00:00',
    '2012-01-01T00:00:00.Z',
    '2012-01-01T00:00:00.1234567890123Z',
    '2012-01-01T00:00:00+14:01',
    '2012-01-01T00:00:00+13:60',
    '2012-01-01T00:00:00+1:00',
    '2012-01-01',
    '2012-01-01T00:00:00Z ',
    '2012-01-01T00:00:00Z\n',
    '٢٠١٢-01-01T00:00:00Z',
    '',
  ])('refuses %j', (written) => {
    expect(parseDateTimeOffset(written)).toBeUndefined()
  })

  it('compares instants to the last digit, whatever their offsets', () => {
    expect(compareInstants(p('2017-01-01T00:00:00.9597073-08:00'), p('2017-01-01T08:00:00.9597073Z'))).toBe(0)
    expect(compareInstants(p('2017-01-01T00:00:00.959707300001Z'), p('2017-01-01T00:00:00.9597073Z'))).toBeGreaterThan(
      0,
    )
    expect(compareInstants(minDateTimeOffset, maxDateTimeOffset)).toBeLessThan(0)
    expect(printDateTimeOffset(maxDateTimeOffset)).toBe('9999-12-31T23:59:59.999999999999Z')
  })

  it('gives the parts of its own offset', () => {
    expect(localParts(p('2016-12-31T23:03:18.5-08:00'))).toEqual({
      year: 2016,
      month: 12,
      day: 31,
      hour: 23,
      minute: 3,
      second: 18,
      fraction: 500_000_000_000,
    })
    expect(localParts(p('0001-01-01T01:02:03Z'))).toMatchObject({
      year: 1,
      month: 1,
      day: 1,
      hour: 1,
      minute: 2,
      second: 3,
    })
  })

  it('moves by a span and back', () => {
    fc.assert(
      fc.property(dateTimeOffset, fc.bigInt({ min: -(10n ** 22n), max: 10n ** 22n }), (value, ps) => {
        const moved = addToInstant(value, ps)
        if (moved === undefined) return
        expect(instantDifference(moved, value)).toBe(ps)
        expect(compareInstants(addToInstant(moved, -ps)!, value)).toBe(0)
        expect(parseDateTimeOffset(printDateTimeOffset(moved))).toEqual(moved)
      }),
    )
    expect(addToInstant(maxDateTimeOffset, 1n)).toBeUndefined()
    expect(addToInstant(minDateTimeOffset, -(10n ** 40n))).toBeUndefined()
  })

  it.each([
    [0, 0, 0],
    [100, 0, 1],
    [120, 0, 2],
    [123, 0, 3],
    [0, 1, 12],
    [0, 100_000_000, 4],
    [-1, 0, 3],
  ])('ms %i with sub %i needs %i digits', (ms, sub, digits) => {
    expect(fractionDigits(ms, sub)).toBe(digits)
  })
})
