import { nearestName } from '../base/text.ts'
import type { ErrorCode } from '../errors/codes.ts'
import { ODataError } from '../errors/odata-error.ts'
import type {
  AggregateNode,
  ExpressionNode,
  LiteralKind,
  LiteralNode,
  LiteralToken,
  QueryOptions,
  UrlLimits,
} from './ast.ts'
import { DOT, identifierUnits, isAsciiLeading, isAsciiPart, isBlank } from './characters.ts'

/** Which options the parentheses after a path may hold (ABNF: expandOption, expandRefOption, expandCountOption, selectOption). */
export type NestedKind = 'expand' | 'expandRef' | 'expandCount' | 'select'

/** The rules that call one another across files; wired in `grammar.ts`, so that no file imports in a ring. */
export interface Rules {
  /** ABNF: commonExpr */
  readonly expression: (scanner: Scanner) => ExpressionNode
  /** a semicolon list of options in parentheses; stands on `(`, leaves after `)` */
  readonly nestedOptions: (scanner: Scanner, kind: NestedKind) => QueryOptions
  /** ABNF: aggregateFunctionExpr in its parentheses; stands on `(`, leaves after `)` */
  readonly aggregate: (scanner: Scanner) => AggregateNode
}

/** What all parts of one URL use up together. */
export class Budget {
  readonly limits: UrlLimits
  tokens = 0
  optionItems = 0

  constructor(limits: UrlLimits) {
    this.limits = limits
  }
}

/** No character: the end of the text. */
export const END = -1

/** ABNF: odataIdentifier: at most 128 characters. */
const identifierLength = 128

/**
 * A place in one decoded part of a URL, with what was lifted out so far. The parse functions move `at`; each leaves it after
 * what it read and throws where it cannot go on.
 */
export class Scanner {
  readonly text: string
  readonly budget: Budget
  readonly rules: Rules
  /** literals lifted from this part and the parts before it that share its slots */
  readonly literals: LiteralToken[]
  /** what errors name as target: `$filter`, `@p`; undefined for the resource path */
  readonly target: string | undefined
  /** offset of this part in the text that positions count from */
  readonly base: number
  at = 0
  depth = 0
  constructor(
    text: string,
    target: string | undefined,
    budget: Budget,
    rules: Rules,
    literals: LiteralToken[],
    base = 0,
  ) {
    this.text = text
    this.target = target
    this.budget = budget
    this.rules = rules
    this.literals = literals
    this.base = base
  }

  /** The code of the character at hand, END behind the last. */
  code(): number {
    return this.at < this.text.length ? this.text.charCodeAt(this.at) : END
  }

  /** The code of the character `distance` further on. */
  codeAt(position: number): number {
    return position < this.text.length ? this.text.charCodeAt(position) : END
  }

  /** ABNF: BWS. */
  skipBlanks(): void {
    while (this.at < this.text.length && isBlank(this.text.charCodeAt(this.at))) this.at++
  }

  /** Takes the character when it stands here. */
  take(code: number): boolean {
    if (this.code() !== code) return false
    this.at++
    return true
  }

  /** Takes the character or fails; `expected` says it in words. */
  expect(code: number, expected: string): void {
    if (!this.take(code)) this.fail(expected)
  }

  /** ABNF: odataIdentifier. Returns where the identifier that starts at `from` ends; `from` when there is none. */
  identifierEnd(from: number): number {
    const { text } = this
    let at = from
    let code = this.codeAt(at)
    if (isAsciiLeading(code)) at++
    else if (code >= 128) at += identifierUnits(text, at, true)
    if (at === from) return from
    for (;;) {
      code = this.codeAt(at)
      if (isAsciiPart(code)) at++
      else if (code < 128) break
      else {
        const units = identifierUnits(text, at, false)
        if (units === 0) break
        at += units
      }
    }
    if (at - from > identifierLength && [...text.slice(from, at)].length > identifierLength)
      this.failAt('urlSyntax', `A name is longer than ${identifierLength} characters`, from, at - from)
    return at
  }

  /** Identifiers joined by dots (ABNF: namespace "." name). Returns its end; `from` when there is none. */
  qualifiedEnd(from: number): number {
    let end = this.identifierEnd(from)
    while (end > from && this.codeAt(end) === DOT) {
      const next = this.identifierEnd(end + 1)
      if (next === end + 1) break
      end = next
    }
    return end
  }

  /** ABNF: odataIdentifier, or fails saying what was expected. */
  identifier(expected: string): string {
    const end = this.identifierEnd(this.at)
    if (end === this.at) this.fail(expected)
    const name = this.text.slice(this.at, end)
    this.at = end
    return name
  }

