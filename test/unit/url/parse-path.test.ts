import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { defaultUrlLimits, type Segment } from '../../../src/url/ast.ts'
import { parsePath } from '../../../src/url/parse-path.ts'
import { dump } from './dump.ts'

const path = (raw: string): Segment[] => parsePath(raw, defaultUrlLimits)

function short({ syntax, text }: Segment): string {
  switch (syntax.kind) {
    case 'name': {
      const list = (args: typeof syntax.arguments): string =>
        args === undefined
          ? ''
          : `(${args.map((a) => (a.name === undefined ? '' : `${a.name}=`) + dump(a.value)).join(' ')})`
      return syntax.name + list(syntax.arguments) + list(syntax.key)
    }
    case '$crossjoin':
      return `crossjoin ${syntax.entitySets.join(' ')}`
    case '$filter':
      return `filter ${dump(syntax.predicate)}`
    case 'system':
      return `system ${syntax.name}`
    case 'raw':
      return `raw <${text}>`
  }
}

const paths: readonly (readonly [string, readonly string[]])[] = [
  ['', []],
  ['/', []],
  ['Products', ['Products']],
  ['/Products/', ['Products']],
  ['Products(1)/Name/$value', ['Products(integer<1>)', 'Name', 'system $value']],
  ["Products('a')", ['Products(string<a>)']],
  ["Products(ID=1,Code='x')", ['Products(ID=integer<1> Code=string<x>)']],
  ['Products( ID=1 , Code=@c )', ['Products(ID=integer<1> Code=@c)']],
  ['F()', ['F()']],
  ["NS.F(p='x',q=null,r=true,s=NS.E'a',t=@t)", ['NS.F(p=string<x> q=null r=true s=enum:NS.E<a> t=@t)']],
  ['F(p=1)(2)/Name', ['F(p=integer<1>)(integer<2>)', 'Name']],
  ['F(p=[1,2])', ['F(p=json<[1,2]>)']],
  ['P(01234567-89ab-cdef-0123-456789abcdef)', ['P(guid<01234567-89ab-cdef-0123-456789abcdef>)']],
  ['P(2018-02-13T23:59:59+01:00)', ['P(dateTimeOffset<2018-02-13T23:59:59+01:00>)']],
  ['Products%28%27a%27%29', ['Products(string<a>)']],
  ['$metadata', ['system $metadata']],
  ['$batch', ['system $batch']],
  ['$entity/NS.T', ['system $entity', 'NS.T']],
  ['$all/NS.T', ['system $all', 'NS.T']],
  ['$crossjoin(A,B)', ['crossjoin A B']],
  ['$crossjoin(A, B)/$query', ['crossjoin A B', 'system $query']],
  ['A/$filter(@p)/$each', ['A', 'filter @p', 'system $each']],
  ["A/$filter(b eq 'x%2Fy')/$count", ['A', 'filter (eq b string<x/y>)', 'system $count']],
  ["A/$filter(b/c eq 'x/)y')/$count", ['A', 'filter (eq b/c string<x/)y>)', 'system $count']],
  ['A/%24filter%28b/c eq 1%29/d', ['A', 'filter (eq b/c integer<1>)', 'd']],
  // key as segment
  ['A/1', ['A', 'raw <1>']],
  ['A/-1', ['A', 'raw <-1>']],
  ["A/O'Neil", ['A', "raw <O'Neil>"]],
  ['A/Smartphone%2FTablet', ['A', 'raw <Smartphone/Tablet>']],
  ['A/b%20c', ['A', 'raw <b c>']],
  ['A//B', ['A', 'raw <>', 'B']],
  ['A//', ['A', 'raw <>']],
  ['A/a+b', ['A', 'raw <a+b>']],
  ['A/%25', ['A', 'raw <%>']],
  ['A/$5', ['A', 'raw <$5>']],
  ['A/$', ['A', 'raw <$>']],
  ['A/x(', ['A', 'raw <x(>']],
  ['größe/日本', ['größe', '日本']],
]

describe('parsePath', () => {
  for (const [raw, expected] of paths) it(JSON.stringify(raw), () => expect(path(raw).map(short)).toEqual(expected))

  it('keeps each literal of a segment with the segment, and spans in the raw path', () => {
    const [first, second] = path("A(1)/B('x')")
    expect(first).toMatchObject({ offset: 0, length: 4, text: 'A(1)', syntax: { literals: [{ text: '1' }] } })
    expect(second).toMatchObject({ offset: 5, length: 6, syntax: { literals: [{ text: 'x', literal: 'string' }] } })
  })

  it('splits on a raw slash even inside quotes, and says how to write it (URL Conventions 2)', () => {
    expect(() => path("Categories('Smartphone/Tablet')")).toThrow(
      expect.objectContaining({
        code: 'urlSyntax',
        message: expect.stringMatching(/%2F/),
        position: { offset: 22, length: 0 },
      }),
    )
  })

  it('brings every key back that was encoded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (key, other) => {
        const encoded = encodeURIComponent(`'${key.replaceAll("'", "''")}'`)
        const segments = path(`Set(${encoded})/Other(a=${encoded},b=1)/${encodeURIComponent(`~${other}`)}/x`)
        expect(segments).toHaveLength(4)
        expect(segments[0]?.syntax).toMatchObject({ literals: [{ text: key, literal: 'string' }] })
        expect(segments[1]?.syntax).toMatchObject({ literals: [{ text: key }, { text: '1' }] })
        expect(segments[2]?.text).toBe(`~${other}`)
      }),
    )
  })
})

describe('faults of paths', () => {
  for (const [raw, offset] of [
    [".Products('foo')", 0],
    ['1', 0],
    ['Products(', 9],
    ['Products(1', 10],
    ['Products(ID=wrong)', 17],
    ["OrderItems(OrderID=1;ItemID='a')", 20],
    ['Products(@p%2Fx)', 9],
    ['Products(a b)', 10],
    ['Products(1)x', 11],
    ['Products(1)(2)(3)', 14],
    ['A/%', 2],
    ['A/%zz', 2],
    ['A/x%C3%28', 3],
    ['A/%C0%80', 2],
    ['A/%ED%A0%80', 2],
    ['A/\ud800', 2],
    ['$crossjoin(A', 12],
    ['$crossjoin()', 11],
    ['$metadata(1)', 9],
    ['$filter(a eq)', 12],
  ] as const)
    it(JSON.stringify(raw), () =>
      expect(() => path(raw)).toThrow(
        expect.objectContaining({
          code: 'urlSyntax',
          target: undefined,
          position: expect.objectContaining({ offset }),
        }),
      ),
    )

  it('keeps the fault of what may still be a key', () => {
    const [, second] = path('A/B(c=wrong)')
    expect(second?.syntax.kind).toBe('raw')
    if (second?.syntax.kind === 'raw') {
      expect(second.syntax.fault).toBeInstanceOf(ODataError)
      expect(second.syntax.fault.position?.offset).toBe(11)
    }
  })

  it('limits segments, items and depth', () => {
    expect(() => path('a/'.repeat(3000))).toThrow(/"tokens" is 2000/)
    expect(() => path(`A(${'1,'.repeat(600)}1)`)).toThrow(/"listItems" is 500/)
    expect(() => path(`A/$filter(${'('.repeat(100)}`)).toThrow(/"expressionDepth" is 64/)
  })
})
