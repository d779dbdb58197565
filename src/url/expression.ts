import type { ExpressionNode, ListNode, TypeNameNode } from './ast.ts'
import {
  AT,
  CLOSE,
  COLON,
  COMMA,
  DOLLAR,
  isAsciiLeading,
  isBlank,
  isDigit,
  MINUS,
  OPEN,
  OPEN_BRACE,
  OPEN_BRACKET,
  PLUS,
  QUOTE,
  SLASH,
} from './characters.ts'
import { jsonExpression } from './json.ts'
import { guidLiteral, isGuidAt, namedDouble, numberOrDate, prefixedLiteral, stringLiteral } from './literal.ts'
import { aliasOrAnnotation, memberPath, rootedPath } from './member-path.ts'
import { canonicalFunctions, operatorNames } from './names.ts'
import { AND, balanced, binaryNode, OR, operatorAhead, PRIMARY } from './operators.ts'
import type { Scanner } from './scanner.ts'

/** ABNF section 4: expressions. Recursive descent with operator precedence (URL Conventions 5.1.1.17). */

const operand = 'a value, a property or a function'

/** ABNF: commonExpr. Stands on its first character; blanks behind it are left. */
export function commonExpr(scanner: Scanner): ExpressionNode {
  scanner.enter()
  const node = binaryExpr(scanner, OR)
  scanner.leave()
  return node
}

/** ABNF: andExpr, orExpr, eqExpr ... modExpr, hasExpr, inExpr: operators that bind at least as tight as `least`. */
function binaryExpr(scanner: Scanner, least: number): ExpressionNode {
  let left = unaryExpr(scanner)
  let links = 0
  for (;;) {
    const found = operatorAhead(scanner)
    if (found === undefined || found.power < least) return left
    const { operator, power } = found
    if (operator === 'and' || operator === 'or') {
      left = chain(scanner, operator, power, left)
      continue
    }
    // a chain such as 1 add 1 add 1 makes a tree as deep as it is long
    if (++links + scanner.depth > scanner.budget.limits.expressionDepth) scanner.failDepth()
    scanner.token()
    scanner.at += found.length
    scanner.skipBlanks()
    const right = operator === 'in' && scanner.code() === OPEN ? listExpr(scanner) : binaryExpr(scanner, power + 1)
    left = binaryNode(operator, left, right)
  }
}

/** ABNF: andExpr, orExpr, all of one chain. */
function chain(scanner: Scanner, operator: 'and' | 'or', power: number, first: ExpressionNode): ExpressionNode {
  const items = [first]
  for (;;) {
    const found = operatorAhead(scanner)
    if (found === undefined || found.operator !== operator) return balanced(operator, items)
    scanner.token()
    scanner.at += found.length
    scanner.skipBlanks()
    items.push(binaryExpr(scanner, power === OR ? AND : power + 1))
  }
}

/** ABNF: negateExpr, notExpr, or a primary expression with `has` or `in` behind it. */
function unaryExpr(scanner: Scanner): ExpressionNode {
  const code = scanner.code()
  if ((code | 0x20) === 0x6e && isNot(scanner)) return prefixed(scanner, 'not', 3)
  if (code === MINUS && !startsNumber(scanner)) return prefixed(scanner, 'negate', 1)
  return primaryExpr(scanner)
}

/** Reads the operand of `not` or `-`, which bind tighter than all infix operators but `has` and `in`. */
function prefixed(scanner: Scanner, operator: 'not' | 'negate', length: number): ExpressionNode {
  const offset = scanner.at
  scanner.token()
  scanner.at += length
  scanner.skipBlanks()
  scanner.enter()
  const inner = binaryExpr(scanner, PRIMARY)
  scanner.leave()
  return { kind: 'unary', offset, length: inner.offset + inner.length - offset, operator, operand: inner }
}

/** Whether the word `not` stands here as an operator: a blank or a parenthesis follows. */
function isNot(scanner: Scanner): boolean {
  const { at } = scanner
  if ((scanner.codeAt(at + 1) | 0x20) !== 0x6f || (scanner.codeAt(at + 2) | 0x20) !== 0x74) return false
  const next = scanner.codeAt(at + 3)
  return next === OPEN || isBlank(next)
}

