import type { LiteralKind, LiteralNode } from './ast.ts'
import { BLANK, COLON, DOT, isAsciiPart, isDigit, isHex, MINUS, PLUS, QUOTE, ZERO } from './characters.ts'
import { END, type Scanner } from './scanner.ts'

/** ABNF section 7: literal data values in URLs. Each is lifted into a slot; its text is checked against its type by bind. */

/** Words before a quote that make a literal; `guid` and `datetimeoffset` are forms of older clients. */
const prefixes: ReadonlyMap<string, LiteralKind> = new Map([
  ['binary', 'binary'],
  ['duration', 'duration'],
  ['geography', 'geography'],
  ['geometry', 'geometry'],
  ['guid', 'guid'],
  ['datetimeoffset', 'dateTimeOffset'],
])

const guidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const instantPattern = /^-?\d{4,}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[+-]\d\d:\d\d)$/i

/** ABNF: fractionalSeconds: at most so many digits. */
const mostFraction = 12

/** ABNF: stringLiteral. Stands on the opening quote. */
export function stringLiteral(scanner: Scanner): LiteralNode {
  const offset = scanner.at
  const text = quoted(scanner)
  return scanner.lift('string', text, offset)
}

/** SQUOTE *( SQUOTE-in-string / any ) SQUOTE: what stands between, with doubled quotes made single. */
function quoted(scanner: Scanner): string {
  const { text } = scanner
  const from = scanner.at + 1
  let at = text.indexOf("'", from)
  let doubled = false
  while (at !== -1 && text.charCodeAt(at + 1) === QUOTE) {
    doubled = true
    at = text.indexOf("'", at + 2)
  }
  if (at === -1) {
    const hint = scanner.target === undefined ? ' (a slash inside a key is written %2F)' : ''
    scanner.failAt('urlSyntax', `Expected a closing quote, found the end${hint}`, text.length, 0)
  }
  scanner.at = at + 1
  const inner = text.slice(from, at)
  return doubled ? inner.replaceAll("''", "'") : inner
}

/**
 * ABNF: durationLiteral, binaryLiteral, enumLiteral, geography..., geometry...: a word and a quoted text. Stands on the
 * quote; `offset` is where the word began.
 */
export function prefixedLiteral(scanner: Scanner, word: string, offset: number): LiteralNode {
  const kind = prefixes.get(word) ?? prefixes.get(word.toLowerCase())
  if (kind !== undefined) {
    const text = quoted(scanner)
    if (kind === 'guid' && !guidPattern.test(text)) return scanner.fail('a guid between the quotes', offset)
    if (kind === 'dateTimeOffset' && !instantPattern.test(text))
      return scanner.fail('a date, a time and a time zone between the quotes', offset)
    return scanner.lift(kind, text, offset)
  }
  if (!word.includes('.')) {
    scanner.at = offset
    scanner.failNear(
      'the qualified name of an enumeration type or one of binary, duration, geography, geometry before a quote',
      prefixes.keys(),
    )
  }
  return scanner.lift('enum', quoted(scanner), offset, word)
}

/**
 * Whether a guid starts at `at` (ABNF: guid). With dashes where only a guid has them, anything else is a fault.
 */
export function isGuidAt(scanner: Scanner, at: number): boolean {
  if (scanner.codeAt(at + 8) !== MINUS || scanner.codeAt(at + 13) !== MINUS) return false
  for (let i = 0; i < 36; i++) {
    const code = scanner.codeAt(at + i)
    const isDash = i === 8 || i === 13 || i === 18 || i === 23
    if (isDash ? code !== MINUS : code === END || !isHex(code)) {
      if (i < 8) return false
      return scanner.fail(isDash ? "'-' in the guid" : 'a hexadecimal digit of the guid', at + i)
    }
  }
  if (isAsciiPart(scanner.codeAt(at + 36))) scanner.fail('the end of the guid', at + 36)
  return true
}

/** ABNF: guid. The caller saw it with `isGuidAt`. */
export function guidLiteral(scanner: Scanner): LiteralNode {
  const offset = scanner.at
  scanner.at += 36
  return scanner.lift('guid', scanner.text.slice(offset, offset + 36), offset)
}

/**
 * ABNF: decimalLiteral, doubleLiteral, int64Literal, date, dateTimeOffsetLiteral, timeOfDayLiteral, guid: whatever starts
 * with a digit or with a sign and a digit (or INF). Stands on it.
 */
export function numberOrDate(scanner: Scanner): LiteralNode {
  const offset = scanner.at
  if (isGuidAt(scanner, offset)) return guidLiteral(scanner)
  const first = scanner.code()
  const signed = first === MINUS || first === PLUS
  const from = signed ? offset + 1 : offset
  if (signed && scanner.text.startsWith('INF', from)) return infinity(scanner, from + 3)
  let at = digits(scanner, from)
  const next = scanner.codeAt(at)
  if (next === MINUS && at - from >= 4 && first !== PLUS) return dateLiteral(scanner, offset, at)
  if (next === COLON && at - from === 2 && !signed) {
    const end = timeEnd(scanner, offset)
    if (end !== -1) return checkedEnd(scanner, 'timeOfDay', offset, end)
  }
  let kind: LiteralKind = 'integer'
  if (next === DOT && isDigit(scanner.codeAt(at + 1))) {
    kind = 'decimal'
    at = digits(scanner, at + 1)
  }
  if ((scanner.codeAt(at) | 0x20) === 0x65) {
    const sign = scanner.codeAt(at + 1)
    const exponent = sign === PLUS || sign === MINUS ? at + 2 : at + 1
    if (isDigit(scanner.codeAt(exponent))) {
      kind = 'double'
      at = digits(scanner, exponent)
    }
  }
  return numberEnd(scanner, kind, offset, from, at)
}

