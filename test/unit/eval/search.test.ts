import { describe, expect, it } from 'vitest'
import type { SearchExpression } from '../../../src/bind/tree.ts'
import { compileSearch, prepareSearch, wordsOf } from '../../../src/eval/search.ts'
import { complex, context, type Members, parameters, rawRow, row, special } from './things.ts'

const term = (text: string): SearchExpression => {
  parameters.push(text)
  return { kind: 'term', index: parameters.length - 1, phrase: text.includes(' ') }
}
const found = (search: SearchExpression, members: Members | Uint8Array): boolean =>
  prepareSearch(search, context)([...parameters])(members instanceof Uint8Array ? members : row(members))

describe('$search without an index', () => {
  it('finds whole words, whatever their case', () => {
    expect(found(term('RED'), { s: 'a red, small bike' })).toBe(true)
    expect(found(term('re'), { s: 'a red bike' })).toBe(false)
    expect(found(term('größe'), { s: 'GRÖSSE größe' })).toBe(true)
    expect(found(term('red'), {})).toBe(false)
  })

  it('finds phrases as words side by side in one string', () => {
    expect(found(term('red bike'), { s: 'a Red - bike!' })).toBe(true)
    expect(found(term('red bike'), { s: 'red', t: 'bike' })).toBe(false)
    expect(found(term('bike red'), { s: 'red bike' })).toBe(false)
    expect(found(term('d bike'), { s: 'red bike' })).toBe(false)
  })

  it('combines with and, or, not across properties', () => {
    const members = { s: 'red', t: 'bike' }
    const join = (kind: 'and' | 'or', a: string, b: string): SearchExpression => ({
      kind,
      left: term(a),
      right: term(b),
    })
    expect(found(join('and', 'red', 'bike'), members)).toBe(true)
    expect(found(join('and', 'red', 'car'), members)).toBe(false)
    expect(found(join('or', 'red', 'car'), members)).toBe(true)
    expect(found({ kind: 'not', operand: term('car') }, members)).toBe(true)
  })

  it('looks into keys, collections, complex values and derived types', () => {
    expect(found(term('x1'), { id: 'x1' })).toBe(true)
    expect(found(term('blue'), { tags: ['red', 'blue'] })).toBe(true)
    expect(found(term('lane'), { address: complex({ street: 'Long Lane' }) })).toBe(true)
    expect(found(term('lane'), { addresses: [complex({}), complex({ street: 'Long Lane' })] })).toBe(true)
    expect(found(term('more'), row({ extra: 'more' }, special))).toBe(true)
    expect(found(term('5'), rawRow({ s: 5, tags: 'five' }))).toBe(false)
  })

  it('a term without letters or digits is found nowhere', () => {
    expect(found(term('!'), { s: '!' })).toBe(false)
    expect(found(term(''), { s: 'a' })).toBe(false)
    expect(found({ kind: 'not', operand: term('!') }, { s: '!' })).toBe(true)
  })

  it('the one-function form follows its parameters', () => {
    const test = compileSearch({ kind: 'term', index: 0, phrase: false }, context)
    const bytes = row({ s: 'red' })
    expect([test(bytes, ['red']), test(bytes, ['blue']), test(bytes, [null])]).toEqual([true, false, false])
  })

  it('words are runs of letters, digits and marks', () => {
    expect(wordsOf('C-3PO’s e\u0301té 日本')).toEqual(['c', '3po', 's', 'e\u0301té', '日本'])
  })
})
