import { describe, expect, it } from 'vitest'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseQueryOptions } from '../../../src/url/parse-options.ts'
import { printOptions } from '../../../src/url/print.ts'
import { bare, options } from './dump.ts'

const parsed = (text: string) => options(`$apply=${encodeURIComponent(text)}`)

/** The fault of a text: code and place. */
function fault(text: string, limits = defaultUrlLimits): string {
  try {
    parseQueryOptions(`$apply=${encodeURIComponent(text)}`, { version: '4.01', limits })
    return 'none'
  } catch (error) {
    if (!(error instanceof ODataError)) throw error
    return `${error.code} at ${error.position?.offset}: ${error.message}`
  }
}

const standard: readonly string[] = [
  'aggregate(Amount with sum as Total)',
  'aggregate($count as N,Sales/$count as S,Forecast,Sales/Forecast as F)',
  'aggregate(Amount mul Product/TaxRate with NS.method as T)',
  'aggregate(Amount with sum from Time,Product/Name with average from Country with max as M)',
  'aggregate(Forecast from Time with average from Country as C)',
  'groupby((A,B/C,NS.T/D))',
  'groupby((A),aggregate($count as N)/compute(N add 1 as M))',
  'groupby((rollup(H),rollup(A,B/C),rollup($all,D),E))',
  'groupby((rolluprecursive($root/Nodes,Q,Node/ID,filter(ID eq 1)),A),identity)',
  "concat(filter(a eq 'b'),identity,top(5)/skip(0))",
  'topcount(2,A)/bottomcount(2,A)/toppercent(50,A)/bottompercent(0.5,A)/topsum($these/$count,A)/bottomsum(3,A add B)',
  'search(coffee OR "black tea")',
  'orderby(A desc,B/C)/compute(A as B,length(C) as D)',
  'join(Sales as Sale)/outerjoin(Sales/NS.T as Sale,filter(A gt 1))',
  'nest(identity as A,groupby((B)) as C)/addnested(D/E/NS.T,identity as F,top(1) as G)',
  'ancestors($root/Nodes,Q,ID,filter(ID eq 1),2,keep start)/descendants($root/Nodes,Q,ID,NS.f(a=1),keep start)',
  'traverse($root/Nodes,Q,ID,preorder)/traverse($root/Nodes,Q,ID,postorder,filter(ID eq 1),Name desc,ID)',
  "NS.TopCount(Count=1,Property='Total')",
  'filter(Sales/aggregate(Amount with sum) gt 1 and $these/aggregate($count) gt 2 and isdefined(A/B))',
]

describe('printing', () => {
  for (const text of standard)
    it(`keeps ${text}`, () => {
      const printed = printOptions(parsed(text))
      expect(decodeURIComponent(printed)).toBe(`$apply=${text}`)
      expect(bare(options(printed).apply)).toEqual(bare(parsed(text).apply))
    })
})

describe('keywords', () => {
  for (const [text, lower] of [
    ['GroupBy((A),Aggregate(B WITH Sum AS C))', 'groupby((A),aggregate(B with sum as C))'],
    ['TOPCOUNT(2,A)/Identity', 'topcount(2,A)/identity'],
    ['groupby((RollUp(A,B)))', 'groupby((rollup(A,B)))'],
    ['Descendants($root/N,Q,ID,Filter(A eq 1),KEEP Start)', 'descendants($root/N,Q,ID,filter(A eq 1),keep start)'],
    ['aggregate( A with sum as B , $count as C )', 'aggregate(A with sum as B,$count as C)'],
  ] as const)
    it(`takes ${text}`, () => expect(bare(parsed(text).apply)).toEqual(bare(parsed(lower).apply)))
})

describe('faults', () => {
  for (const [text, expected] of [
    ['grupby((A))', "urlSyntax at 6: 'grupby' is no transformation (did you mean 'groupby'?)"],
    ['constructor(A)', "urlSyntax at 11: 'constructor' is no transformation"],
    ['', 'queryOptionInvalid at 0: $apply must have a value'],
    ['filter(A eq 1', "urlSyntax at 13: Expected an operator or ')'"],
    ['filter(A eq 1)/', 'urlSyntax at 15: Expected a transformation'],
    ['aggregate(A with total as B)', 'urlSyntax at 17: Expected sum, min, max'],
    ['aggregate(A add B as C)', "urlSyntax at 18: Expected an operator or 'with'"],
    ['top(-1)', 'urlSyntax at 4: Expected a whole number'],
    ['concat(identity)', "urlSyntax at 15: Expected ','"],
    ['ancestors(Nodes,Q,ID,identity)', "urlSyntax at 10: Expected '$root'"],
    ['ancestors($it/Nodes,Q,ID,identity)', "urlSyntax at 10: Expected '$root'"],
    ['ancestors($root/N,Q,ID,groupby((A)))', 'urlSyntax at 23: Expected a transformation that gives a subset'],
    ['ancestors($root/N,Q,ID,identity,0)', 'urlSyntax at 32: Expected a distance'],
    ['traverse($root/N,Q,ID,inorder)', "urlSyntax at 22: Expected 'preorder'"],
    ['groupby((A,NS.T))', "urlSyntax at 15: Expected '/' and a property"],
  ] as const)
    it(text === '' ? 'nothing' : text, () => expect(fault(text)).toContain(expected))
})

describe('limits', () => {
  it('holds nesting, items and tokens', () => {
    const deep = `${'concat('.repeat(40)}identity${',identity)'.repeat(40)}`
    expect(fault(deep)).toMatch(/^urlLimitExceeded.*"expressionDepth"/)
    expect(fault(Array.from({ length: 300 }, () => 'identity').join('/'))).toMatch(/^urlLimitExceeded.*"optionItems"/)
    expect(fault(`groupby((${Array.from({ length: 300 }, () => 'A').join(',')}))`)).toMatch(/"optionItems"/)
  })
})

describe('shapes', () => {
  it('are equal where only literals differ', () => {
    expect(parsed("filter(A eq 'x')").shape).toBe(parsed("filter(A eq 'it''s')").shape)
    expect(parsed('topcount(2,A)').shape).toBe(parsed('topcount(7,A)').shape)
    expect(parsed('top(2)').shape).not.toBe(parsed('top(7)').shape)
  })
})
