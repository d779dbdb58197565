import type { ExpressionNode, JsonNode, ListNode, ObjectNode } from './ast.ts'
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  DOT,
  DOUBLE_QUOTE,
  isBlank,
  isDigit,
  isHex,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  PLUS,
  ZERO,
} from './characters.ts'
import { END, type Scanner } from './scanner.ts'

/**
 * ABNF section 5: JSON in queries. What is plain JSON is lifted whole, as text; what holds expressions becomes a list or
 * an object of expressions, whose plain parts are lifted each.
 */

/** ABNF: arrayOrObject. Stands on `[` or `{`. */
export function jsonExpression(scanner: Scanner): ExpressionNode {
  const offset = scanner.at
  const end = jsonEnd(scanner, offset)
  if (end !== -1) return liftJson(scanner, offset, end)
  return scanner.code() === OPEN_BRACKET ? array(scanner) : object(scanner)
}

function liftJson(scanner: Scanner, offset: number, end: number): JsonNode {
  scanner.at = end
  const text = scanner.text.slice(offset, end)
  const { slot } = scanner.lift('json', text, offset)
  return { kind: 'json', offset, length: end - offset, slot, text }
}

/** ABNF: array, with expressions among its items. */
function array(scanner: Scanner): ListNode {
  const offset = scanner.at
  scanner.enter()
  scanner.token()
  scanner.at++
  scanner.skipBlanks()
  const items: ExpressionNode[] = []
  if (!scanner.take(CLOSE_BRACKET)) {
    do {
      items.push(valueInUrl(scanner))
      scanner.listItem(items.length)
    } while (scanner.take(COMMA))
    scanner.expect(CLOSE_BRACKET, "',' or ']' in the array")
  }
  scanner.leave()
  return { kind: 'list', offset, length: scanner.at - offset, items }
}

/** ABNF: object, with expressions among its member values. */
function object(scanner: Scanner): ObjectNode {
  const offset = scanner.at
  scanner.enter()
  scanner.token()
  scanner.at++
  scanner.skipBlanks()
  const members: { name: string; value: ExpressionNode }[] = []
  if (!scanner.take(CLOSE_BRACE)) {
    do {
      scanner.skipBlanks()
      const name = memberName(scanner)
      if (members.some((member) => member.name === name))
        scanner.failAt('urlSyntax', 'A JSON object names a member twice', scanner.at, 0)
      scanner.skipBlanks()
      scanner.expect(COLON, "':' after the member's name")
      members.push({ name, value: valueInUrl(scanner) })
      scanner.listItem(members.length)
    } while (scanner.take(COMMA))
    scanner.expect(CLOSE_BRACE, "',' or '}' in the object")
  }
  scanner.leave()
  return { kind: 'object', offset, length: scanner.at - offset, members }
}

/** ABNF: stringInUrl, as a member's name. */
function memberName(scanner: Scanner): string {
  const end = scanner.code() === DOUBLE_QUOTE ? stringEnd(scanner, scanner.at) : -1
  if (end === -1) return scanner.fail('a member name in double quotes')
  const text = scanner.text.slice(scanner.at, end)
  scanner.at = end
  return JSON.parse(text) as string
}

/** ABNF: valueInUrl, with the blanks around it. */
function valueInUrl(scanner: Scanner): ExpressionNode {
  scanner.skipBlanks()
  let node: ExpressionNode
  if (scanner.code() === DOUBLE_QUOTE) {
    const end = stringEnd(scanner, scanner.at)
    if (end === -1) scanner.fail('a JSON string that is closed')
    const offset = scanner.at
    const text = JSON.parse(scanner.text.slice(offset, end)) as string
    if (/\p{Surrogate}/u.test(text)) scanner.fail('a JSON string without half a surrogate pair')
    scanner.at = end
    node = scanner.lift('string', text, offset)
  } else node = scanner.rules.expression(scanner)
  scanner.skipBlanks()
  return node
}

