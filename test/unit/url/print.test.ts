import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ExpressionNode, QueryOptions } from '../../../src/url/ast.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseExpression } from '../../../src/url/parse-options.ts'
import { printExpression, printOptions } from '../../../src/url/print.ts'
import { bare, dump, dumpSearch, dumpStep, options } from './dump.ts'

const limits = { ...defaultUrlLimits, tokens: 20_000 }
const parse = (text: string): ExpressionNode => parseExpression(text, limits).expression

/** Texts from the grammar, generously parenthesised. */
const name = fc.constantFrom('a', 'b', 'Name', 'eq', 'größe', 'NS.T', 'any_')
const literal = fc.oneof(
  fc.string({ unit: 'grapheme' }).map((text) => `'${text.replaceAll("'", "''")}'`),
  fc.integer().map(String),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc.constantFrom('1.50', '-0.0', '1e10', '2.5E-3', 'INF', '-INF', 'NaN', '5L', '2f', '1.5m', '7m', '3d'),
  fc.constantFrom('2012-01-01', '2012-01-01T10:20:30.1234567-08:00', '10:20', '10:20:30.5'),
  fc.constantFrom('01234567-89ab-cdef-0123-456789abcdef', "duration'P1D'", "binary'AA'", "NS.E'x,1'"),
  fc.constantFrom("geography'SRID=0;Point(1 2)'", 'null', 'true', 'false', '@p', '$it', '$this'),
  fc.constantFrom('[1,"x",{"a":[]}]', '{}', '[]', '["a",b]', '{"a":b,"c":1}', '[[a],[2012-01-01]]'),
)
const infix = fc.constantFrom(
  ...['or', 'and', 'eq', 'ne', 'gt', 'ge', 'lt', 'le', 'has', 'in', 'add', 'sub', 'mul', 'div', 'divby', 'mod'],
)
const { tree } = fc.letrec<{ tree: string; path: string }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    literal,
    tie('path'),
    fc.tuple(tie('tree'), infix, tie('tree')).map(([l, op, r]) => `(${l}) ${op} (${r})`),
    fc.tuple(tie('tree'), infix, tie('tree')).map(([l, op, r]) => `${l} ${op} ${r}`),
    fc.tuple(tie('tree'), tie('tree')).map(([l, r]) => `(${l}) in (${r},1)`),
    tie('tree').map((t) => `not (${t})`),
    tie('tree').map((t) => `-(${t})`),
    tie('tree').map((t) => `- ${t}`),
    fc.tuple(tie('tree'), tie('tree')).map(([a, b]) => `contains(${a},${b})`),
    fc.tuple(tie('tree'), tie('tree')).map(([a, b]) => `case(${a} : ${b},true : 1)`),
    tie('tree').map((t) => `cast((${t}),Collection(Edm.String))`),
    tie('tree').map((t) => `isof((${t}),'NS.T')`),
  ),
  path: fc.oneof(
    { maxDepth: 4 },
    name,
    fc.tuple(fc.constantFrom('$it', '$this', '$root', '@p', '@NS.T', '@NS.T#q'), name).map((parts) => parts.join('/')),
    fc.tuple(tie('path'), name).map((parts) => parts.join('/')),
    fc.tuple(name, tie('tree')).map(([n, t]) => `${n}(${t})/x`),
    fc.tuple(name, tie('tree')).map(([n, t]) => `${n}(p=${t})(1)`),
    fc.tuple(tie('path'), tie('tree')).map(([p, t]) => `${p}/any(x:${t})`),
    fc.tuple(tie('path'), tie('tree')).map(([p, t]) => `${p}/all( x : ${t} )`),
    fc.tuple(tie('path'), tie('tree')).map(([p, t]) => `${p}/$filter(${t})/$count`),
    fc.tuple(tie('path'), tie('tree')).map(([p, t]) => `${p}/$count($filter=${t};$search=a b)`),
    tie('path').map((p) => `${p}/any()`),
    tie('path').map((p) => `${p}/-1`),
  ),
}))

/** The tree with chains of and/or in one form: how a chain is grouped has no meaning. */
function meaning(node: ExpressionNode): ExpressionNode {
  const flatten = (from: ExpressionNode, operator: string): ExpressionNode[] =>
    from.kind === 'binary' && from.operator === operator
      ? [...flatten(from.left, operator), ...flatten(from.right, operator)]
      : [from]
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit)
    if (value instanceof Map || typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value).filter(([key]) => key !== 'literals')
    const copy = Object.fromEntries(entries.map(([key, inner]) => [key, visit(inner)])) as unknown as ExpressionNode
    // behind `in` parentheses always make a list, also around a negation
    if (copy.kind === 'binary' && copy.operator === 'in' && copy.right.kind === 'unary')
      return { ...copy, right: { kind: 'list', items: [copy.right], offset: 0, length: 0 } }
    if (copy.kind !== 'binary' || (copy.operator !== 'and' && copy.operator !== 'or')) return copy
    return flatten(copy, copy.operator).reduce((left, right) => ({ ...copy, left, right }))
  }
  return visit(node) as ExpressionNode
}

