import { describe, expect, it } from 'vitest'
import type { QueryOptions } from '../../../src/url/ast.ts'
import { printOptions } from '../../../src/url/print.ts'
import { dump, dumpStep, options } from './dump.ts'

/** Items with their options, short. */
function items(list: QueryOptions['select'] | QueryOptions['expand']): string[] {
  return (list ?? []).map((item) => {
    const path = item.path.map(dumpStep).join('/')
    const name = 'operationsOf' in item && item.operationsOf !== undefined ? `${item.operationsOf}.*` : path
    return item.options === undefined ? name : `${name}(${short(item.options)})`
  })
}

function short(found: QueryOptions): string {
  const parts: string[] = []
  if (found.filter !== undefined) parts.push(`filter ${dump(found.filter)}`)
  if (found.orderby !== undefined)
    parts.push(`orderby ${found.orderby.map((o) => dump(o.expression) + (o.descending ? ' desc' : '')).join(',')}`)
  if (found.select !== undefined) parts.push(`select ${items(found.select).join(',')}`)
  if (found.expand !== undefined) parts.push(`expand ${items(found.expand).join(',')}`)
  if (found.compute !== undefined)
    parts.push(`compute ${found.compute.map((c) => `${dump(c.expression)} as ${c.alias}`).join(',')}`)
  for (const name of ['top', 'skip', 'count', 'levels'] as const)
    if (found[name] !== undefined) parts.push(`${name} ${found[name]}`)
  if (found.apply !== undefined) {
    const only: QueryOptions = { apply: found.apply, aliases: new Map(), custom: new Map(), literals: [], shape: '' }
    parts.push(decodeURIComponent(printOptions(only)))
  }
  for (const [name, value] of found.aliases) parts.push(`@${name} ${dump(value)}`)
  return parts.join('; ')
}

describe('select', () => {
  for (const [text, expected] of [
    ['*', ['*']],
    ['a,b', ['a', 'b']],
    ['a, b ,c', ['a', 'b', 'c']],
    ['NS.*,NS.Sub.*', ['NS.*', 'NS.Sub.*']],
    ['a/b/NS.T/c', ['a/b/NS.T/c']],
    ['NS.Action,NS.F(p,q),NS.G()', ['NS.Action', 'NS.F(p q)', 'NS.G()']],
    ['@Core.Messages($top=5),a/@NS.T#q', ['@Core.Messages(top 5)', 'a/@NS.T#q']],
    ['a($select=b,c;$top=2),d', ['a(select b,c; top 2)', 'd']],
    [
      "a($filter=startswith(City,'H');$orderby=x/y,z desc)",
      ['a(filter (startswith City string<H>); orderby x/y,z desc)'],
    ],
    ['a(select=b)', ['a(select b)']],
    ['größe', ['größe']],
  ] as const)
    it(text, () => expect(items(options(`$select=${encodeURIComponent(text)}`).select)).toEqual(expected))

  for (const [text, offset] of [
    ['', 0],
    [' a', 1],
    [',a', 0],
    ['a,', 2],
    ['a,,b', 2],
    ['a b', 2],
    ['a/', 2],
    ['a/*', 2],
    ['*/a', 1],
    ['NS.', 2],
    ['1a', 0],
    ['a($levels=2)', 2],
    ['a(', 2],
    ["'a'", 0],
  ] as const)
    it(`fails: ${JSON.stringify(text)}`, () =>
      expect(() => options(`$select=${encodeURIComponent(text)}`)).toThrow(
        expect.objectContaining({ target: '$select', position: expect.objectContaining({ offset }) }),
      ))
})

describe('expand', () => {
  for (const [text, expected] of [
    ['a,b/c', ['a', 'b/c']],
    ['*', ['*']],
    ['*/$ref,*($levels=max)', ['*/$ref', '*(levels max)']],
    ['$value', ['$value']],
    ['a/$ref($top=1;$filter=b)', ['a/$ref(filter b; top 1)']],
    ['a/$count($filter=b)', ['a/$count(filter b)']],
    ['a/NS.T/$ref', ['a/NS.T/$ref']],
    ['@NS.T/b', ['@NS.T/b']],
    ['a($levels=3)', ['a(levels 3)']],
    ['a( $expand=b($expand=c) ; $select=d )', ['a(select d; expand b(expand c))']],
    ['a($compute=b mul 2 as c;$count=TRUE)', ['a(compute (mul b integer<2>) as c; count true)']],
    ['a(@p=$this;$filter=@p/x gt 3)', ['a(filter (gt @p/x integer<3>); @p $this)']],
    ["a($apply=filter(b eq ';)')/identity;$top=1)", ["a(top 1; $apply=filter(b eq ';)')/identity)"]],
    ["a($filter=b eq ';)(')", ['a(filter (eq b string<;)(>))']],
    ['a(TOP=1;$Skip=2)', ['a(top 1; skip 2)']],
  ] as const)
    it(text, () => expect(items(options(`$expand=${encodeURIComponent(text)}`).expand)).toEqual(expected))

  for (const [text, offset, code] of [
    ['', 0, 'queryOptionInvalid'],
    ['a/$value', 2, 'urlSyntax'],
    ['$ref', 0, 'urlSyntax'],
    ['a()', 2, 'urlSyntax'],
    ['a($foo=1)', 2, 'queryOptionUnknown'],
    ['a($top=1;top=2)', 9, 'queryOptionDuplicate'],
    ['a(@p=1;@p=2)', 7, 'queryOptionDuplicate'],
    ['a($top=x)', 7, 'queryOptionInvalid'],
    ['a($levels=0)', 10, 'queryOptionInvalid'],
    ['a($filter)', 9, 'urlSyntax'],
    ['a($filter=)', 10, 'urlSyntax'],
    ['a($format=json)', 2, 'queryOptionNotAllowed'],
    ['a/$ref($select=b)', 7, 'queryOptionNotAllowed'],
    ['*/$count', 2, 'urlSyntax'],
    ['*/b', 2, 'urlSyntax'],
    ['a($top=1', 8, 'urlSyntax'],
    ['a$top=1)', 1, 'urlSyntax'],
  ] as const)
    it(`fails: ${JSON.stringify(text)}`, () =>
      expect(() => options(`$expand=${encodeURIComponent(text)}`)).toThrow(
        expect.objectContaining({ code, target: '$expand', position: expect.objectContaining({ offset }) }),
      ))

  it('names the option that was meant', () => {
    expect(() => options('$expand=a($fliter=b)')).toThrow(
      /Unknown query option '\$fliter' \(did you mean '\$filter'\?\)/,
    )
  })

  it('shares the literal slots of the outer options', () => {
    const found = options("$filter=a eq 'x'&$expand=b($filter=c eq 'y')")
    expect(found.expand?.[0]?.options?.literals).toBe(found.literals)
    expect(found.expand?.[0]?.options?.filter).toMatchObject({ right: { slot: 1 } })
  })

  it('limits items at all levels together', () => {
    const many = Array.from({ length: 150 }, (_, i) => `p${i}`).join(',')
    expect(() => options(`$expand=a($select=${many}),b($select=${many})`)).toThrow(/"optionItems" is 200/)
    expect(() => options(`$expand=${'a($expand='.repeat(100)}b${')'.repeat(100)}`)).toThrow(/"expressionDepth" is 64/)
  })
})
