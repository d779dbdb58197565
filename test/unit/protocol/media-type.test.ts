import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAccept, parseMediaType, splitOutsideQuotes, unquote } from '../../../src/protocol/media-type.ts'

describe('media types', () => {
  it('reads type, subtype, parameters and weight', () => {
    const type = parseMediaType('Application/JSON; OData.Metadata=Full ; charset="utf-8";q=0.5')
    expect(type).toMatchObject({ type: 'application', subtype: 'json', quality: 0.5 })
    expect([...(type?.parameters ?? [])]).toEqual([
      ['odata.metadata', 'Full'],
      ['charset', 'utf-8'],
    ])
    expect(parseMediaType('*/*')).toMatchObject({ type: '*', subtype: '*', quality: 1 })
    expect(parseMediaType('a/b;')).toMatchObject({ type: 'a', subtype: 'b' })
  })

  it.each([
    '',
    'json',
    '/',
    'a/',
    '/b',
    'a b/c',
    'a/b;x',
    'a/b;=1',
    'a/b;q=2',
    'a/b;q=1.001',
    'a/b;q=x',
    'a/b;x="y',
    'a/b/c',
  ])('refuses %j', (text) => {
    expect(parseMediaType(text)).toBeUndefined()
  })

  it('orders Accept by weight, then by how specific, then as written', () => {
    const names = (header: string): string[] => parseAccept(header).map(({ type, subtype }) => `${type}/${subtype}`)
    expect(names('*/*, a/*, a/b, a/c;x=1')).toEqual(['a/c', 'a/b', 'a/*', '*/*'])
    expect(names('a/b;q=0.1, c/d;q=0.9, e/f')).toEqual(['e/f', 'c/d', 'a/b'])
    expect(names('a/b, nonsense, c/d')).toEqual(['a/b', 'c/d'])
  })

  it('splits outside of quotes only', () => {
    expect(splitOutsideQuotes('a,"b,\\",c",d', ',')).toEqual(['a', '"b,\\",c"', 'd'])
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(splitOutsideQuotes(text, ',').join(',')).toBe(text)
      }),
    )
  })

  it('unquotes tokens and quoted strings', () => {
    expect(unquote('abc')).toBe('abc')
    expect(unquote('"a \\"b\\" c"')).toBe('a "b" c')
    expect(unquote('"a')).toBeUndefined()
    expect(unquote('a b')).toBeUndefined()
    expect(unquote('"')).toBeUndefined()
  })

  it('never throws, and takes time in proportion to the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab/;,="\\ q0.1*'), maxLength: 200 }), (text) => {
        parseMediaType(text)
        parseAccept(text)
      }),
    )
    const started = performance.now()
    for (const text of [
      'a/b;'.repeat(20_000),
      'a/b,'.repeat(20_000),
      '"'.repeat(60_000),
      `a/b;x=${'\\'.repeat(60_000)}`,
    ])
      parseAccept(text)
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})
