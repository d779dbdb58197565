import { nearestName } from '../base/text.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { ExpressionNode, LiteralToken, QueryOptions, UrlLimits } from './ast.ts'
import { defaultUrlLimits } from './ast.ts'
import { isBlank } from './characters.ts'
import { decodePart } from './decode.ts'
import { commonExpr } from './expression.ts'
import { draftOptions, expectEnd, optionValue, rules } from './grammar.ts'
import { dollarNames, type OptionKey, optionKey, optionNames } from './names.ts'
import { Budget, quote, Scanner } from './scanner.ts'
import { shapeOf } from './shape.ts'

/** How a URL is read. */
export interface UrlOptions {
  /** '4.0' where the client says `OData-MaxVersion: 4.0`: then a name without `$` is a custom option */
  readonly version: '4.0' | '4.01'
  readonly limits: UrlLimits
}

/** Options whose value is an expression or a list: ABNF allows no blank before it. */
const grammatical: ReadonlySet<OptionKey> = new Set(['filter', 'orderby', 'select', 'expand', 'compute', 'apply'])

/** Options that are no part of the shape: they change how an answer is written or where it starts, not what it means. */
const shapeless: ReadonlySet<OptionKey> = new Set(['format', 'skiptoken', 'deltatoken'])

/** The decoded values of one query string, by option. */
interface RawOptions {
  readonly system: Map<OptionKey, string>
  aliases: Map<string, string> | undefined
  custom: Map<string, string> | undefined
}

/**
 * Reads the query part of a URL (URL Conventions 5; ABNF: queryOptions).
 * @param rawQuery what stands behind `?`, as it came; or the body of a `/$query` request
 * @param budget what the path of the same URL has used up already
 * @returns the options, with literals lifted in the canonical order of the options
 * @throws ODataError urlSyntax, urlLimitExceeded, queryOptionUnknown, queryOptionDuplicate, queryOptionInvalid,
 *   queryOptionNotAllowed; the option is the target, the position counts in its decoded value
 */
export function parseQueryOptions(
  rawQuery: string,
  { version, limits }: UrlOptions,
  budget = new Budget(limits),
): QueryOptions {
  const raw = splitQuery(rawQuery, version)
  const literals: LiteralToken[] = []
  const options = draftOptions(literals)
  let shape = ''
  let left = raw.system.size
  if (left > 0) {
    for (const key of optionNames) {
      const text = raw.system.get(key)
      if (text === undefined) continue
      const scanner = new Scanner(text, `$${key}`, budget, rules, literals)
      const from = literals.length
      checkStart(scanner, key)
      optionValue(scanner, key, options, false)
      expectEnd(scanner, key === 'select' || key === 'expand' ? "',' or the end" : 'an operator or the end')
      if (key === 'id') shape += `${key}:${text.length}:${text}&`
      else if (!shapeless.has(key)) shape += `${key}=${shapeOf(text, literals, from)}&`
      if (--left === 0) break
    }
  }
  if (raw.aliases !== undefined) {
    const aliases = new Map<string, ExpressionNode>()
    for (const name of [...raw.aliases.keys()].sort()) {
      const text = raw.aliases.get(name) ?? ''
      const scanner = new Scanner(text, `@${name}`, budget, rules, literals)
      const from = literals.length
      scanner.skipBlanks()
      aliases.set(name, commonExpr(scanner))
      expectEnd(scanner, 'an operator or the end')
      shape += `@${name}=${shapeOf(text, literals, from)}&`
    }
    options.aliases = aliases
  }
  if (raw.custom !== undefined) options.custom = raw.custom
  options.shape = shape
  return options
}

/** Refuses an empty value and, as the ABNF does, a blank before an expression or a list. */
function checkStart(scanner: Scanner, key: OptionKey): void {
  if (!grammatical.has(key)) return
  if (scanner.text.trim() === '') scanner.failAt('queryOptionInvalid', `$${key} must have a value`, 0, 0)
  if (!isBlank(scanner.code())) return
  scanner.skipBlanks()
  scanner.fail(`the value of $${key} without a blank before it`)
}

