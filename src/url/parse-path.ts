import { ODataError } from '../errors/odata-error.ts'
import type { ExpressionNode, LiteralToken, Segment, SegmentSyntax, UrlLimits } from './ast.ts'
import { AT, CLOSE, COMMA, isDigit, MINUS, OPEN, OPEN_BRACE, OPEN_BRACKET, PLUS, QUOTE } from './characters.ts'
import { decodePart } from './decode.ts'
import { commonExpr, primaryExpr } from './expression.ts'
import { rules } from './grammar.ts'
import { jsonExpression } from './json.ts'
import { numberOrDate } from './literal.ts'
import { aliasOrAnnotation, namedArguments } from './member-path.ts'
import { Budget, Scanner } from './scanner.ts'

/** ABNF section 1: the resource path, segment by segment; what the names mean is for bind to say. */

/**
 * Reads the resource path below the service root.
 * @param rawPath as it came, without the query; a slash at its start or its end does not count
 * @param limits checked while reading
 * @param budget shared with the query of the same URL
 * @returns the segments; none for the service root
 * @throws ODataError urlSyntax, urlLimitExceeded; the position counts in the raw path
 */
export function parsePath(rawPath: string, limits: UrlLimits, budget = new Budget(limits)): Segment[] {
  const segments: Segment[] = []
  let filtersClose = true
  let start = rawPath.startsWith('/') ? 1 : 0
  const length = rawPath.endsWith('/') && rawPath.length > start ? rawPath.length - 1 : rawPath.length
  while (start < length || (start === length && segments.length > 0 && rawPath[start - 1] === '/')) {
    let end = slashAfter(rawPath, start, length)
    if (filtersClose && filterStart.test(rawPath.slice(start, start + 14))) {
      const close = filterEnd(rawPath, start, length)
      // one that never closes is a fault: there is no use in reading on for the others
      if (close === -1) filtersClose = false
      else end = close
    }
    const text = decodePart(rawPath.slice(start, end), false, undefined, start)
    const syntax = segmentSyntax(text, budget, start)
    // a key needs something before it
    if (syntax.kind === 'raw' && segments.length === 0) throw syntax.fault
    segments.push({ offset: start, length: end - start, text, syntax })
    start = end + 1
  }
  return segments
}

/** `$filter(` at the start of a raw segment. */
const filterStart = /^(?:\$|%24)filter(?:\(|%28)/i

/**
 * Where the parentheses of the `$filter(` at `start` close and the segment ends: slashes inside can mean only one thing.
 * @returns -1 when they never close
 */
function filterEnd(rawPath: string, start: number, length: number): number {
  let depth = 0
  let inString = false
  for (let at = start; at < length; at++) {
    let character = rawPath[at]
    if (character === '%') {
      const code = rawPath.slice(at + 1, at + 3)
      character = code === '27' ? "'" : code === '28' ? '(' : code === '29' ? ')' : ''
      at += 2
    }
    if (character === "'") inString = !inString
    else if (inString) continue
    else if (character === '(') depth++
    else if (character === ')' && --depth === 0) return slashAfter(rawPath, at, length)
  }
  return -1
}

/** The next slash, or the end. */
function slashAfter(rawPath: string, start: number, length: number): number {
  const slash = rawPath.indexOf('/', start)
  return slash === -1 || slash > length ? length : slash
}

/** What a decoded segment is; what fits no rule is raw, with the fault that says why. */
function segmentSyntax(text: string, budget: Budget, base: number): SegmentSyntax {
  const literals: LiteralToken[] = []
  const scanner = new Scanner(text, undefined, budget, rules, literals, base)
  scanner.token()
  try {
    return text.startsWith('$') ? systemSegment(scanner, literals) : nameSegment(scanner, literals)
  } catch (error) {
    if (error instanceof ODataError && error.code === 'urlSyntax') return { kind: 'raw', fault: error }
    throw error
  }
}

/** ABNF: filterInPath, crossjoin, each, count, ref, value, querySegment, and `$metadata` and its kin. */
function systemSegment(scanner: Scanner, literals: readonly LiteralToken[]): SegmentSyntax {
  const end = scanner.identifierEnd(1)
  const name = scanner.text.slice(0, end)
  if (end === 1) scanner.fail("a name after '$'", 1)
  scanner.at = end
  if (scanner.code() !== OPEN) {
    expectSegmentEnd(scanner, "'/' or the end")
    return { kind: 'system', name }
  }
  if (name === '$filter') {
    scanner.at++
    scanner.skipBlanks()
    const predicate = commonExpr(scanner)
    scanner.skipBlanks()
    scanner.expect(CLOSE, "an operator or ')'")
    expectSegmentEnd(scanner, "'/' or the end")
    return { kind: '$filter', predicate, literals }
  }
  if (name === '$crossjoin') {
    const entitySets: string[] = []
    scanner.at++
    do {
      scanner.skipBlanks()
      entitySets.push(scanner.identifier('the name of an entity set'))
      scanner.listItem(entitySets.length)
      scanner.skipBlanks()
    } while (scanner.take(COMMA))
    scanner.expect(CLOSE, "',' or ')'")
    expectSegmentEnd(scanner, "'/' or the end")
    return { kind: '$crossjoin', entitySets }
  }
  return scanner.fail("'/' or the end")
}

/** ABNF: a name, perhaps dotted, with a key predicate or function parameters. */
function nameSegment(scanner: Scanner, literals: readonly LiteralToken[]): SegmentSyntax {
  const end = scanner.qualifiedEnd(0)
  if (end === 0) scanner.fail('the name of a resource')
  const name = scanner.text.slice(0, end)
  scanner.at = end
  const found = scanner.code() === OPEN ? namedArguments(scanner, pathValue) : undefined
  // ABNF: ProductsByCategoryId(categoryId=2)(2): a key behind a function's parameters
  if (found !== undefined && scanner.code() === OPEN) {
    const key = namedArguments(scanner, pathValue)
    expectSegmentEnd(scanner, "'/' or the end")
    return { kind: 'name', name, arguments: found, key, literals }
  }
  expectSegmentEnd(scanner, found === undefined ? "'(', '/' or the end" : "'/' or the end")
  return { kind: 'name', name, arguments: found, literals }
}

function expectSegmentEnd(scanner: Scanner, expected: string): void {
  if (scanner.at < scanner.text.length) scanner.fail(expected)
}

/** ABNF: parameterAlias, keyPropertyValue, primitiveLiteral: what may stand in a path's parentheses; also plain JSON. */
function pathValue(scanner: Scanner): ExpressionNode {
  const code = scanner.code()
  if (code === AT) {
    const node = aliasOrAnnotation(scanner)
    return node.kind === 'alias' ? node : scanner.fail('a parameter alias', node.offset)
  }
  if (code === OPEN_BRACKET || code === OPEN_BRACE) {
    const node = jsonExpression(scanner)
    return node.kind === 'json' ? node : scanner.fail('plain JSON', node.offset)
  }
  const from = scanner.at
  if (isDigit(code) || code === MINUS || code === PLUS) return numberOrDate(scanner)
  if (code === QUOTE || scanner.qualifiedEnd(from) > from) {
    const node = primaryExpr(scanner)
    if (node.kind === 'literal' || node.kind === 'constant') return node
    return scanner.fail('a literal (strings stand in single quotes)', scanner.qualifiedEnd(from))
  }
  return scanner.fail('a literal or a parameter alias')
}
