import { describe, expect, it } from 'vitest'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseExpression } from '../../../src/url/parse-options.ts'
import { expression } from './dump.ts'

/** Plain JSON is one literal, letter for letter. */
const plain: readonly string[] = [
  '[]',
  '{}',
  '[ ]',
  '{ }',
  '[1,2,-3.5e+7,0]',
  '[null,true,false]',
  '["a","\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"]',
  '{"a":{"b":[{"c":1}]},"d":[[],{}]}',
  '{"@odata.type":"Model.T","x" : "y"}',
  '[["a,b","]"],{"}":"{"}]',
]

/** What holds expressions becomes a tree. */
const mixed: readonly (readonly [string, string])[] = [
  ['[a,b]', '[a b]'],
  ["['a','b']", '[string<a> string<b>]'],
  ['["a", \'b\' ]', '[string<a> string<b>]'],
  ['[2012-01-01]', '[date<2012-01-01>]'],
  ['[1 add 2,[3]]', '[(add integer<1> integer<2>) json<[3]>]'],
  ['{"a":b,"c":[d],"e":{"f":1}}', '{a: b c: [d] e: json<{"f":1}>}'],
  ['[$root/Customers(1),$root/Customers(2)]', '[$root/Customers(integer<1>) $root/Customers(integer<2>)]'],
  ['[null/x,true]', '[null/x true]'],
  ['[007]', '[integer<007>]'],
]

describe('arrayOrObject', () => {
  for (const text of plain) it(text, () => expect(expression(text)).toBe(`json<${text}>`))
  for (const [text, tree] of mixed) it(text, () => expect(expression(text)).toBe(tree))
  for (const text of plain) it(`${text} is JSON`, () => expect(() => JSON.parse(text)).not.toThrow())

  it('lifts plain JSON into a slot', () => {
    const { expression: node, literals } = parseExpression('a eq {"b": 1}', defaultUrlLimits)
    expect(node).toMatchObject({ right: { kind: 'json', slot: 0, text: '{"b": 1}', offset: 5, length: 8 } })
    expect(literals).toEqual([{ offset: 5, length: 8, literal: 'json', text: '{"b": 1}' }])
  })
})

const faults: readonly (readonly [string, number])[] = [
  ['[1,]', 3],
  ['[1', 2],
  ['{', 1],
  ['{a:1}', 1],
  ['{"a" 1}', 5],
  ['{"a":1,}', 7],
  ['{"a":1', 6],
  ['["a]', 1],
  ['["\\x"]', 1],
  ['["\\u12"]', 1],
  ['[1}', 2],
  ['{"a":b,"a":c}', 10],
]

describe('faults of JSON', () => {
  for (const [text, offset] of faults)
    it(text, () =>
      expect(() => expression(text)).toThrow(
        expect.objectContaining({ code: 'urlSyntax', position: expect.objectContaining({ offset }) }),
      ),
    )

  it('limits nesting without recursion', () => {
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`
    expect(() => expression(deep)).toThrow(/"expressionDepth" is 64/)
  })

  it('limits items', () => {
    expect(() => expression(`[${'1,'.repeat(600)}1]`)).toThrow(/"listItems" is 500/)
  })
})
