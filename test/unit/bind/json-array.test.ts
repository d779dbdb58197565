import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJsonArray } from '../../../src/bind/json-array.ts'

describe('readJsonArray', () => {
  it('keeps the text of numbers', () => {
    expect(readJsonArray('[9007199254740993, -1.50e3,"a\\u0041\\"",true,null]')).toEqual([
      { kind: 'number', text: '9007199254740993' },
      { kind: 'number', text: '-1.50e3' },
      { kind: 'string', text: 'aA"' },
      { kind: 'boolean', text: 'true' },
      { kind: 'null', text: 'null' },
    ])
    expect(readJsonArray(' [ ] ')).toEqual([])
  })

  it.each([
    '',
    '1',
    '[1',
    '[1,]',
    '[,]',
    '[1 2]',
    '[01]',
    '[[1]]',
    '[{}]',
    '["a]',
    '["\\x"]',
    '[tru]',
    '[1]x',
    '["\n"]',
  ])('refuses %s', (text) => {
    expect(readJsonArray(text)).toBeUndefined()
  })

  it('reads what JSON.stringify writes', () => {
    const scalar = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.boolean(),
      fc.constant(null),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    )
    fc.assert(
      fc.property(fc.array(scalar), (values) => {
        const read = readJsonArray(JSON.stringify(values))?.map(({ kind, text }) =>
          kind === 'string' ? text : JSON.parse(text),
        )
        expect(read).toEqual(JSON.parse(JSON.stringify(values)))
      }),
    )
  })
})