describe('printExpression', () => {
  it('prints what parses to the same meaning', () => {
    let parsed = 0
    fc.assert(
      fc.property(tree, (text) => {
        let node: ExpressionNode
        try {
          node = parse(text)
        } catch {
          return // some random texts bind to something that has no grammar; they are counted below
        }
        parsed++
        const printed = printExpression(node)
        const again = parse(printed)
        expect(dump(meaning(again)), printed).toBe(
          dump(meaning(node))
            .replaceAll(/decimal<([+-]?\d{1,18})>/g, 'decimal<$1.0>')
            .replaceAll(/double<([+-]?\d+(?:\.\d+)?)>/g, 'double<$1e0>'),
        )
        expect(printExpression(again)).toBe(printed)
      }),
      { numRuns: 2000 },
    )
    expect(parsed).toBeGreaterThan(1500)
  })

  for (const text of [
    'a or b and not c',
    '(a or b) and c',
    'a and b and c and d and e',
    'a sub (b sub c)',
    'a sub b sub c',
    '(not a) in (b)',
    'not a in (b)',
    '(a eq b) eq c',
    'a eq (b eq c)',
    '-(5)',
    '-a mul b',
    '-(a mul b)',
    'case(a gt 10 : 20,true : 0)',
    'a/b(c=\'x\')(1)/$count($search=x AND "y z";$filter=d eq 1) gt 2',
    'a/any(x:x/b in (1,2)) and c/any()',
  ])
    it(`keeps ${text}`, () => {
      const printed = printExpression(parse(text))
      expect(dump(parse(printed))).toBe(dump(parse(text)))
      expect(printed.replaceAll(/[() ]/g, '')).toBe(text.replaceAll(/[() ]/g, ''))
    })
})

/** Options without spans, slots and shapes. */
function shortOptions(found: QueryOptions): unknown {
  const items = (list: QueryOptions['select'] | QueryOptions['expand']) =>
    list?.map((item) => [
      item.path.map(dumpStep).join('/'),
      'operationsOf' in item ? item.operationsOf : undefined,
      item.options === undefined ? undefined : shortOptions(item.options),
    ])
  return {
    filter: found.filter && dump(meaning(found.filter)),
    orderby: found.orderby?.map((item) => [dump(item.expression), item.descending]),
    select: items(found.select),
    expand: items(found.expand),
    compute: found.compute?.map((item) => [dump(item.expression), item.alias]),
    search: found.search && dumpSearch(found.search),
    apply: bare(found.apply),
    aliases: [...found.aliases].map(([key, value]) => [key, dump(value)]),
    custom: [...found.custom],
    rest: (
      ['top', 'skip', 'count', 'levels', 'index', 'format', 'schemaversion', 'skiptoken', 'deltatoken', 'id'] as const
    ).map((key) => found[key]),
  }
}

describe('printOptions', () => {
  for (const query of [
    "$filter=a eq 'x%26y%2B%25 %23ü'&$top=1&$skip=2&$count=true&custom=a%26b&c%3Dd=e",
    '$orderby=a desc,b,c add 1 asc',
    '$select=a,NS.*,*,b($select=c;$top=1),NS.F(p,q),@NS.T%23q',
    "$expand=a($filter=b eq 'x;)';$expand=c/$ref;$levels=max;@p=1),*($levels=2),d/$count($search=x)",
    '$compute=a mul 2 as b,c as d&$index=-1&$schemaversion=*&$format=json&$id=x/y&$skiptoken=a%26&$deltatoken=z',
    '$search=a OR (b AND NOT "c d") e&$apply=filter(a eq 1)/identity',
    '$search=a AND (b OR c) OR (d e)',
    "$search='\"'",
    '$search=NOT',
    "@p=[1,2]&@q='x'&$filter=a eq @p",
    'x=&y=+',
  ])
    it(query, () => {
      const found = options(query)
      const printed = printOptions(found)
      const short = JSON.stringify(shortOptions(found)).replace('"search":"NOT"', '"search":"\\"NOT\\""')
      expect(JSON.stringify(shortOptions(options(printed, '4.0'))), printed).toBe(short)
      expect(printed).toMatch(/^[!-~]*$/)
    })

  it('brings every literal back, encoded and decoded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const found = options(`$filter=a eq ${encodeURIComponent(`'${text.replaceAll("'", "''")}'`)}`)
        expect(options(printOptions(found)).literals[0]?.text).toBe(text)
      }),
    )
  })
})
