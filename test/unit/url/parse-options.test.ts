import { describe, expect, it } from 'vitest'
import { dump, options } from './dump.ts'

describe('names of options', () => {
  it('takes them with $ in both versions, in any case, decoded', () => {
    for (const version of ['4.0', '4.01'] as const) {
      expect(options('$top=1&$Skip=2&%24count=true&$ORDERBY=a', version)).toMatchObject({
        top: 1,
        skip: 2,
        count: true,
        orderby: [{ descending: false }],
      })
    }
  })

  it('takes them without $ in 4.01 only; the tokens never', () => {
    const modern = options('top=1&SELECT=a&skiptoken=x&deltatoken=y')
    expect(modern).toMatchObject({ top: 1, select: [{}] })
    expect([...modern.custom]).toEqual([
      ['skiptoken', 'x'],
      ['deltatoken', 'y'],
    ])
    const old = options('top=1&SELECT=a', '4.0')
    expect(old.top).toBeUndefined()
    expect([...old.custom]).toEqual([
      ['top', '1'],
      ['SELECT', 'a'],
    ])
  })

  it('refuses unknown ones and names the nearest', () => {
    expect(() => options('$fliter=a')).toThrow(
      expect.objectContaining({
        code: 'queryOptionUnknown',
        target: '$fliter',
        message: expect.stringMatching(/Did you mean '\$filter'/),
      }),
    )
    expect(() => options('$')).toThrow(expect.objectContaining({ code: 'queryOptionUnknown' }))
    expect(() => options('$=1')).toThrow(expect.objectContaining({ code: 'queryOptionUnknown' }))
    expect(() => options(`$${'x'.repeat(5000)}=1`)).toThrow(
      expect.objectContaining({ code: 'queryOptionUnknown', message: expect.stringMatching(/^.{0,120}$/) }),
    )
  })

  it('refuses doubled ones, however they are written', () => {
    for (const query of ['$top=1&$top=1', '$top=1&top=2', 'top=1&TOP=2', '$filter=a&%24filter=b', '@p=1&@p=2'])
      expect(() => options(query), query).toThrow(expect.objectContaining({ code: 'queryOptionDuplicate' }))
  })

  it('keeps custom options, also those named like members of objects', () => {
    expect([...options('a=1&b&c=x+y%2B=z&__proto__=p&constructor=q&=r&a=2').custom]).toEqual([
      ['a', '2'],
      ['b', ''],
      ['c', 'x y+=z'],
      ['__proto__', 'p'],
      ['constructor', 'q'],
      ['', 'r'],
    ])
  })

  it('reads aliases, sorted by name', () => {
    const found = options("@b=[1,2]&$filter=x eq @a&@a='%26'")
    expect([...found.aliases].map(([name, node]) => [name, dump(node)])).toEqual([
      ['a', 'string<&>'],
      ['b', 'json<[1,2]>'],
    ])
    for (const query of ['@=1', '@a', '@a=', '@a.b=1', '@1=1'])
      expect(() => options(query), query).toThrow(expect.objectContaining({ status: 400 }))
  })

  it('skips empty parts', () => {
    expect(options('&&$top=1&')).toMatchObject({ top: 1 })
    expect(options('').shape).toBe('')
  })
})