  /** Counts one token against the limit. */
  token(): void {
    if (++this.budget.tokens > this.budget.limits.tokens) this.failLimit('tokens', 'The URL has too many tokens')
  }

  /** Counts one item of $select, $expand, $orderby, $compute, $apply against the limit. */
  optionItem(): void {
    if (++this.budget.optionItems > this.budget.limits.optionItems)
      this.failLimit('optionItems', 'The query options have too many items')
  }

  /** Checks the number of items of one list. */
  listItem(count: number): void {
    if (count > this.budget.limits.listItems) this.failLimit('listItems', 'A list has too many items')
  }

  /** One level deeper; `leave` goes back (not needed when a fault ends the parse). */
  enter(): void {
    if (++this.depth > this.budget.limits.expressionDepth) this.failDepth()
  }

  leave(): void {
    this.depth--
  }

  failDepth(): never {
    this.failLimit('expressionDepth', 'The expression is nested too deeply')
  }

  /** Lifts a literal that began at `offset` and ends here. */
  lift(literal: LiteralKind, text: string, offset: number, typeName?: string): LiteralNode {
    this.token()
    const length = this.at - offset
    const token: LiteralToken =
      typeName === undefined ? { offset, length, literal, text } : { offset, length, literal, text, typeName }
    const slot = this.literals.push(token) - 1
    return { kind: 'literal', offset, length, slot, token }
  }

  /** Fails here: says what was expected and what was met. */
  fail(expected: string, at = this.at): never {
    const met = this.metAt(at)
    const hint = this.hintAt(at, expected)
    return this.failAt('urlSyntax', `Expected ${expected}, found ${met.text}${hint}`, at, met.length)
  }

  /** Fails with a near name among `candidates`, if the word at hand resembles one. */
  failNear(expected: string, candidates: Iterable<string>): never {
    const end = this.identifierEnd(this.at)
    const word = this.text.slice(this.at, end)
    const near = word.length > 0 && word.length <= 40 ? nearestName(word, candidates) : undefined
    if (near === undefined || near === word) return this.fail(expected)
    return this.failAt(
      'urlSyntax',
      `Expected ${expected}, found '${word}' (did you mean '${near}'?)`,
      this.at,
      word.length,
    )
  }

  /** Throws with the place added to the message; `message` comes without a full stop. */
  failAt(code: ErrorCode, message: string, at: number, length: number): never {
    const place = this.base + at
    const where = this.target === undefined ? 'of the path' : `of ${quote(this.target)}`
    throw new ODataError(code, `${message} (at position ${place} ${where}).`, {
      ...(this.target === undefined ? undefined : { target: this.target }),
      position: { offset: place, length },
    })
  }

  failLimit(limit: keyof UrlLimits, message: string): never {
    return this.failAt(
      'urlLimitExceeded',
      `${message}; the limit "${limit}" is ${this.budget.limits[limit]}`,
      this.at,
      0,
    )
  }

  /** What to write instead, of what other languages have; empty where nothing is known. */
  private hintAt(at: number, expected: string): string {
    if (this.text[at] === '"' && expected.startsWith('a value')) return ' (strings stand in single quotes)'
    if (!expected.startsWith('an operator')) return ''
    foreignOperator.lastIndex = at
    const written = foreignOperator.exec(this.text)?.[0]
    const meant = written === undefined ? undefined : operatorsMeant[written]
    if (meant !== undefined) return ` (write '${meant}')`
    return this.text[at - 1] === "'" && this.identifierEnd(at) > at ? ' (a quote inside a string is written twice)' : ''
  }

  private metAt(at: number): { readonly text: string; readonly length: number } {
    if (at >= this.text.length) return { text: 'the end', length: 0 }
    const end = Math.max(this.qualifiedEnd(at), at + ((this.text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1))
    return { text: quote(this.text.slice(at, end)), length: end - at }
  }
}

const foreignOperator = /===?|!==?|<>|<=|>=|[=<>]|\|\||&&|!/y

const operatorsMeant: Readonly<Record<string, string>> = {
  '=': 'eq',
  '==': 'eq',
  '===': 'eq',
  '!=': 'ne',
  '!==': 'ne',
  '<>': 'ne',
  '<': 'lt',
  '<=': 'le',
  '>': 'gt',
  '>=': 'ge',
  '||': 'or',
  '&&': 'and',
}

/** Client text for a message: quoted, at most 40 characters, nothing unprintable. */
export function quote(text: string): string {
  const characters = [...text.slice(0, 82)]
  const shown = characters
    .slice(0, 40)
    .map((character) => (/[\p{C}]/u.test(character) ? '?' : character))
    .join('')
  return `'${shown}${characters.length > 40 ? '...' : ''}'`
}
