import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { durationDigits, parseDuration, printDuration } from '../../../src/edm/duration.ts'
import type { Duration } from '../../../src/edm/value.ts'
import { anyValue } from './arbitraries.ts'

describe('Duration', () => {
  it.each([
    ['PT0S', 0n, 'PT0S'],
    ['P1D', 86_400_000_000_000_000n, 'P1D'],
    ['PT36H', 129_600_000_000_000_000n, 'P1DT12H'],
    ['-PT90S', -90_000_000_000_000n, '-PT1M30S'],
    ['+PT1S', 1_000_000_000_000n, 'PT1S'],
    ['PT0.000000000001S', 1n, 'PT0.000000000001S'],
    ['-P6DT23H59M59.9999S', -604_799_999_900_000_000n, '-P6DT23H59M59.9999S'],
    ['-PT0S', 0n, 'PT0S'],
    ['PT1M', 60_000_000_000_000n, 'PT1M'],
  ])('reads %s as %i ps and prints %s', (text, ps, printed) => {
    expect(parseDuration(text)).toEqual({ kind: 'duration', ps })
    expect(printDuration({ kind: 'duration', ps })).toBe(printed)
  })

  it.each([
    '',
    'P',
    'PT',
    '-P',
    'P1DT',
    '1D',
    'P1H',
    'PT1D',
    'P1Y',
    'P1M',
    'PT.5S',
    'PT1.S',
    'PT1.5M',
    'PT1S ',
    'P1D1D',
    `P${'9'.repeat(16)}D`,
    'PT1.1234567890123S',
  ])('refuses %j', (text) => expect(parseDuration(text)).toBeUndefined())

  it('reads what it prints', () => {
    fc.assert(
      fc.property(
        anyValue('Edm.Duration'),
        (value) => void expect(parseDuration(printDuration(value as Duration))).toEqual(value),
      ),
    )
  })

  it.each([
    ['PT1S', 0],
    ['PT1.5S', 1],
    ['-PT0.000000000001S', 12],
  ])('%s has %i fraction digits', (text, digits) => expect(durationDigits(parseDuration(text)!)).toBe(digits))
})
