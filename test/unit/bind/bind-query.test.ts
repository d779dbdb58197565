import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bindPath } from '../../../src/bind/bind-path.ts'
import { bindQuery, rowType } from '../../../src/bind/bind-query.ts'
import { typeName } from '../../../src/edm/types.ts'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseRequestUrl } from '../../../src/url/parse-url.ts'
import { bindUrl, dump, refusal, shop } from './shop.ts'

function bound(url: string) {
  const { segments, options } = parseRequestUrl(url, { version: '4.01', limits: defaultUrlLimits })
  const { path, slots } = bindPath(shop, segments, options, { keyAsSegment: true })
  return { options, result: bindQuery(shop, path, options, slots.length) }
}

describe('bindQuery', () => {
  it('numbers the parameters behind those of the path', () => {
    const { query, querySlots } = bindUrl('Products(5)/parts?$filter=quantity%20gt%201')
    expect(querySlots.map(({ type, target }) => `${typeName(type)} ${target}`)).toEqual(['Edm.Int32 $filter'])
    expect(query.filter).toMatchObject({ right: { kind: 'parameter', index: 1 } })
  })

  it('takes the items of collections of values as $it and $this', () => {
    expect(dump("Products(5)/tags?$filter=$it%20eq%20'x'%20or%20startswith($this,'y')&$orderby=length($this)")).toBe(
      'filter=(($it eq #1:Edm.String) or startswith($it,#2:Edm.String))&orderby=length($it)',
    )
  })

  it('takes the properties of complex items', () => {
    expect(dump("Products(5)/addresses?$filter=city%20eq%20'x'&$select=zip")).toBe(
      'filter=(city eq #1:Edm.String)&select=zip',
    )
  })

  it('binds what stands before /$count', () => {
    expect(dump('Products/s.Book/$count?$filter=pages%20gt%201')).toBe('filter=(pages gt #0:Edm.Int32)')
    expect(dump('Products(1)/s.Near(count=3)?$filter=status%20gt%201')).toBe('filter=(status gt #2:Edm.Int32)')
  })

  it('tells the type of the rows', () => {
    const type = (url: string) => {
      const reference = rowType(bindUrl(url).path)
      return reference === undefined ? undefined : typeName(reference)
    }
    expect(type('Products/$count')).toBe('my.shop.Product')
    expect(type('Best')).toBe('my.shop.Product')
    expect(type('Products(1)/tags/$count')).toBe('Edm.String')
    expect(type('Products(1)/related/s.Book/$ref')).toBe('my.shop.Book')
    expect(type("Categories('x')/dyn")).toBeUndefined()
    expect(type('$metadata')).toBeUndefined()
  })

  it('refuses aliases that go in a ring, and those that explode', () => {
    expect(refusal('Products?$filter=@a&@a=@b&@b=@a')).toBe("urlSyntax $filter: The parameter alias '@a' has no end.")
    expect(refusal('Products?$filter=@a&@a=not%20@a')).toBe(
      'urlLimitExceeded $filter: Parameter aliases are nested deeper than 8.',
    )
    const square = (name: string, of: string) => `@${name}=${Array(60).fill(`@${of}`).join('%20or%20')}`
    expect(refusal(`Products?$filter=@a&${square('a', 'b')}&${square('b', 'c')}&${square('c', 'd')}&@d=true`)).toBe(
      'urlLimitExceeded $filter: The request has more than 20000 expression nodes.',
    )
  })

  it('takes an alias without a value as null', () => {
    expect(dump('Products?$filter=name%20eq%20@p')).toBe('filter=(name eq null)')
  })
})

/** Filters of all operators, with literals of every kind, and other literals of the same shape. */
const literal: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  fc
    .tuple(fc.integer({ min: -100_000, max: 100_000 }), fc.integer({ min: -100_000, max: 100_000 }))
    .map(([a, b]) => [String(a), String(b)] as const),
  fc
    .tuple(fc.bigInt({ min: 2n ** 31n, max: 2n ** 63n - 1n }), fc.bigInt({ min: 2n ** 31n, max: 2n ** 63n - 1n }))
    .map(([a, b]) => [String(a), String(b)] as const),
  fc
    .tuple(fc.integer({ min: 0, max: 999 }), fc.integer({ min: 0, max: 99_999 }))
    .map(([a, b]) => [`${a}.5`, `${b}.25`] as const),
  fc
    .tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: 99 }))
    .map(([a, b]) => [`${a}e1`, `${b}e-3`] as const),
  fc
    .tuple(fc.string(), fc.string())
    .map(([a, b]) => [`'${a.replaceAll("'", "''")}'`, `'${b.replaceAll("'", "''")}'`] as const),
  fc.tuple(fc.uuid(), fc.uuid()),
  fc.constant(['2020-01-01', '1999-12-31'] as const),
  fc.constant(['2020-01-01T00:00:00Z', '1999-12-31T23:59:59.1234567-08:00'] as const),
  fc.constant(["duration'PT1H'", "duration'-P1DT3.5S'"] as const),
  fc.constant(["s.Color'Red'", "s.Color'Green'"] as const),
  fc.constant(['null', 'null'] as const),
  fc.constant(['true', 'true'] as const),
)
const operand: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  literal,
  fc
    .constantFrom(
      'status',
      'byte',
      'big',
      'price',
      'weight',
      'single',
      'name',
      'guid',
      'flag',
      'created',
      'day',
      'span',
      'color',
      'category/dyn',
      'address/city',
      'length(name)',
      'tags/$count',
    )
    .map((name) => [name, name] as const),
)
const operators = ['eq', 'ne', 'gt', 'le', 'has', 'add', 'mul', 'div'] as const
const comparison = fc
  .tuple(operand, fc.constantFrom(...operators), operand, fc.boolean())
  .map(([[a, x], operator, [b, y], isPlain]) => {
    // half of them cannot be refused: any value may be compared with a dynamic property
    if (isPlain) return [`category/dyn ne ${b}`, `category/dyn ne ${y}`] as const
    const tail = ['add', 'mul', 'div'].includes(operator) ? ' ne null' : ''
    return [`${a} ${operator} ${b}${tail}`, `${x} ${operator} ${y}${tail}`] as const
  })