/** Splits on `&` and the first `=`, then decodes each part once. */
function splitQuery(rawQuery: string, version: '4.0' | '4.01'): RawOptions {
  const raw: RawOptions = { system: new Map(), aliases: undefined, custom: undefined }
  let start = 0
  while (start <= rawQuery.length) {
    const ampersand = rawQuery.indexOf('&', start)
    const end = ampersand === -1 ? rawQuery.length : ampersand
    if (end > start) {
      const equals = rawQuery.indexOf('=', start)
      const nameEnd = equals === -1 || equals > end ? end : equals
      addOption(
        raw,
        rawQuery.slice(start, nameEnd),
        nameEnd < end ? rawQuery.slice(nameEnd + 1, end) : undefined,
        version,
      )
    }
    start = end + 1
  }
  return raw
}

/** Sorts one option into its place. `rawValue` is undefined where there is no `=`. */
function addOption(raw: RawOptions, rawName: string, rawValue: string | undefined, version: '4.0' | '4.01'): void {
  const name = decodePart(rawName, true, rawName.slice(0, 80))
  if (name.startsWith('$')) {
    const key = optionKey(name.slice(1))
    if (key === undefined) throw unknownOption(name)
    addSystem(raw, key, rawValue)
    return
  }
  if (name.startsWith('@')) {
    addAlias(raw, name, rawValue)
    return
  }
  if (version === '4.01') {
    const key = optionKey(name)
    // ABNF: the tokens are always written with their `$`
    if (key !== undefined && key !== 'skiptoken' && key !== 'deltatoken') {
      addSystem(raw, key, rawValue)
      return
    }
  }
  raw.custom ??= new Map()
  raw.custom.set(name, decodePart(rawValue ?? '', true, name.slice(0, 80)))
}

function addSystem(raw: RawOptions, key: OptionKey, rawValue: string | undefined): void {
  const target = `$${key}`
  if (raw.system.has(key)) throw duplicate(target)
  if (rawValue === undefined) {
    throw new ODataError('urlSyntax', `Expected '=' and a value after ${target}.`, {
      target,
      position: { offset: 0, length: 0 },
    })
  }
  raw.system.set(key, decodePart(rawValue, true, target))
}

/** ABNF: aliasAndValue. */
function addAlias(raw: RawOptions, name: string, rawValue: string | undefined): void {
  const target = name.slice(0, 80)
  const alias = name.slice(1)
  const scanner = new Scanner(alias, target, new Budget(defaultUrlLimits), rules, [], 1)
  if (alias === '' || scanner.identifierEnd(0) !== alias.length) {
    throw new ODataError('urlSyntax', `Expected a name after '@', found ${quote(alias)}.`, {
      target,
      position: { offset: 1, length: alias.length },
    })
  }
  raw.aliases ??= new Map()
  if (raw.aliases.has(alias)) throw duplicate(target)
  if (rawValue === undefined || rawValue === '') {
    throw new ODataError('queryOptionInvalid', `The parameter alias ${quote(name)} must have a value.`, {
      target,
      position: { offset: 0, length: 0 },
    })
  }
  raw.aliases.set(alias, decodePart(rawValue, true, target))
}

function unknownOption(name: string): ODataError {
  const near = name.length <= 40 ? nearestName(name, dollarNames) : undefined
  const hint = near === undefined ? '' : ` Did you mean '${near}'?`
  return new ODataError('queryOptionUnknown', `Unknown system query option ${quote(name)}.${hint}`, {
    target: name.slice(0, 80),
  })
}

function duplicate(target: string): ODataError {
  return new ODataError('queryOptionDuplicate', `The query option ${quote(target)} must not appear twice.`, { target })
}

/** An expression that stands alone: a path's `$filter(...)` parameter, a stored filter, a test. */
export interface ParsedExpression {
  readonly expression: ExpressionNode
  readonly literals: readonly LiteralToken[]
}

/**
 * Reads one expression from decoded text (ABNF: commonExpr).
 * @param target what errors name, `$filter` unless told
 * @throws ODataError urlSyntax, urlLimitExceeded
 */
export function parseExpression(text: string, limits: UrlLimits, target = '$filter'): ParsedExpression {
  const literals: LiteralToken[] = []
  const scanner = new Scanner(text, target, new Budget(limits), rules, literals)
  const expression = commonExpr(scanner)
  expectEnd(scanner, 'an operator or the end')
  return { expression, literals }
}
