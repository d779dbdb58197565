import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePart } from '../../../src/url/decode.ts'

describe('decodePart', () => {
  it.each([true, false])('gives what decodeURIComponent gives, or refuses it, form-encoded: %s', (form) => {
    const pieces = [
      '%',
      '%2',
      '%20',
      '%2f',
      '%zz',
      '%C3%A9',
      '%80',
      '%7F',
      '%00',
      '%-1',
      '%@a',
      '%1g',
      '+',
      'a',
      'é',
      '😀',
    ]
    for (const a of pieces)
      for (const b of pieces)
        for (const text of [a + b, `${a}x${b}`, (a + b).repeat(700)]) {
          let expected: string | undefined
          try {
            expected = decodeURIComponent(form ? text.replaceAll('+', ' ') : text)
          } catch {}
          if (expected === undefined)
            expect(() => decodePart(text, form, undefined)).toThrow('Malformed percent-encoding')
          else expect(decodePart(text, form, undefined)).toBe(expected)
        }
  })

  it('decodes what encodeURIComponent encodes, once', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(decodePart(encodeURIComponent(text), true, '$filter')).toBe(text)
        expect(decodePart(encodeURIComponent(encodeURIComponent(text)), true, undefined)).toBe(encodeURIComponent(text))
      }),
    )
  })

  it('reads a plus as a blank in queries only', () => {
    expect(decodePart('a+b%2Bc', true, undefined)).toBe('a b+c')
    expect(decodePart('a+b%2Bc', false, undefined)).toBe('a+b+c')
  })

  it('takes well-formed characters that came unencoded', () => {
    expect(decodePart('größe😀', true, undefined)).toBe('größe😀')
  })

  for (const [raw, offset] of [
    ['%', 0],
    ['abc%', 3],
    ['a%2', 1],
    ['a%g0', 1],
    ['%20%zz', 3],
    ['x%ff', 1],
    ['x%20%C3', 1],
    ['%E2%82', 0],
    ['a\udc00b', 1],
    ['%20\ud800', 3],
  ] as const)
    it(`fails: ${JSON.stringify(raw)}`, () => {
      expect(() => decodePart(raw, true, '$filter', 10)).toThrow(
        expect.objectContaining({ code: 'urlSyntax', target: '$filter', position: { offset: 10 + offset, length: 0 } }),
      )
    })
})
