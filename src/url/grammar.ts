import { nearestName } from '../base/text.ts'
import { aggregateFunction } from './aggregate.ts'
import { applyExpr } from './apply.ts'
import { type ExpressionNode, noAliases, type QueryOptions } from './ast.ts'
import { AT, CLOSE, DOLLAR, EQUALS, isBlank, isDigit, MINUS, SEMICOLON } from './characters.ts'
import { commonExpr } from './expression.ts'
import { computeItems, orderbyItems } from './items.ts'
import { dollarNames, type OptionKey, operatorNames, optionKey } from './names.ts'
import { END, type NestedKind, quote, type Rules, type Scanner } from './scanner.ts'
import { searchValue } from './search.ts'
import { expandItems, selectItems } from './select-expand.ts'

/** ABNF section 2: the values of the system query options, at the top of a URL and in parentheses. */

/** Options while they are read. */
export type OptionsDraft = { -readonly [K in keyof QueryOptions]: QueryOptions[K] }

const noCustom: QueryOptions['custom'] = new Map()

/** An empty set of options that shares the scanner's literal slots. */
export function draftOptions(literals: QueryOptions['literals']): OptionsDraft {
  return { aliases: noAliases, custom: noCustom, literals, shape: '' }
}

/** Which options may stand in which parentheses. */
const nestedKeys: Readonly<Record<NestedKind, ReadonlySet<OptionKey>>> = {
  expand: new Set([
    'filter',
    'search',
    'orderby',
    'skip',
    'top',
    'count',
    'select',
    'expand',
    'compute',
    'levels',
    'apply',
  ]),
  expandRef: new Set(['filter', 'search', 'orderby', 'skip', 'top', 'count']),
  expandCount: new Set(['filter', 'search']),
  select: new Set(['filter', 'search', 'orderby', 'skip', 'top', 'count', 'select', 'compute', 'expand']),
}

/** The largest $top and $skip told apart: more rows than that no collection has. */
const mostRows = Number.MAX_SAFE_INTEGER

/**
 * Reads the value of one option up to its end, which the caller checks.
 * @param nested inside parentheses: `;` and `)` end a search
 */
export function optionValue(scanner: Scanner, key: OptionKey, options: OptionsDraft, nested: boolean): void {
  switch (key) {
    case 'filter':
      options.filter = commonExpr(scanner)
      return
    case 'orderby':
      options.orderby = orderbyItems(scanner)
      return
    case 'select':
      options.select = selectItems(scanner)
      return
    case 'expand':
      options.expand = expandItems(scanner)
      return
    case 'compute':
      options.compute = computeItems(scanner)
      return
    case 'apply':
      options.apply = applyExpr(scanner)
      return
    case 'search':
      options.search = searchValue(scanner, nested)
      return
    case 'top':
    case 'skip':
      options[key] = wholeNumber(scanner, key)
      return
    case 'count':
      options.count = booleanValue(scanner)
      return
    case 'levels':
      options.levels = levelsValue(scanner)
      return
    case 'index':
      options.index = indexValue(scanner)
      return
    default:
      options[key] = rawText(scanner, key)
  }
}

/** ABNF: top, skip: 1*DIGIT. */
function wholeNumber(scanner: Scanner, key: OptionKey): number {
  const from = scanner.at
  while (isDigit(scanner.code())) scanner.at++
  if (scanner.at === from || !endsHere(scanner))
    return invalid(scanner, from, `$${key} must be a whole number from 0 on`)
  return Math.min(Number(scanner.text.slice(from, scanner.at)), mostRows)
}

/** ABNF: inlinecount: boolean. */
function booleanValue(scanner: Scanner): boolean {
  const from = scanner.at
  scanner.at = scanner.identifierEnd(from)
  const word = scanner.text.slice(from, scanner.at).toLowerCase()
  if ((word !== 'true' && word !== 'false') || !endsHere(scanner))
    return invalid(scanner, from, '$count must be true or false')
  return word === 'true'
}

/** ABNF: levels: oneToNine *DIGIT / "max". */
function levelsValue(scanner: Scanner): number | 'max' {
  const from = scanner.at
  const message = "$levels must be a whole number from 1 on, or 'max'"
  if (isDigit(scanner.code())) {
    while (isDigit(scanner.code())) scanner.at++
    const value = Number(scanner.text.slice(from, scanner.at))
    return value > 0 && endsHere(scanner) ? Math.min(value, mostRows) : invalid(scanner, from, message)
  }
  scanner.at = scanner.identifierEnd(from)
  if (scanner.text.slice(from, scanner.at).toLowerCase() !== 'max' || !endsHere(scanner))
    return invalid(scanner, from, message)
  return 'max'
}

