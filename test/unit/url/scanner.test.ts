import { describe, expect, it } from 'vitest'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { rules } from '../../../src/url/grammar.ts'
import { Budget, quote, Scanner } from '../../../src/url/scanner.ts'

const scan = (text: string): Scanner => new Scanner(text, '$filter', new Budget(defaultUrlLimits), rules, [])

describe('Scanner', () => {
  it('reads identifiers with the Unicode categories of the ABNF', () => {
    for (const [text, end] of [
      ['abc', 3],
      ['_a1 b', 3],
      ['1a', 0],
      ['', 0],
      ['größe-', 5],
      ['日本', 2],
      ['𝒳y', 3],
      ['a\u0301b', 3],
      ['\u0301', 0],
      ['a\u200db', 3],
      ['a😀', 1],
      ['a.b', 1],
    ] as const)
      expect(scan(text).identifierEnd(0), text).toBe(end)
  })

  it('reads qualified names', () => {
    expect(scan('a.b.c/d').qualifiedEnd(0)).toBe(5)
    expect(scan('a.').qualifiedEnd(0)).toBe(1)
    expect(scan('a.*').qualifiedEnd(0)).toBe(1)
    expect(scan('.a').qualifiedEnd(0)).toBe(0)
  })

  it('takes identifiers of 128 characters and no more', () => {
    expect(scan('a'.repeat(128)).identifierEnd(0)).toBe(128)
    expect(scan('𝒳'.repeat(128)).identifierEnd(0)).toBe(256)
    expect(() => scan('a'.repeat(129)).identifierEnd(0)).toThrow(/128/)
  })
})

describe('quote', () => {
  it('shortens, and shows nothing unprintable', () => {
    expect(quote('abc')).toBe("'abc'")
    expect(quote('a\u0000\n\u202eb\ud800')).toBe("'a???b?'")
    expect(quote('😀'.repeat(1000))).toBe(`'${'😀'.repeat(40)}...'`)
    expect(quote('x'.repeat(1000)).length).toBeLessThan(50)
  })
})
