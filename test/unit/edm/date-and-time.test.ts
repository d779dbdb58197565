import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addToDate,
  dateToDays,
  daysToDate,
  parseDate,
  parseTimeOfDay,
  timeOfDayOf,
  timeOfDayToPs,
} from '../../../src/edm/date-and-time.ts'
import { anyValue } from './arbitraries.ts'

const dayPs = 86_400_000_000_000_000n

describe('Date', () => {
  it('counts days as Date does', () => {
    fc.assert(
      fc.property(fc.integer({ min: -719_528, max: 2_932_896 }), (days) => {
        const text = daysToDate(days)
        expect(text).toBe(new Date(days * 86_400_000).toISOString().slice(0, 10))
        expect(dateToDays(text!)).toBe(days)
        expect(parseDate(text!)).toBe(text)
      }),
    )
    expect([daysToDate(-719_529), daysToDate(2_932_897), daysToDate(Number.NaN)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(daysToDate(-719_528)).toBe('0000-01-01')
  })

  it.each([
    '2012-02-30',
    '1900-02-29',
    '2012-1-1',
    '10000-01-01',
    '-0001-01-01',
    '2012-01-01T',
    '',
    '2012-00-10',
    '2012-01-00',
    '2012-01-01\n',
  ])('refuses %j', (text) => void expect(parseDate(text)).toBeUndefined())

  it('moves by whole days, the rest of a span cut off', () => {
    expect(addToDate('2012-02-28', dayPs * 2n - 1n)).toBe('2012-02-29')
    expect(addToDate('2012-03-01', -dayPs - 1n)).toBe('2012-02-29')
    expect(addToDate('9999-12-31', dayPs)).toBeUndefined()
    expect(addToDate('9999-12-31', 10n ** 60n)).toBeUndefined()
  })
})

describe('TimeOfDay', () => {
  it.each([
    ['11:22', '11:22:00'],
    ['00:00:00.000', '00:00:00'],
    ['23:59:59.999999999999', '23:59:59.999999999999'],
    ['01:02:03.40', '01:02:03.4'],
  ])('reads %s as %s', (text, value) => expect(parseTimeOfDay(text)).toBe(value))

  it.each(['24:00:00', '23:60', '23:59:60', '1:00', '11', '11:22:33.', '11:22:33.1234567890123', '11:22:33Z', ''])(
    'refuses %j',
    (text) => expect(parseTimeOfDay(text)).toBeUndefined(),
  )

  it('sorts as text in the order of the times', () => {
    fc.assert(
      fc.property(anyValue('Edm.TimeOfDay'), anyValue('Edm.TimeOfDay'), (a, b) => {
        const [left, right] = [String(a), String(b)]
        const order = timeOfDayToPs(left) - timeOfDayToPs(right)
        expect(left < right).toBe(order < 0n)
      }),
    )
  })

  it('is made of a clock', () => {
    expect(timeOfDayOf(1, 2, 3, 0)).toBe('01:02:03')
    expect(timeOfDayOf(1, 2, 3, 40_000_000_000)).toBe('01:02:03.04')
    expect(timeOfDayToPs('01:02:03.04')).toBe(3_723_040_000_000_000n)
  })
})