/** Ends a number: the suffixes of older clients (5L, 1.5m, 2f, 3d), and no other name character behind it. */
function numberEnd(scanner: Scanner, read: LiteralKind, offset: number, from: number, end: number): LiteralNode {
  let kind = read
  let after = end
  if (isAsciiPart(scanner.codeAt(end))) {
    const suffix = isAsciiPart(scanner.codeAt(end + 1)) ? 0 : scanner.codeAt(end) | 0x20
    if (suffix === 0x6d) kind = 'decimal'
    else if (suffix === 0x66 || suffix === 0x64) kind = 'double'
    else if (suffix !== 0x6c || read !== 'integer') scanner.fail('the end of a number', end)
    after = end + 1
  }
  if (kind === 'integer' && end - from >= 19 && !fitsInt64(scanner.text, offset, from, end)) kind = 'decimal'
  scanner.at = after
  return scanner.lift(kind, scanner.text.slice(offset, end), offset)
}

/** Whether an integer of 19 digits or more lies between -2^63 and 2^63 - 1. */
function fitsInt64(text: string, offset: number, from: number, end: number): boolean {
  let start = from
  while (start < end - 1 && text.charCodeAt(start) === ZERO) start++
  if (end - start !== 19) return end - start < 19
  const limit = text.charCodeAt(offset) === MINUS ? '9223372036854775808' : '9223372036854775807'
  return text.slice(start, end) <= limit
}

/** ABNF: nanInfinity: -INF. */
function infinity(scanner: Scanner, end: number): LiteralNode {
  return checkedEnd(scanner, 'double', scanner.at, end)
}

/** ABNF: date, dateTimeOffsetLiteral. `dash` is where the year ended. */
function dateLiteral(scanner: Scanner, offset: number, dash: number): LiteralNode {
  const month = dash + 1
  const day = dash + 4
  if (!twoDigits(scanner, month, 1, 12)) return scanner.fail('a month (01 to 12)', month)
  if (scanner.codeAt(dash + 3) !== MINUS) return scanner.fail("'-' after the month", dash + 3)
  if (!twoDigits(scanner, day, 1, 31)) return scanner.fail('a day (01 to 31)', day)
  const end = day + 2
  if ((scanner.codeAt(end) | 0x20) !== 0x74) return checkedEnd(scanner, 'date', offset, end)
  const time = timeEnd(scanner, end + 1)
  if (time === -1) return scanner.fail('a time of day (hh:mm or hh:mm:ss)', end + 1)
  const zone = scanner.codeAt(time)
  if ((zone | 0x20) === 0x7a) return checkedEnd(scanner, 'dateTimeOffset', offset, time + 1)
  // a plus that came as it is reads as a blank in a query; between time and offset it can only be the sign
  if (zone === PLUS || zone === MINUS || zone === BLANK) {
    if (
      twoDigits(scanner, time + 1, 0, 23) &&
      scanner.codeAt(time + 3) === COLON &&
      twoDigits(scanner, time + 4, 0, 59)
    ) {
      if (zone !== BLANK) return checkedEnd(scanner, 'dateTimeOffset', offset, time + 6)
      const text = `${scanner.text.slice(offset, time)}+${scanner.text.slice(time + 1, time + 6)}`
      scanner.at = time + 6
      return scanner.lift('dateTimeOffset', text.toUpperCase(), offset)
    }
  }
  return scanner.fail("a time zone ('Z' or +hh:mm) after the time", time)
}

/** ABNF: timeOfDayLiteral. Returns its end, -1 when there is none at `from`. */
function timeEnd(scanner: Scanner, from: number): number {
  if (!twoDigits(scanner, from, 0, 23) || scanner.codeAt(from + 2) !== COLON || !twoDigits(scanner, from + 3, 0, 59))
    return -1
  const minuteEnd = from + 5
  if (scanner.codeAt(minuteEnd) !== COLON || !twoDigits(scanner, minuteEnd + 1, 0, 60)) return minuteEnd
  const secondEnd = minuteEnd + 3
  if (scanner.codeAt(secondEnd) !== DOT || !isDigit(scanner.codeAt(secondEnd + 1))) return secondEnd
  return Math.min(digits(scanner, secondEnd + 1), secondEnd + 1 + mostFraction)
}

function twoDigits(scanner: Scanner, at: number, least: number, most: number): boolean {
  const tens = scanner.codeAt(at)
  const ones = scanner.codeAt(at + 1)
  if (!isDigit(tens) || !isDigit(ones)) return false
  const value = (tens - ZERO) * 10 + (ones - ZERO)
  return value >= least && value <= most
}

function digits(scanner: Scanner, from: number): number {
  let at = from
  while (isDigit(scanner.codeAt(at))) at++
  return at
}

/** Lifts what stands between `offset` and `end`, unless a name goes on right behind it. */
function checkedEnd(scanner: Scanner, kind: LiteralKind, offset: number, end: number): LiteralNode {
  if (isAsciiPart(scanner.codeAt(end))) scanner.fail('the end of the literal', end)
  const text = scanner.text.slice(offset, end)
  scanner.at = end
  return scanner.lift(kind, kind === 'dateTimeOffset' ? text.toUpperCase() : text, offset)
}

/** ABNF: nanInfinity: INF, NaN, as a name that was read. */
export function namedDouble(scanner: Scanner, word: string, offset: number): LiteralNode {
  return scanner.lift('double', word, offset)
}