/** Whether the sign at hand belongs to a number. */
function startsNumber(scanner: Scanner): boolean {
  return isDigit(scanner.codeAt(scanner.at + 1)) || isInfinity(scanner, scanner.at + 1)
}

function isInfinity(scanner: Scanner, at: number): boolean {
  return scanner.text.startsWith('INF', at) && scanner.identifierEnd(at) === at + 3
}

/** ABNF: primitiveLiteral, arrayOrObject, rootExpr, functionExpr, methodCallExpr, parenExpr, castExpr, isofExpr, firstMemberExpr. */
export function primaryExpr(scanner: Scanner): ExpressionNode {
  const code = scanner.code()
  if (isAsciiLeading(code) || code >= 128) return nameExpr(scanner)
  if (isDigit(code)) return numberOrDate(scanner)
  switch (code) {
    case QUOTE:
      return stringLiteral(scanner)
    case MINUS:
    case PLUS:
      return startsNumber(scanner) ? numberOrDate(scanner) : scanner.fail(operand)
    case OPEN:
      return parenExpr(scanner)
    case AT:
      return aliasOrAnnotation(scanner)
    case DOLLAR:
      return rootedPath(scanner)
    case OPEN_BRACKET:
    case OPEN_BRACE:
      return jsonExpression(scanner)
    default:
      return scanner.fail(operand)
  }
}

/** ABNF: parenExpr. */
function parenExpr(scanner: Scanner): ExpressionNode {
  scanner.token()
  scanner.at++
  scanner.skipBlanks()
  const inner = commonExpr(scanner)
  scanner.skipBlanks()
  if (!scanner.take(CLOSE)) scanner.failNear("an operator or ')'", operatorNames)
  return inner
}

/** ABNF: listExpr, the right side of `in`. Items may be any expression: what a list may hold is for bind to say. */
function listExpr(scanner: Scanner): ListNode {
  const offset = scanner.at
  scanner.token()
  scanner.at++
  scanner.skipBlanks()
  const items: ExpressionNode[] = []
  if (!scanner.take(CLOSE)) {
    do {
      scanner.skipBlanks()
      items.push(commonExpr(scanner))
      scanner.listItem(items.length)
      scanner.skipBlanks()
    } while (scanner.take(COMMA))
    scanner.expect(CLOSE, "',' or ')' in the list")
  }
  return { kind: 'list', offset, length: scanner.at - offset, items }
}

/** Whatever starts with a name: a literal with a prefix, a constant, a canonical function, a path. */
function nameExpr(scanner: Scanner): ExpressionNode {
  const offset = scanner.at
  if (isGuidAt(scanner, offset)) return guidLiteral(scanner)
  const end = scanner.qualifiedEnd(offset)
  if (end === offset) return scanner.fail(operand)
  const word = scanner.text.slice(offset, end)
  const next = scanner.codeAt(end)
  if (next === QUOTE) {
    scanner.at = end
    return prefixedLiteral(scanner, word, offset)
  }
  if (next === OPEN) return callOrPath(scanner, word, offset, end)
  if (next !== SLASH && word.length <= 5) {
    const constant = constantOf(word)
    if (constant !== undefined) {
      scanner.token()
      scanner.at = end
      return { kind: 'constant', offset, length: word.length, value: constant }
    }
    if (word === 'INF' || word === 'NaN') {
      scanner.at = end
      return namedDouble(scanner, word, offset)
    }
  }
  return memberPath(scanner, undefined, offset)
}

/** ABNF: null (exact), boolean (any case). */
function constantOf(word: string): null | boolean | undefined {
  if (word === 'null') return null
  if (word === 'true' || (word.length === 4 && word.toLowerCase() === 'true')) return true
  if (word === 'false' || (word.length === 5 && word.toLowerCase() === 'false')) return false
  return undefined
}