/** Where a plain JSON value (RFC 8259) that starts at `from` ends, without recursion; -1 when it is none. */
function jsonEnd(scanner: Scanner, from: number): number {
  const { text } = scanner
  const { limits } = scanner.budget
  // one entry per open array or object: its closing character and how many items it has so far
  const closers: number[] = []
  const counts: number[] = []
  let at = from
  for (;;) {
    at = blanksEnd(text, at)
    const code = scanner.codeAt(at)
    if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      if (closers.length + scanner.depth >= limits.expressionDepth) scanner.failDepth()
      const closer = code === OPEN_BRACKET ? CLOSE_BRACKET : CLOSE_BRACE
      at = blanksEnd(text, at + 1)
      if (scanner.codeAt(at) !== closer) {
        closers.push(closer)
        counts.push(1)
        if (closer === CLOSE_BRACE) at = nameEnd(scanner, at)
        if (at === -1) return -1
        continue
      }
      at++
    } else at = scalarEnd(scanner, at, code)
    if (at === -1) return -1
    // a value is read: close what closes here, then go on behind a comma
    for (;;) {
      const closer = closers.at(-1)
      if (closer === undefined) return at
      at = blanksEnd(text, at)
      const next = scanner.codeAt(at)
      at++
      if (next === closer) {
        closers.pop()
        counts.pop()
        continue
      }
      if (next !== COMMA) return -1
      const count = (counts.pop() ?? 0) + 1
      counts.push(count)
      scanner.listItem(count)
      if (closer === CLOSE_BRACE) at = nameEnd(scanner, blanksEnd(text, at))
      if (at === -1) return -1
      break
    }
  }
}

function blanksEnd(text: string, from: number): number {
  let at = from
  while (at < text.length && isBlank(text.charCodeAt(at))) at++
  return at
}

/** A member's name and its colon; -1 when there is none. */
function nameEnd(scanner: Scanner, from: number): number {
  const end = stringEnd(scanner, from)
  if (end === -1) return -1
  const colon = blanksEnd(scanner.text, end)
  return scanner.codeAt(colon) === COLON ? colon + 1 : -1
}

function scalarEnd(scanner: Scanner, from: number, code: number): number {
  if (code === DOUBLE_QUOTE) return stringEnd(scanner, from)
  if (code === MINUS || isDigit(code)) return numberEnd(scanner, from)
  for (const word of ['true', 'false', 'null']) {
    if (scanner.text.startsWith(word, from) && scanner.identifierEnd(from) === from + word.length)
      return scanner.codeAt(from + word.length) === 0x2f ? -1 : from + word.length
  }
  return -1
}

/** RFC 8259 string: -1 when it is malformed or not closed. */
function stringEnd(scanner: Scanner, from: number): number {
  if (scanner.codeAt(from) !== DOUBLE_QUOTE) return -1
  let at = from + 1
  for (;;) {
    const code = scanner.codeAt(at)
    if (code === END || code < 0x20) return -1
    if (code === DOUBLE_QUOTE) return at + 1
    if (code !== BACKSLASH) {
      at++
      continue
    }
    const escaped = scanner.codeAt(at + 1)
    if (escaped === 0x75) {
      for (let i = 2; i < 6; i++) {
        const digit = scanner.codeAt(at + i)
        if (digit === END || !isHex(digit)) return -1
      }
      at += 6
    } else {
      if (escaped === END || !'"\\/bfnrt'.includes(String.fromCharCode(escaped))) return -1
      at += 2
    }
  }
}

/** RFC 8259 number: -1 when it is none, or something follows that makes it a literal of another kind. */
function numberEnd(scanner: Scanner, from: number): number {
  let at = scanner.codeAt(from) === MINUS ? from + 1 : from
  const first = scanner.codeAt(at)
  if (!isDigit(first)) return -1
  at++
  if (first !== ZERO) at = digitsEnd(scanner, at)
  if (scanner.codeAt(at) === DOT) {
    if (!isDigit(scanner.codeAt(at + 1))) return -1
    at = digitsEnd(scanner, at + 1)
  }
  if ((scanner.codeAt(at) | 0x20) === 0x65) {
    const sign = scanner.codeAt(at + 1)
    at += sign === PLUS || sign === MINUS ? 2 : 1
    if (!isDigit(scanner.codeAt(at))) return -1
    at = digitsEnd(scanner, at)
  }
  const next = scanner.codeAt(blanksEnd(scanner.text, at))
  return next === COMMA || next === CLOSE_BRACKET || next === CLOSE_BRACE ? at : -1
}

function digitsEnd(scanner: Scanner, from: number): number {
  let at = from
  while (isDigit(scanner.codeAt(at))) at++
  return at
}