const filter = fc
  .array(fc.tuple(comparison, fc.constantFrom('and', 'or')), { minLength: 1, maxLength: 4 })
  .map((parts) =>
    [0, 1].map((side) =>
      parts.map(([both, operator], i) => (i === 0 ? both[side] : `${operator} (${both[side]})`)).join(' '),
    ),
  )

describe('plans by shape', () => {
  it('binds equal shapes to equal trees, whatever the values', () => {
    let compared = 0
    fc.assert(
      fc.property(filter, ([one = '', other = '']) => {
        const outcome = (text: string) => {
          try {
            const { options, result } = bound(`Products?$filter=${encodeURIComponent(text)}`)
            return { shape: options.shape, tree: result }
          } catch (error) {
            if (!(error instanceof ODataError)) throw error
            return { code: error.code, status: error.status }
          }
        }
        const a = outcome(one)
        const b = outcome(other)
        if ('shape' in a && 'shape' in b) {
          compared++
          if (a.shape === b.shape) expect(b.tree).toEqual(a.tree)
        } else {
          // a refusal is the client's fault, and the same for both
          expect(a).toEqual(b)
          expect('status' in a && a.status).toBe(400)
        }
      }),
      { numRuns: 500 },
    )
    expect(compared).toBeGreaterThan(100)
  })
})

describe('whatever a client sends', () => {
  const word = fc.constantFrom(
    ...[
      'Products',
      'Lines',
      'Categories',
      'Best',
      'Top',
      '$filter',
      '$count',
      '$it',
      '$this',
      '$root',
      'name',
      'status',
      'address',
    ],
    ...[
      'city',
      'tags',
      'parts',
      'related',
      'category',
      'any',
      'all',
      'x',
      'x:',
      '(',
      ')',
      '(',
      ')',
      '/',
      '/',
      ',',
      ' ',
      ' eq ',
      ' in ',
      ' and ',
    ],
    ...[
      'not ',
      '-',
      '1',
      '2.5',
      "'a'",
      'null',
      'true',
      '[1]',
      '{}',
      '@p',
      's.Book',
      's.Color',
      "s.Color'Red'",
      'contains',
      'cast',
      'isof',
      'case',
      'length',
    ],
    ...[
      '$value',
      '$ref',
      '$each',
      '*',
      '=',
      'n=',
      'id',
      'ID',
      'constructor',
      '__proto__',
      ';',
      '$select=',
      '$expand=',
      '$levels=max',
      ' desc',
      ' as y',
    ],
  )
  const text = fc.array(word, { maxLength: 12 }).map((words) => words.join(''))

  it('is bound, or refused with a status below 500 or 501', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('Products', 'Products(1)/tags', "Categories('x')", 'Products(1)/addresses', 'Best'),
        text,
        fc.array(fc.tuple(fc.constantFrom('$filter', '$orderby', '$select', '$expand', '$compute', '@p'), text), {
          maxLength: 3,
        }),
        (root, path, options) => {
          const query = options.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
          try {
            bindUrl(`${root}${path === '' ? '' : `/${path}`}?${query}`)
          } catch (error) {
            if (!(error instanceof ODataError)) throw error
            expect([400, 404, 414, 501]).toContain(error.status)
          }
        },
      ),
      { numRuns: 3_000 },
    )
  })

  it('binds what starts well', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          '$filter=name eq ',
          '$filter=tags/any(x:x eq ',
          '$orderby=',
          '$expand=parts($filter=serial eq ',
          '$select=name,',
          '$compute=',
          '$filter=case(flag:',
        ),
        text,
        (start, rest) => {
          const open = start.split('(').length - start.split(')').length
          try {
            bindUrl(`Products?${encodeURI(start)}${encodeURIComponent(rest)}${')'.repeat(open)}`)
          } catch (error) {
            if (!(error instanceof ODataError)) throw error
            expect([400, 501]).toContain(error.status)
          }
        },
      ),
      { numRuns: 3_000 },
    )
  })
})