/** ABNF: methodCallExpr, caseMethodCallExpr, castExpr, isofExpr, isdefinedExpr; else a path that starts with a call or a key. */
function callOrPath(scanner: Scanner, word: string, offset: number, open: number): ExpressionNode {
  const name = word.toLowerCase()
  if (name === 'case') return caseExpr(scanner, offset, open)
  if (name === 'cast' || name === 'isof') return typeCall(scanner, name, offset, open)
  if (canonicalFunctions.has(name) || name === 'isdefined') {
    scanner.token()
    scanner.at = open
    return { kind: 'call', offset, name, arguments: values(scanner), length: scanner.at - offset }
  }
  if (name === 'any' || name === 'all' || name === 'aggregate')
    scanner.fail(`a collection and a slash before ${name}`, open)
  return memberPath(scanner, undefined, offset)
}

/** The arguments of a canonical function, by position. Stands on `(`. */
function values(scanner: Scanner): readonly ExpressionNode[] {
  scanner.enter()
  scanner.at++
  scanner.skipBlanks()
  const found: ExpressionNode[] = []
  if (!scanner.take(CLOSE)) {
    do {
      scanner.skipBlanks()
      found.push(binaryExpr(scanner, OR))
      scanner.listItem(found.length)
      scanner.skipBlanks()
    } while (scanner.take(COMMA))
    if (!scanner.take(CLOSE)) scanner.failNear("an operator, ',' or ')'", operatorNames)
  }
  scanner.leave()
  return found
}

/** ABNF: caseMethodCallExpr: pairs of condition and value with a colon between. Stands before `(`. */
function caseExpr(scanner: Scanner, offset: number, open: number): ExpressionNode {
  scanner.token()
  scanner.enter()
  scanner.at = open + 1
  const branches: { condition: ExpressionNode; value: ExpressionNode }[] = []
  do {
    scanner.skipBlanks()
    const condition = commonExpr(scanner)
    scanner.skipBlanks()
    scanner.expect(COLON, "':' after the condition of case()")
    scanner.skipBlanks()
    const value = commonExpr(scanner)
    branches.push({ condition, value })
    scanner.listItem(branches.length)
    scanner.skipBlanks()
  } while (scanner.take(COMMA))
  scanner.expect(CLOSE, "',' or ')' in case()")
  scanner.leave()
  return { kind: 'case', offset, length: scanner.at - offset, branches }
}

/** ABNF: castExpr, isofExpr: an optional expression and a type name, which older clients quote. */
function typeCall(scanner: Scanner, name: 'cast' | 'isof', offset: number, open: number): ExpressionNode {
  scanner.token()
  scanner.enter()
  scanner.at = open + 1
  scanner.skipBlanks()
  let type = typeNameBefore(scanner)
  const found: ExpressionNode[] = []
  if (type === undefined) {
    found.push(commonExpr(scanner))
    scanner.skipBlanks()
    scanner.expect(COMMA, `',' and a type name in ${name}()`)
    scanner.skipBlanks()
    type = typeNameBefore(scanner)
    if (type === undefined) return scanner.fail(`a type name and ')' in ${name}()`)
  }
  found.push(type)
  scanner.skipBlanks()
  scanner.expect(CLOSE, "')'")
  scanner.leave()
  return { kind: 'call', offset, length: scanner.at - offset, name, arguments: found }
}

/**
 * ABNF: optionallyQualifiedTypeName, with or without quotes, where a closing parenthesis follows; otherwise nothing is
 * taken.
 */
function typeNameBefore(scanner: Scanner): TypeNameNode | undefined {
  const offset = scanner.at
  const isQuoted = scanner.code() === QUOTE
  const from = isQuoted ? offset + 1 : offset
  let start = from
  let end = scanner.qualifiedEnd(start)
  let after = end
  const collection = scanner.codeAt(end) === OPEN && scanner.text.slice(start, end) === 'Collection'
  if (collection) {
    start = end + 1
    end = scanner.qualifiedEnd(start)
    if (scanner.codeAt(end) !== CLOSE) return undefined
    after = end + 1
  }
  if (end === start) return undefined
  if (isQuoted) {
    if (scanner.codeAt(after) !== QUOTE) return undefined
    after++
  }
  let close = after
  while (isBlank(scanner.codeAt(close))) close++
  if (scanner.codeAt(close) !== CLOSE) return undefined
  scanner.token()
  scanner.at = after
  return { kind: 'typeName', offset, length: after - offset, name: scanner.text.slice(start, end), collection }
}
