import { describe, expect, it } from 'vitest'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { compilePattern, maxPatternLength } from '../../../src/eval/pattern.ts'
import { call, evaluate, prop, str } from './things.ts'

const code = (source: string, flags = ''): string => {
  try {
    compilePattern(source, flags)
    return 'compiled'
  } catch (error) {
    return error instanceof ODataError ? error.code : String(error)
  }
}

describe('matchespattern (U 5.1.1.7.1)', () => {
  it('finds what ECMAScript with the u flag finds', () => {
    const sources = [
      '^A.*e$',
      'a',
      '^.$',
      'a{2}',
      'a{2,}b?',
      '[a-c\\d-]+$',
      '[^a]',
      '[]',
      '[^]',
      '\\u{1F600}',
      '\\ud83d\\ude00',
      '[[:]',
      '(?:ab|cd)+$',
      '(?<name>a)b',
      '\\p{L}+$',
      '\\p{Lu}',
      '\\P{L}',
      '\\/',
      '\\S',
      '\\s',
      '[\\w.\\-]+@\\w',
      '\\bfoo\\b',
      '\\Boo',
      '[-a]',
      '[^-a]',
      '[a-]',
      '.',
      '\\x41',
      '\\cJ',
      '\\0',
      'a|b',
      'x*',
      '(a+)+$',
      '\\.',
      '[\\]]',
      '[\\s\\d]',
      '\\t',
    ]
    const texts = [
      '',
      'A1e',
      'a',
      'aa',
      'aaab',
      'abcd',
      '😀',
      'É',
      'é',
      '1',
      '-',
      '/',
      ' ',
      'x@y',
      'a.b-c@d',
      'foo bar',
      '\n',
      '\u2028',
      '\u00a0',
      '\0',
      '[',
      ']',
      '.',
      'ab',
      '\t',
    ]
    for (const source of sources) {
      const expected = new RegExp(source, 'u')
      const pattern = compilePattern(source, '')
      for (const text of texts) expect([source, text, pattern(text)]).toEqual([source, text, expected.test(text)])
    }
  })

  it('knows the flags i, m and s', () => {
    expect(compilePattern('^b', 'm')('a\nb')).toBe(true)
    expect(compilePattern('^b', '')('a\nb')).toBe(false)
    expect(compilePattern('É', 'i')('é')).toBe(true)
    expect(compilePattern('a.b', 's')('a\nb')).toBe(true)
    expect(code('a', 'q')).toBe('literalInvalid')
  })

  it('answers in linear time where backtracking would not end', () => {
    const started = Date.now()
    expect(compilePattern('^(a|a)*$', '')(`${'a'.repeat(20_000)}b`)).toBe(false)
    expect(compilePattern('(x+x+)+y', '')('x'.repeat(20_000))).toBe(false)
    expect(Date.now() - started).toBeLessThan(5000)
  })

  it('refuses what is no pattern, names what it does not know', () => {
    for (const bad of [
      '(',
      ')',
      '[',
      '*',
      'a**',
      '\\',
      '\\q',
      '(?<a',
      '\\u{110000}',
      '\\x4',
      '[b-a]',
      '(a{1000}){1000}',
    ]) {
      expect([bad, code(bad)]).toEqual([bad, 'literalInvalid'])
    }
    for (const unknown of ['(?=a)', '(?!a)', '(?<=a)b', '(?<!a)b', '(a)\\1', '(?<n>a)\\k<n>']) {
      expect([unknown, code(unknown)]).toEqual([unknown, 'notImplemented'])
    }
    expect(code('a'.repeat(maxPatternLength + 1))).toBe('literalInvalid')
  })

  it('a pattern from the data that is none gives null', () => {
    expect(evaluate(call('matchespattern', prop('s'), prop('t')), { s: 'a', t: '(' })).toBe(null)
    expect(evaluate(call('matchespattern', prop('s'), prop('t')), { s: 'ab', t: '^a' })).toBe(true)
    expect(evaluate(call('matchespattern', prop('s'), str('^A'), str('i')), { s: 'ab' })).toBe(true)
    expect(evaluate(call('matchespattern', prop('s'), str('a')))).toBe(null)
  })
})
