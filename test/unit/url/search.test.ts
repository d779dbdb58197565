import { describe, expect, it } from 'vitest'
import { dumpSearch, options } from './dump.ts'

const search = (text: string): string => {
  const node = options(`$search=${encodeURIComponent(text)}`).search
  return node === undefined ? '' : dumpSearch(node)
}

/** [text, tree] */
const trees: readonly (readonly [string, string])[] = [
  ['blue', 'blue'],
  [' blue ', 'blue'],
  ['blue green', '(AND blue green)'],
  ['blue AND green', '(AND blue green)'],
  ['blue OR green black', '(OR blue (AND green black))'],
  ['NOT a AND b', '(AND (NOT a) b)'],
  ['NOT (a OR b)', '(NOT (OR a b))'],
  ['NOT NOT a', '(NOT (NOT a))'],
  ['a OR b OR c', '(OR (OR a b) c)'],
  ['"blue green"', '"blue green"'],
  ['"a AND b" OR (c)', '(OR "a AND b" c)'],
  // keywords are case-sensitive, and words where they cannot be operators
  ['a and b or not c', '(AND (AND (AND a and) b) (AND (AND or not) c))'],
  ['OR', 'OR'],
  ['NOT', 'NOT'],
  ['NOT NOT', '(NOT NOT)'],
  ['OR AND', '(AND OR AND)'],
  ['blue OR', '(AND blue OR)'],
  ['android notary', '(AND android notary)'],
  ["O'Neil", "O'Neil"],
  ['a;b', 'a;b'],
  ['08/15', '08/15'],
  ['größe', 'größe'],
  // incomplete expressions in single quotes
  ["'blue gr'", '(AND blue gr)'],
  ["'\"bl'", 'bl'],
  ["'('", '('],
  ["'O''N'", "O'N"],
  ["'\"'", '"'],
]

describe('search', () => {
  for (const [text, tree] of trees) it(text, () => expect(search(text)).toBe(tree))

  it('ends nested where an option follows, and only there', () => {
    const node = options('$expand=A($search=a;b c;$top=1;$count=true)').expand?.[0]?.options
    expect(node?.search === undefined ? '' : dumpSearch(node.search)).toBe('(AND a;b c)')
    expect(node).toMatchObject({ top: 1, count: true })
  })

  it('lifts its terms', () => {
    expect(options('$search=a "b c"').literals).toEqual([
      { offset: 0, length: 1, literal: 'string', text: 'a' },
      { offset: 2, length: 5, literal: 'string', text: 'b c' },
    ])
  })
})

describe('faults of search', () => {
  for (const [text, offset] of [
    ['', 0],
    ['   ', 3],
    ['"blue', 5],
    ['""', 1],
    ['(a', 2],
    ['()', 1],
    ['a)', 1],
    ['gr(een', 2],
    ["'abc", 4],
    ["''", 1],
    ["a 'b'", 2],
  ] as const)
    it(JSON.stringify(text), () =>
      expect(() => search(text)).toThrow(
        expect.objectContaining({ target: '$search', position: expect.objectContaining({ offset }) }),
      ),
    )

  it('limits depth', () => {
    expect(() => search(`${'NOT '.repeat(1000)}a`)).toThrow(/"expressionDepth"/)
    expect(() => search(`${'('.repeat(1000)}a`)).toThrow(/"expressionDepth"/)
  })
})
