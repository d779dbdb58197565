import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PrimitiveTypeName } from '../../../src/edm/model.ts'
import {
  abstractTypes,
  comparePrimitive,
  equalPrimitive,
  isIntegral,
  isNumeric,
  isPrimitiveValue,
  parsePrimitive,
  primitiveType,
  primitiveTypes,
  printPrimitive,
  promotedType,
} from '../../../src/edm/primitives.ts'
import { shared } from '../../support/shared.ts'
import { anyValue } from './arbitraries.ts'

const names = [...primitiveTypes.keys()].filter((name) => name !== 'Edm.Stream')

describe('primitive types', () => {
  it.each(names)('%s reads what it prints', (name) => {
    fc.assert(
      fc.property(anyValue(name), (value) => {
        expect(isPrimitiveValue(name, value)).toBe(true)
        const text = printPrimitive(name, value)
        const back = parsePrimitive(name, text)
        expect(back).toBeDefined()
        expect(printPrimitive(name, back!)).toBe(text)
        expect(comparePrimitive(name, value, back!)).toBe(0)
        expect(equalPrimitive(name, value, back!)).toBe(!Number.isNaN(value))
      }),
    )
  })

  it.each(names)('%s is ordered totally', (name) => {
    fc.assert(
      fc.property(anyValue(name), anyValue(name), anyValue(name), (a, b, c) => {
        const compare = (x: typeof a, y: typeof a) => Math.sign(comparePrimitive(name, x, y))
        expect(compare(a, b)).toBe(0 - compare(b, a))
        const sorted = [a, b, c].sort((x, y) => comparePrimitive(name, x, y))
        expect(compare(sorted[0]!, sorted[2]!)).toBeLessThanOrEqual(0)
        if (equalPrimitive(name, a, b)) expect(compare(a, b)).toBe(0)
      }),
    )
  })

  it('knows each name once, frozen', () => {
    expect(primitiveTypes.size).toBe(33)
    expect(abstractTypes.size).toBe(9)
    for (const [name, type] of [...primitiveTypes, ...abstractTypes]) expect(type.name).toBe(name)
    expect(Object.isFrozen(primitiveType('Edm.String'))).toBe(true)
    expect(primitiveType('Edm.String')).toBe(primitiveTypes.get('Edm.String'))
  })

  it('has no text for a stream', () => void expect(parsePrimitive('Edm.Stream', 'x')).toBeUndefined())

  it('refuses half a character', () => {
    expect(parsePrimitive('Edm.String', 'a\ud83d')).toBeUndefined()
    expect(parsePrimitive('Edm.String', '\ude00')).toBeUndefined()
    expect(parsePrimitive('Edm.String', '😀\0')).toBe('😀\0')
  })

  it('orders strings by code point, not by UTF-16 unit', () => {
    expect(comparePrimitive('Edm.String', '\uffee', '😀')).toBeLessThan(0)
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        expect(Math.sign(comparePrimitive('Edm.String', a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
    )
  })

  it('compares as $orderby and as eq', () => {
    expect(equalPrimitive('Edm.Double', Number.NaN, Number.NaN)).toBe(false)
    expect(comparePrimitive('Edm.Double', Number.NaN, Number.NEGATIVE_INFINITY)).toBeLessThan(0)
    expect(equalPrimitive('Edm.Double', -0, 0)).toBe(true)
    expect(comparePrimitive('Edm.Boolean', false, true)).toBeLessThan(0)
    expect(
      equalPrimitive('Edm.Decimal', parsePrimitive('Edm.Decimal', '1.10')!, parsePrimitive('Edm.Decimal', '1.1')!),
    ).toBe(true)
    expect(
      equalPrimitive('Edm.Decimal', parsePrimitive('Edm.Decimal', 'NaN')!, parsePrimitive('Edm.Decimal', 'NaN')!),
    ).toBe(false)
    expect(
      equalPrimitive('Edm.Guid', '0000000A-0000-0000-0000-000000000000', '0000000a-0000-0000-0000-000000000000'),
    ).toBe(true)
    const [a, b] = ['2017-01-01T00:00:00-08:00', '2017-01-01T08:00:00Z'].map(
      (text) => parsePrimitive('Edm.DateTimeOffset', text)!,
    )
    expect(equalPrimitive('Edm.DateTimeOffset', a!, b!)).toBe(true)
  })

  it.each([
    ['Edm.Boolean', 'TRUE', true],
    ['Edm.Boolean', 'yes', undefined],
    ['Edm.Int32', '5', 5],
    ['Edm.Int64', '5', 5n],
    ['Edm.Guid', 'x', undefined],
  ] as const)('%s reads %j', (name, text, value) => void expect(parsePrimitive(name, text)).toBe(value))

  it('tells numbers from others', () => {
    const all = [...primitiveTypes.keys()]
    expect(all.filter(isNumeric).length).toBe(8)
    expect(all.filter(isIntegral)).toEqual(['Edm.Byte', 'Edm.Int16', 'Edm.Int32', 'Edm.Int64', 'Edm.SByte'])
    expect(promotedType('Edm.Int32', 'Edm.String')).toBeUndefined()
    expect(promotedType('Edm.Date', 'Edm.Date')).toBe('Edm.Date')
    expect(promotedType('Edm.Int32', 'Edm.Double')).toBe('Edm.Double')
  })

  it('says of foreign values that they are none', () => {
    for (const name of primitiveTypes.keys())
      for (const value of [null, {}, Symbol.iterator]) expect(isPrimitiveValue(name, value)).toBe(false)
  })
})

const cases = shared('abnf/odata-abnf-testcases.json')
const typeOfRule: Readonly<Record<string, PrimitiveTypeName>> = {
  booleanValue: 'Edm.Boolean',
  dateValue: 'Edm.Date',
  dateTimeOffsetValue: 'Edm.DateTimeOffset',
  decimalValue: 'Edm.Decimal',
  durationValue: 'Edm.Duration',
  doubleValue: 'Edm.Double',
  singleValue: 'Edm.Single',
  timeOfDayValue: 'Edm.TimeOfDay',
}

describe.skipIf(!existsSync(cases))('OASIS test cases (skipped where the shared ABNF data is not at hand)', () => {
  /** documented limits: years before 1 */
  const limits = new Set(['-10000-04-01T00:00Z'])
  it('reads the values that it should and refuses the others', () => {
    const all = (
      JSON.parse(readFileSync(cases, 'utf8')) as { cases: { rule: string; input: string; failAt?: number }[] }
    ).cases
    const mine = all.filter((test) => typeOfRule[test.rule] !== undefined && !limits.has(test.input))
    expect(mine.length).toBeGreaterThan(15)
    const wrong = mine.filter(
      (test) => (parsePrimitive(typeOfRule[test.rule]!, test.input) === undefined) !== (test.failAt !== undefined),
    )
    expect(wrong).toEqual([])
  })
})