describe('values', () => {
  it('splits before it decodes, and decodes once', () => {
    const found = options('$filter=a%20eq%20%27x%26y%3Dz%2525+%2B%27&$top=%31')
    expect(found.literals[0]?.text).toBe('x&y=z%25 +')
    expect(found.top).toBe(1)
  })

  for (const [query, value] of [
    ['$top=0', { top: 0 }],
    ['$top=99999999999999', { top: 99999999999999 }],
    ['$skip=99999999999999999999999999', { skip: Number.MAX_SAFE_INTEGER }],
    ['$count=FALSE', { count: false }],
    ['$levels=MAX', { levels: 'max' }],
    ['$index=-1', { index: -1 }],
    ['$format=application/json;odata.metadata=full', { format: 'application/json;odata.metadata=full' }],
    ['$schemaversion=*', { schemaversion: '*' }],
    ['$skiptoken=a?b=c/d', { skiptoken: 'a?b=c/d' }],
    ['$deltaToken=latest', { deltatoken: 'latest' }],
    ['$id=http://host/service/Products(1)', { id: 'http://host/service/Products(1)' }],
    ["$apply=filter(a eq 'b')", { apply: [{ kind: 'filter', predicate: { kind: 'binary', operator: 'eq' } }] }],
    ['$filter=a eq 1 ', { filter: {} }],
    ['$orderby=a DESC, b asc ,c', { orderby: [{ descending: true }, { descending: false }, { descending: false }] }],
    ['$orderby=desc desc', { orderby: [{ descending: true }] }],
    ['$compute=a add 1 as b,c as d', { compute: [{ alias: 'b' }, { alias: 'd' }] }],
  ] as const)
    it(query, () => expect(options(query)).toMatchObject(value))

  for (const [query, code, target] of [
    ['$filter=', 'queryOptionInvalid', '$filter'],
    ['$filter', 'urlSyntax', '$filter'],
    ['$filter= a', 'urlSyntax', '$filter'],
    ['$orderby=', 'queryOptionInvalid', '$orderby'],
    ['$orderby=a upwards', 'urlSyntax', '$orderby'],
    ['$orderby=a asc desc', 'urlSyntax', '$orderby'],
    ['$orderby=a,', 'urlSyntax', '$orderby'],
    ['$compute=a', 'urlSyntax', '$compute'],
    ['$compute=a as', 'urlSyntax', '$compute'],
    ['$compute=a as b.c', 'urlSyntax', '$compute'],
    ['$search=', 'urlSyntax', '$search'],
    ['$top=', 'queryOptionInvalid', '$top'],
    ['$top=-1', 'queryOptionInvalid', '$top'],
    ['$top=1.5', 'queryOptionInvalid', '$top'],
    ['$top=1e3', 'queryOptionInvalid', '$top'],
    ['$top=ten', 'queryOptionInvalid', '$top'],
    ['$top=1;2', 'urlSyntax', '$top'],
    ['$skip=+1', 'queryOptionInvalid', '$skip'],
    ['$count=1', 'queryOptionInvalid', '$count'],
    ['$count=trueish', 'queryOptionInvalid', '$count'],
    ['$levels=0', 'queryOptionInvalid', '$levels'],
    ['$index=', 'queryOptionInvalid', '$index'],
    ['$format=', 'queryOptionInvalid', '$format'],
    ['$schemaversion=a b', 'queryOptionInvalid', '$schemaversion'],
    ['$skiptoken=', 'queryOptionInvalid', '$skiptoken'],
    ['$apply=+', 'queryOptionInvalid', '$apply'],
    ['$filter=%C3%28', 'urlSyntax', '$filter'],
  ] as const)
    it(`fails: ${query}`, () => expect(() => options(query)).toThrow(expect.objectContaining({ code, target })))
})

describe('literals and shape', () => {
  it('leaves the same shape for other values and another order of options', () => {
    const a = options("$filter=a eq 'x' and b in (1,2)&$top=5&$orderby=c&@p=2012-01-01")
    const b = options(
      "@p=1999-12-31&$orderby=c&$top=5&$filter=a eq 'O''Neil' and b in (3,40)&custom=1&$format=json&$skiptoken=t",
    )
    expect(b.shape).toBe(a.shape)
    expect(b.literals.map((token) => token.text)).toEqual(["O'Neil", '3', '40', '1999-12-31'])
    expect(a.shape).toContain('filter=a eq {string} and b in ({integer},{integer})&')
  })

  it('differs where the tree could', () => {
    const shapes = [
      '$filter=a eq 1',
      "$filter=a eq '1'",
      '$filter=a eq 1.0',
      '$filter=a eq 2147483648',
      '$filter=a eq null',
      '$filter=a eq true',
      '$filter=a eq b',
      "$filter=a eq NS.A'1'",
      "$filter=a eq NS.B'1'",
      "$filter=a eq duration'1'",
      '$filter=a eq [1]',
      '$filter=a eq ["1"]',
      '$filter=a eq [1.5]',
      '$filter=a eq {"b":1}',
      '$filter=a eq {"c":1}',
      '$filter=a eq [true]',
      '$filter=a eq [null]',
      '$filter=a eq [[1]]',
      '$search=a',
      '$search="a"',
      '$search=a b',
      "$search='a'",
      '$top=1',
      '$top=2',
      '$id=1',
      '$apply=identity',
      '$select=a',
      '$expand=a',
      '$expand=a($levels=1)',
      '$expand=a($levels=2)',
      '@p=1',
      '@q=1',
      '$filter=a/1 eq 1',
      '$filter=a/2 eq 1',
    ].map((query) => options(query).shape)
    expect(new Set(shapes).size).toBe(shapes.length)
  })

  it('counts equal neighbours of a JSON array once', () => {
    expect(options('$filter=a in [1,2,3]').shape).toBe(options('$filter=a in [7]').shape)
    expect(options('$filter=a in ["x","y\\"]"]').shape).toBe(options('$filter=a in ["z"]').shape)
  })

  it('cannot be forged by raw text', () => {
    expect(options('$id=x&@p=1').shape).not.toBe(options('$id=x%26@p={integer}').shape)
  })
})
