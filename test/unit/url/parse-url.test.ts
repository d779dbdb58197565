import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { defaultUrlLimits, type UrlLimits } from '../../../src/url/ast.ts'
import { parseExpression } from '../../../src/url/parse-options.ts'
import { parseRequestUrl } from '../../../src/url/parse-url.ts'
import { url } from './dump.ts'

describe('parseRequestUrl', () => {
  it('splits the path from the query at the first question mark', () => {
    const found = url("/Products('a%3F')/Name?$skiptoken=a?b&x=/y")
    expect(found.segments.map((segment) => segment.text)).toEqual(["Products('a?')", 'Name'])
    expect(found.options.skiptoken).toBe('a?b')
    expect(found.options.custom.get('x')).toBe('/y')
  })

  it('reads the service root', () => {
    expect(url('/').segments).toEqual([])
    expect(url('').segments).toEqual([])
    expect(url('?$format=json')).toMatchObject({ segments: [], options: { format: 'json' } })
  })

  it('counts path and query against one budget', () => {
    const limits: UrlLimits = { ...defaultUrlLimits, tokens: 10 }
    const read = (target: string) => parseRequestUrl(target, { version: '4.01', limits })
    expect(() => read('a/b/c/d/e?$filter=a eq 1')).not.toThrow()
    expect(() => read('a/b/c/d/e?$filter=a eq 1 and b eq 2')).toThrow(/"tokens" is 10/)
  })

  it('answers a URL that is too long with 414 before reading it', () => {
    expect(() => url(`/${'%'.repeat(20_000)}`)).toThrow(
      expect.objectContaining({
        code: 'uriTooLong',
        status: 414,
        message: expect.stringMatching(/"urlLength" is 16384/),
      }),
    )
  })
})

/** Nothing a client sends may take long, overflow the stack, or fail otherwise than as its own fault. */
describe('hostile input', () => {
  const wide: UrlLimits = { ...defaultUrlLimits, urlLength: 10_000_000 }
  const read = (target: string, limits = wide) => parseRequestUrl(target, { version: '4.01', limits })
  const faultOf = (work: () => unknown): ODataError => {
    const start = performance.now()
    try {
      work()
    } catch (error) {
      expect(performance.now() - start).toBeLessThan(2000)
      if (error instanceof ODataError) return error
      throw error
    }
    throw new Error('no fault')
  }

  for (const [name, text] of [
    ['parentheses', '('.repeat(100_000)],
    ['closed parentheses', `${'('.repeat(100_000)}a${')'.repeat(100_000)}`],
    ['not', `${'not '.repeat(100_000)}a`],
    ['negation', `${'-'.repeat(100_000)}a`],
    ['calls', 'trim('.repeat(100_000)],
    ['lambdas', 'a/any(x:'.repeat(100_000)],
    ['nested filters', 'a/$filter('.repeat(100_000)],
    ['nested counts', 'a/$count($filter='.repeat(100_000)],
    ['case', 'case(a:'.repeat(100_000)],
    ['cast', 'cast('.repeat(100_000)],
    ['arrays', '['.repeat(100_000)],
    ['objects', '{"a":'.repeat(100_000)],
    ['arrays of expressions', '[a,'.repeat(100_000)],
    ['arguments', 'F(x='.repeat(100_000)],
    ['sums', `a${' add a'.repeat(100_000)}`],
    ['comparisons', `a${' eq a'.repeat(100)}`],
    ['or', `a${' or a'.repeat(100_000)}`],
    ['in', `a in (${'1,'.repeat(100_000)}1)`],
    ['in in in', `a${' in b'.repeat(100_000)}`],
    ['steps', `a${'/a'.repeat(100_000)}`],
  ] as const) {
    it(`stops at a limit: ${name}`, () => {
      expect(faultOf(() => parseExpression(text, defaultUrlLimits)).code).toBe('urlLimitExceeded')
    })
  }

  for (const [name, target, code] of [
    ['a string of a megabyte', `?$filter=a eq '${'x'.repeat(1_000_000)}`, 'urlSyntax'],
    ['quotes of a megabyte', `?$filter=a eq ${"'".repeat(1_000_001)}`, 'urlSyntax'],
    ['a name of a megabyte', `?$filter=${'x'.repeat(1_000_000)}`, 'urlSyntax'],
    ['digits of a megabyte', `?$filter=a eq ${'1'.repeat(1_000_000)}x`, 'urlSyntax'],
    ['blanks of a megabyte', `?$filter=a${' '.repeat(1_000_000)}x`, 'urlSyntax'],
    ['a phrase of a megabyte', `?$search="${'x'.repeat(1_000_000)}`, 'urlSyntax'],
    ['a megabyte of percent signs', `/${'%25'.repeat(300_000)}%`, 'urlSyntax'],
    ['a megabyte of slashes', `/a${'/'.repeat(1_000_000)}`, 'urlLimitExceeded'],
    ['a megabyte of filters in the path', `/a${'/$filter('.repeat(100_000)}`, 'urlLimitExceeded'],
    ['a lone surrogate', "?$filter=a eq '\ud800'", 'urlSyntax'],
    ['an encoded surrogate', "?$filter=a eq '%ED%A0%80'", 'urlSyntax'],
    ['a dollar alone', '?$', 'queryOptionUnknown'],
    ['a NUL', '?$filter=a%00eq 1', 'urlSyntax'],
    ['many semicolons', `?$expand=a(${';'.repeat(1000)})`, 'urlSyntax'],
  ] as const) {
    it(name, () => {
      const fault = faultOf(() => read(target))
      expect(fault.code).toBe(code)
      expect(fault.message.length).toBeLessThan(250)
    })
  }

  it('takes many custom options and long strings in linear time', () => {
    const start = performance.now()
    read(`?${'a=1&'.repeat(100_000)}`)
    read(`?$filter=a eq '${'x'.repeat(1_000_000)}'`)
    expect(performance.now() - start).toBeLessThan(2000)
  })

  const pieces = fc.constantFrom(
    ...[
      "'",
      '"',
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '/',
      '$',
      '@',
      ',',
      ';',
      ':',
      '=',
      '&',
      '+',
      '-',
      ' ',
      '%20',
      '%',
      '%27',
    ],
    ...['a', 'NS.T', '1', '1.5', '2012-01-01', 'eq', 'in', 'not', 'and', 'any', 'all', 'case', 'cast', 'null', 'true'],
    ...[
      '$filter',
      '$expand',
      '$select',
      '$search',
      '$count',
      '$it',
      '$root',
      '$top',
      '@p',
      '#',
      '*',
      '\ud800',
      '\u0000',
      'é',
    ],
    ...["'x'", 'any(x:x eq 1)', '$filter=a', '$expand=a(', '"b"', 'OR', 'NOT', 'desc', 'as b', '%E2%82'],
  )

  it('gives a tree or an ODataError below 500 for any text', () => {
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 30 }),
        fc.constantFrom('', '/', '?$filter=', '?$expand=', '?$search=', '?@p='),
        (parts, start) => {
          const target = start + parts.join('')
          try {
            read(target)
          } catch (error) {
            expect(error).toBeInstanceOf(ODataError)
            if (!(error instanceof ODataError)) return
            expect(error.status).toBeLessThan(500)
            expect(error.message.length).toBeLessThan(250)
            expect(() => encodeURIComponent(error.message)).not.toThrow()
            expect((error.target ?? '').length).toBeLessThanOrEqual(81)
          }
        },
      ),
      { numRuns: 3000 },
    )
  })
})