/** ABNF: index: [ "-" ] 1*DIGIT. */
function indexValue(scanner: Scanner): number {
  const from = scanner.at
  scanner.take(MINUS)
  const first = scanner.at
  while (isDigit(scanner.code())) scanner.at++
  const value = Number(scanner.text.slice(from, scanner.at))
  if (scanner.at === first || !Number.isSafeInteger(value) || !endsHere(scanner))
    return invalid(scanner, from, '$index must be a whole number')
  return value
}

/** Whether the value ends at the scanner's place. */
function endsHere(scanner: Scanner): boolean {
  const code = scanner.code()
  return code === END || isBlank(code) || code === SEMICOLON || code === CLOSE
}

function invalid(scanner: Scanner, from: number, message: string): never {
  let end = from
  while (end < scanner.text.length && !';)'.includes(scanner.text[end] ?? ';')) end++
  const met = scanner.text.slice(from, end)
  const found = met === '' ? 'it has no value' : `not ${quote(met)}`
  return scanner.failAt('queryOptionInvalid', `${message}, ${found}`, from, end - from)
}

/** ABNF: format, schemaversion, skiptoken, deltatoken, id. */
function rawText(scanner: Scanner, key: OptionKey): string {
  const from = scanner.at
  scanner.at = scanner.text.length
  const text = scanner.text.slice(from, scanner.at)
  if (text.trim() === '') return invalid(scanner, from, `$${key} must have a value`)
  if (key === 'schemaversion' && text !== '*' && !isUnreserved(text))
    return invalid(scanner, from, "$schemaversion must be a version or '*'")
  scanner.token()
  return text
}

/** ABNF: 1*unreserved. */
function isUnreserved(text: string): boolean {
  return /^[A-Za-z0-9._~-]+$/.test(text)
}

/** ABNF: expandOption, expandRefOption, expandCountOption, selectOption, in parentheses. Stands on `(`. */
function nestedOptions(scanner: Scanner, kind: NestedKind): QueryOptions {
  const options = draftOptions(scanner.literals)
  let aliases: Map<string, ExpressionNode> | undefined
  scanner.enter()
  scanner.token()
  scanner.at++
  do {
    scanner.skipBlanks()
    if (scanner.code() === AT) {
      aliases ??= new Map()
      nestedAlias(scanner, aliases)
      options.aliases = aliases
    } else {
      const key = nestedName(scanner, kind, options)
      scanner.skipBlanks()
      optionValue(scanner, key, options, true)
    }
    scanner.skipBlanks()
  } while (scanner.take(SEMICOLON))
  if (!scanner.take(CLOSE)) scanner.failNear("an operator, ';' or ')'", operatorNames)
  scanner.leave()
  return options
}

/** ABNF: aliasAndValue inside parentheses. Stands on `@`. */
function nestedAlias(scanner: Scanner, aliases: Map<string, ExpressionNode>): void {
  const from = scanner.at
  scanner.at++
  const name = scanner.identifier("a name after '@'")
  if (aliases.has(name))
    scanner.failAt('queryOptionDuplicate', `@${quote(name)} must not appear twice`, from, scanner.at - from)
  scanner.expect(EQUALS, `'=' after @${name.slice(0, 40)}`)
  scanner.skipBlanks()
  aliases.set(name, commonExpr(scanner))
}

/** The name of a nested option and its `=`: with or without `$`, in any case; there are no custom options here. */
function nestedName(scanner: Scanner, kind: NestedKind, options: OptionsDraft): OptionKey {
  const from = scanner.at
  const start = scanner.code() === DOLLAR ? from + 1 : from
  const end = scanner.identifierEnd(start)
  if (end === start) return scanner.fail('a query option such as $filter', from)
  const key = optionKey(scanner.text.slice(start, end))
  if (key === undefined) {
    const near = end - start <= 40 ? nearestName(`$${scanner.text.slice(start, end)}`, dollarNames) : undefined
    const hint = near === undefined ? '' : ` (did you mean '${near}'?)`
    const name = quote(scanner.text.slice(from, end))
    return scanner.failAt('queryOptionUnknown', `Unknown query option ${name}${hint}`, from, end - from)
  }
  if (!nestedKeys[kind].has(key)) {
    const allowed = [...nestedKeys[kind]].map((name) => `$${name}`).join(', ')
    return scanner.failAt('queryOptionNotAllowed', `$${key} cannot stand here (only ${allowed})`, from, end - from)
  }
  if (options[key] !== undefined)
    return scanner.failAt('queryOptionDuplicate', `$${key} must not appear twice`, from, end - from)
  scanner.at = end
  scanner.expect(EQUALS, `'=' after $${key}`)
  return key
}

/** Checks that a part was read to its end; blanks at the end are taken. */
export function expectEnd(scanner: Scanner, expected: string): void {
  scanner.skipBlanks()
  if (scanner.at < scanner.text.length)
    scanner.failNear(expected, expected.startsWith('an operator') ? operatorNames : [])
}

/** The grammar's rules, wired. */
export const rules: Rules = { expression: commonExpr, nestedOptions, aggregate: aggregateFunction }
