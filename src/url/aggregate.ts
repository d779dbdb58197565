import type { AggregateNode, ExpressionNode, FromNode, PathNode, PathStep } from './ast.ts'
import { CLOSE, COMMA, DOLLAR, DOT, OPEN, SLASH } from './characters.ts'
import { commonExpr } from './expression.ts'
import { operatorNames } from './names.ts'
import type { Scanner } from './scanner.ts'

/** ABNF: aggregateExpr and the paths of section 2 of the aggregation grammar. Keywords are taken in any case. */

const methods: ReadonlySet<string> = new Set(['sum', 'min', 'max', 'average', 'countdistinct'])

/** ABNF: aggregateFunctionExpr in its parentheses. Stands on `(`. */
export function aggregateFunction(scanner: Scanner): AggregateNode {
  scanner.token()
  scanner.enter()
  scanner.at++
  scanner.skipBlanks()
  const node = aggregateExpr(scanner, 'function')
  scanner.skipBlanks()
  scanner.expect(CLOSE, "'from' or ')'")
  scanner.leave()
  return node
}

/**
 * ABNF: aggregateExpr; in the function `aggregate` without an alias.
 * @param place 'transformation' wants an alias where the standard does: after methods, counts and `from`
 */
export function aggregateExpr(scanner: Scanner, place: 'transformation' | 'function'): AggregateNode {
  scanner.optionItem()
  const offset = scanner.at
  const operand = startsCount(scanner) ? countPath(scanner) : commonExpr(scanner)
  const counts = isCount(operand)
  const method = !counts && keyword(scanner, 'with') ? methodName(scanner) : undefined
  const custom = method === undefined && !counts
  const from: FromNode[] = []
  if (custom && operand.kind !== 'path') {
    scanner.skipBlanks()
    scanner.failNear("an operator or 'with'", [...operatorNames, 'with'])
  }
  while (keyword(scanner, 'from')) from.push(fromClause(scanner, custom))
  let end = scanner.at
  let alias: string | undefined
  if (place === 'transformation') {
    if (keyword(scanner, 'as')) {
      alias = scanner.identifier("a name after 'as'")
      end = scanner.at
    } else if (!custom || from.length > 0) {
      scanner.skipBlanks()
      scanner.failNear(counts ? "'from' or 'as' and a name" : "'as' and a name", ['from', 'as'])
    }
  }
  return { offset, length: end - offset, operand, method, from, alias }
}

/** Whether an operand counts: `$count`, or a path that ends in it. */
export function isCount(operand: ExpressionNode): boolean {
  return operand.kind === 'path' && operand.root === undefined && operand.steps.at(-1)?.kind === '$count'
}

function startsCount(scanner: Scanner): boolean {
  return scanner.code() === DOLLAR && scanner.identifierEnd(scanner.at + 1) === scanner.at + 6 && isWordCount(scanner)
}

function isWordCount(scanner: Scanner): boolean {
  return scanner.text.startsWith('count', scanner.at + 1)
}

/** ABNF: aggregateCount without a path. Stands on `$count`. */
function countPath(scanner: Scanner): PathNode {
  const offset = scanner.at
  scanner.token()
  scanner.at += 6
  return {
    kind: 'path',
    offset,
    length: 6,
    root: undefined,
    steps: [{ kind: '$count', offset, length: 6, options: undefined }],
  }
}

/** ABNF: aggregateFrom, customFrom. Stands behind the keyword. */
function fromClause(scanner: Scanner, custom: boolean): FromNode {
  const offset = scanner.at
  const properties = [groupingProperty(scanner)]
  for (;;) {
    const before = scanner.at
    scanner.skipBlanks()
    if (!scanner.take(COMMA)) {
      scanner.at = before
      break
    }
    scanner.skipBlanks()
    properties.push(groupingProperty(scanner))
    scanner.listItem(properties.length)
  }
  const method = keyword(scanner, 'with') ? methodName(scanner) : undefined
  if (method === undefined && !custom) {
    scanner.skipBlanks()
    scanner.failNear("'with' and a method", ['with'])
  }
  return { offset, length: scanner.at - offset, properties, method }
}

/** ABNF: aggregateMethod. */
function methodName(scanner: Scanner): string {
  const end = scanner.qualifiedEnd(scanner.at)
  const name = scanner.text.slice(scanner.at, end)
  const lower = name.toLowerCase()
  if (!name.includes('.') && !methods.has(lower))
    return scanner.failNear('sum, min, max, average, countdistinct or a qualified name', methods)
  scanner.token()
  scanner.at = end
  return name.includes('.') ? name : lower
}

/** Takes blanks, the keyword and the blanks behind it; in any case of letters. */
export function keyword(scanner: Scanner, word: string): boolean {
  const before = scanner.at
  scanner.skipBlanks()
  const from = scanner.at
  const end = scanner.identifierEnd(from)
  if (from > before && end - from === word.length && scanner.text.slice(from, end).toLowerCase() === word) {
    scanner.token()
    scanner.at = end
    scanner.skipBlanks()
    return true
  }
  scanner.at = before
  return false
}

/** ABNF: groupingProperty: a path of names that ends in a property. */
export function groupingProperty(scanner: Scanner): PathNode {
  scanner.optionItem()
  return dataPath(scanner, false)
}

/**
 * A data aggregation path (Aggregation 1.1.1): properties and type casts.
 * @param castAtEnd whether the last step may be a cast
 */
export function dataPath(scanner: Scanner, castAtEnd: boolean): PathNode {
  const offset = scanner.at
  const steps: PathStep[] = []
  do {
    const at = scanner.at
    const end = scanner.qualifiedEnd(at)
    if (end === at) scanner.fail('a property')
    scanner.token()
    scanner.at = end
    steps.push({ kind: 'name', offset: at, length: end - at, name: scanner.text.slice(at, end), arguments: undefined })
    scanner.listItem(steps.length)
  } while (scanner.take(SLASH))
  if (!castAtEnd) {
    const last = scanner.text.slice(steps.at(-1)?.offset ?? offset, scanner.at)
    if (last.includes('.')) scanner.fail("'/' and a property")
  }
  if (scanner.code() === OPEN || scanner.code() === DOT) scanner.fail("'/', ',' or ')'")
  return { kind: 'path', offset, length: scanner.at - offset, root: undefined, steps }
}
