import type { SearchNode } from './ast.ts'
import { CLOSE, DOUBLE_QUOTE, EQUALS, isBlank, OPEN, QUOTE, SEMICOLON } from './characters.ts'
import { END, type Scanner } from './scanner.ts'

/** ABNF: search and what it is made of (URL Conventions 5.1.8.1). NOT binds tightest, then AND, then OR. */

const searchTerm = 'a search term'

/**
 * ABNF: search: BWS ( searchExpr / searchExpr-incomplete ).
 * @param nested inside the parentheses of $expand, where `;` and `)` end it
 */
export function searchValue(scanner: Scanner, nested: boolean): SearchNode {
  scanner.skipBlanks()
  return scanner.code() === QUOTE ? incomplete(scanner) : searchExpr(scanner, nested)
}

/** ABNF: searchExpr, searchOrExpr. */
function searchExpr(scanner: Scanner, nested: boolean): SearchNode {
  const items = [searchAnd(scanner, nested)]
  while (keyword(scanner, 'OR')) items.push(searchAnd(scanner, nested))
  return joined('or', items)
}

/** ABNF: searchAndExpr: with the word or with a blank only. */
function searchAnd(scanner: Scanner, nested: boolean): SearchNode {
  const items = [searchNot(scanner, nested)]
  for (;;) {
    if (!keyword(scanner, 'AND')) {
      const before = scanner.at
      scanner.skipBlanks()
      if (before === scanner.at || !startsTerm(scanner, scanner.at, nested) || isKeyword(scanner, scanner.at, 'OR')) {
        scanner.at = before
        return joined('and', items)
      }
    }
    items.push(searchNot(scanner, nested))
  }
}

/** ABNF: searchNegateExpr. */
function searchNot(scanner: Scanner, nested: boolean): SearchNode {
  const offset = scanner.at
  if (!isKeyword(scanner, offset, 'NOT')) return searchPrimary(scanner, nested)
  scanner.token()
  scanner.at += 3
  scanner.skipBlanks()
  scanner.enter()
  const operand = searchNot(scanner, nested)
  scanner.leave()
  return { kind: 'not', offset, length: scanner.at - offset, operand }
}

/** ABNF: searchParenExpr, searchPhrase, searchWord. */
function searchPrimary(scanner: Scanner, nested: boolean): SearchNode {
  const offset = scanner.at
  const code = scanner.code()
  if (code === OPEN) {
    scanner.token()
    scanner.enter()
    scanner.at++
    scanner.skipBlanks()
    const inner = searchExpr(scanner, nested)
    scanner.skipBlanks()
    scanner.expect(CLOSE, "a search term or ')'")
    scanner.leave()
    return inner
  }
  if (code === DOUBLE_QUOTE) {
    const close = scanner.text.indexOf('"', offset + 1)
    if (close === -1) scanner.fail('a closing double quote', scanner.text.length)
    if (close === offset + 1) scanner.fail('a phrase between the double quotes', close)
    scanner.at = close + 1
    return term(scanner, scanner.text.slice(offset + 1, close), true, offset)
  }
  const end = wordEnd(scanner, offset, nested)
  if (end === offset || code === QUOTE) return scanner.fail(searchTerm)
  scanner.at = end
  return term(scanner, scanner.text.slice(offset, end), false, offset)
}

function term(scanner: Scanner, text: string, phrase: boolean, offset: number): SearchNode {
  const { slot } = scanner.lift('string', text, offset)
  return { kind: 'term', offset, length: scanner.at - offset, text, phrase, slot }
}

/** ABNF: searchWord, generously: up to a blank, a parenthesis or a double quote. */
function wordEnd(scanner: Scanner, from: number, nested: boolean): number {
  let at = from
  for (;;) {
    const code = scanner.codeAt(at)
    if (code === END || isBlank(code) || code === OPEN || code === CLOSE || code === DOUBLE_QUOTE) return at
    if (code === SEMICOLON && nested && optionFollows(scanner, at + 1)) return at
    at++
  }
}

/** Decoded, `;` and `%3B` look alike: it ends the search only where the name of an option and `=` follow. */
function optionFollows(scanner: Scanner, from: number): boolean {
  let at = from
  while (isBlank(scanner.codeAt(at))) at++
  const first = scanner.text[at]
  if (first === '$' || first === '@') at++
  const end = scanner.identifierEnd(at)
  return end > at && scanner.codeAt(end) === EQUALS
}

function startsTerm(scanner: Scanner, at: number, nested: boolean): boolean {
  const code = scanner.codeAt(at)
  if (code === END || code === CLOSE) return false
  return !(nested && code === SEMICOLON && optionFollows(scanner, at + 1))
}

/** Whether the word stands at `at` with a blank and something to search behind it; else it is a term like any other. */
function isKeyword(scanner: Scanner, at: number, word: string): boolean {
  if (!scanner.text.startsWith(word, at) || !isBlank(scanner.codeAt(at + word.length))) return false
  let next = at + word.length
  while (isBlank(scanner.codeAt(next))) next++
  const code = scanner.codeAt(next)
  return code !== END && code !== CLOSE && code !== SEMICOLON
}

/** Takes a blank, the keyword and the blanks behind it. */
function keyword(scanner: Scanner, word: string): boolean {
  let at = scanner.at
  while (isBlank(scanner.codeAt(at))) at++
  if (at === scanner.at || !isKeyword(scanner, at, word)) return false
  scanner.token()
  scanner.at = at + word.length
  scanner.skipBlanks()
  return true
}

/** A chain as a tree of logarithmic depth, as in expressions. */
function joined(kind: 'and' | 'or', items: readonly SearchNode[]): SearchNode {
  const [first] = items
  if (first === undefined) throw new RangeError('no term')
  if (items.length === 1) return first
  const middle = (items.length + 1) >> 1
  const left = joined(kind, items.slice(0, middle))
  const right = joined(kind, items.slice(middle))
  return { kind, offset: left.offset, length: right.offset + right.length - left.offset, left, right }
}

/**
 * ABNF: searchExpr-incomplete: an expression still being typed, in single quotes. Its words, free of double quotes, must
 * all be found; what holds no word is one term as it is.
 */
function incomplete(scanner: Scanner): SearchNode {
  const offset = scanner.at
  const { text } = scanner
  let close = text.indexOf("'", offset + 1)
  while (close !== -1 && text.charCodeAt(close + 1) === QUOTE) close = text.indexOf("'", close + 2)
  if (close === -1) scanner.fail('a closing quote', text.length)
  const items: SearchNode[] = []
  let at = offset + 1
  while (at < close) {
    const from = at
    while (at < close && !isBlank(text.charCodeAt(at)) && text.charCodeAt(at) !== DOUBLE_QUOTE) at++
    if (at > from) {
      scanner.at = at
      items.push(term(scanner, text.slice(from, at).replaceAll("''", "'"), false, from))
    }
    at++
  }
  if (items.length === 0) {
    if (close === offset + 1) scanner.fail(searchTerm, close)
    scanner.at = close
    items.push(term(scanner, text.slice(offset + 1, close), false, offset + 1))
  }
  scanner.at = close + 1
  return joined('and', items)
}
