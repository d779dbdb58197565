import { nearestName } from '../base/text.ts'
import { aggregateExpr, dataPath, groupingProperty, keyword } from './aggregate.ts'
import type {
  AggregateNode,
  ApplyNode,
  GroupingNode,
  HierarchyNode,
  NestedApplyNode,
  OrderByNode,
  PathNode,
  TransformationNode,
} from './ast.ts'
import { CLOSE, COMMA, DOLLAR, isDigit, OPEN, SLASH } from './characters.ts'
import { commonExpr } from './expression.ts'
import { computeItems, orderbyItems } from './items.ts'
import { namedArguments, rootedPath } from './member-path.ts'
import { operatorNames } from './names.ts'
import { quote, type Scanner } from './scanner.ts'
import { searchValue } from './search.ts'

/** ABNF: apply and what it is made of (Aggregation 3, 6; `odata-aggregation-abnf`). Keywords are taken in any case. */

/** ABNF: applyExpr. Stands on its first character. */
export function applyExpr(scanner: Scanner): ApplyNode {
  scanner.enter()
  const sequence: TransformationNode[] = []
  do sequence.push(applyTrafo(scanner))
  while (scanner.take(SLASH))
  scanner.leave()
  return sequence
}

type Read = (scanner: Scanner, offset: number) => TransformationNode

/** ABNF: preservingTrafo: what keeps instances as they are. */
const preserving: Readonly<Record<string, Read>> = {
  bottomcount: ranking('bottom', 'count'),
  bottompercent: ranking('bottom', 'percent'),
  bottomsum: ranking('bottom', 'sum'),
  topcount: ranking('top', 'count'),
  toppercent: ranking('top', 'percent'),
  topsum: ranking('top', 'sum'),
  filter: (scanner, offset) => {
    const predicate = commonExpr(scanner)
    return { kind: 'filter', predicate, ...close(scanner, offset, operatorNames) }
  },
  orderby: (scanner, offset) => {
    const items = orderbyItems(scanner)
    return { kind: 'orderby', items, ...close(scanner, offset) }
  },
  search: (scanner, offset) => {
    const search = searchValue(scanner, false)
    return { kind: 'search', search, ...close(scanner, offset) }
  },
  skip: (scanner, offset) => ({ kind: 'skip', count: digits(scanner), ...close(scanner, offset) }),
  top: (scanner, offset) => ({ kind: 'top', count: digits(scanner), ...close(scanner, offset) }),
  ancestors: related('ancestors'),
  descendants: related('descendants'),
  traverse: traverseTrafo,
}

const transformations: Readonly<Record<string, Read>> = {
  ...preserving,
  aggregate: (scanner, offset) => {
    const expressions: AggregateNode[] = []
    do {
      scanner.skipBlanks()
      expressions.push(aggregateExpr(scanner, 'transformation'))
      scanner.skipBlanks()
    } while (scanner.take(COMMA))
    return { kind: 'aggregate', expressions, ...close(scanner, offset) }
  },
  compute: (scanner, offset) => {
    const items = computeItems(scanner)
    return { kind: 'compute', items, ...close(scanner, offset) }
  },
  concat: (scanner, offset) => {
    const sequences = [applyExpr(scanner)]
    do {
      comma(scanner)
      sequences.push(applyExpr(scanner))
      scanner.skipBlanks()
    } while (scanner.code() === COMMA)
    return { kind: 'concat', sequences, ...close(scanner, offset) }
  },
  groupby: (scanner, offset) => {
    const elements = groupbyList(scanner)
    const each = nextParameter(scanner) ? applyExpr(scanner) : undefined
    return { kind: 'groupby', elements, each, ...close(scanner, offset) }
  },
  join: joinTrafo('join'),
  outerjoin: joinTrafo('outerjoin'),
  nest: (scanner, offset) => {
    const nested = nestApplyExpr(scanner)
    return { kind: 'nest', nested, ...close(scanner, offset) }
  },
  addnested: (scanner, offset) => {
    const path = dataPath(scanner, true)
    comma(scanner)
    const nested = nestApplyExpr(scanner)
    return { kind: 'addnested', path, nested, ...close(scanner, offset) }
  },
}

/** The names of the standard transformations. */
export const transformationNames: readonly string[] = [...Object.keys(transformations), 'identity']

/** ABNF: applyTrafo, preservingTrafo, customFunction. */
function applyTrafo(scanner: Scanner): TransformationNode {
  scanner.optionItem()
  scanner.token()
  const offset = scanner.at
  const end = scanner.qualifiedEnd(offset)
  const word = scanner.text.slice(offset, end)
  if (end === offset) return scanner.fail('a transformation such as filter or groupby')
  const name = word.toLowerCase()
  if (name === 'identity' && scanner.codeAt(end) !== OPEN) {
    scanner.at = end
    return { kind: 'identity', offset, length: end - offset }
  }
  if (word.includes('.')) {
    scanner.at = end
    if (scanner.code() !== OPEN) return scanner.fail("'(' after the name of a function")
    return {
      kind: 'function',
      name: word,
      arguments: namedArguments(scanner, scanner.rules.expression),
      offset,
      length: scanner.at - offset,
    }
  }
  const read = Object.hasOwn(transformations, name) ? transformations[name] : undefined
  if (read === undefined) {
    const near = word.length <= 40 ? nearestName(name, transformationNames) : undefined
    const hint = near === undefined ? '' : ` (did you mean '${near}'?)`
    return scanner.failAt('urlSyntax', `${quote(word)} is no transformation${hint}`, end, 0)
  }
  scanner.at = end
  scanner.expect(OPEN, `'(' after ${name}`)
  scanner.enter()
  scanner.skipBlanks()
  const node = read(scanner, offset)
  scanner.leave()
  return node
}

/** The end of a transformation: its closing parenthesis, and the span that it has. */
function close(scanner: Scanner, offset: number, near: readonly string[] = []): { offset: number; length: number } {
  scanner.skipBlanks()
  if (!scanner.take(CLOSE)) scanner.failNear(near.length > 0 ? "an operator or ')'" : "',' or ')'", near)
  return { offset, length: scanner.at - offset }
}

function comma(scanner: Scanner): void {
  scanner.skipBlanks()
  scanner.expect(COMMA, "','")
  scanner.skipBlanks()
}

/** Takes a comma and the blanks around it where one follows. */
function nextParameter(scanner: Scanner): boolean {
  scanner.skipBlanks()
  if (!scanner.take(COMMA)) return false
  scanner.skipBlanks()
  return true
}

/** ABNF: topcountTrafo and its kin. */
function ranking(end: 'top' | 'bottom', by: 'count' | 'percent' | 'sum'): Read {
  return (scanner, offset) => {
    const quantity = commonExpr(scanner)
    comma(scanner)
    const measure = commonExpr(scanner)
    return { kind: 'ranking', end, by, quantity, measure, ...close(scanner, offset, operatorNames) }
  }
}

/** ABNF: 1*DIGIT. */
function digits(scanner: Scanner): number {
  const from = scanner.at
  while (isDigit(scanner.code())) scanner.at++
  if (scanner.at === from) scanner.fail('a whole number from 0 on')
  return Math.min(Number(scanner.text.slice(from, scanner.at)), Number.MAX_SAFE_INTEGER)
}

/** ABNF: groupbyList. */
function groupbyList(scanner: Scanner): readonly GroupingNode[] {
  scanner.expect(OPEN, "'(' before the grouping properties")
  const elements: GroupingNode[] = []
  do {
    scanner.skipBlanks()
    elements.push(groupbyElement(scanner))
    scanner.skipBlanks()
  } while (scanner.take(COMMA))
  scanner.expect(CLOSE, "',' or ')' after the grouping properties")
  return elements
}

/** ABNF: groupbyElement, rollupLevels, rollupRecursive. */
function groupbyElement(scanner: Scanner): GroupingNode {
  const offset = scanner.at
  const end = scanner.identifierEnd(offset)
  const word = scanner.codeAt(end) === OPEN ? scanner.text.slice(offset, end).toLowerCase() : ''
  if (word !== 'rollup' && word !== 'rolluprecursive') {
    const path = groupingProperty(scanner)
    return { kind: 'property', path, offset, length: path.length }
  }
  scanner.token()
  scanner.enter()
  scanner.at = end + 1
  scanner.skipBlanks()
  let node: GroupingNode
  if (word === 'rollup') {
    const all = scanner.text.slice(scanner.at, scanner.at + 4).toLowerCase() === '$all'
    if (all) {
      scanner.token()
      scanner.at += 4
      comma(scanner)
    }
    const levels = [groupingProperty(scanner)]
    while (nextParameter(scanner)) levels.push(groupingProperty(scanner))
    node = { kind: 'rollup', all, levels, ...close(scanner, offset) }
  } else {
    const hierarchy = recHierReference(scanner)
    const start = nextParameter(scanner) ? preservingTrafos(scanner) : undefined
    node = { kind: 'rolluprecursive', hierarchy, start, ...close(scanner, offset) }
  }
  scanner.leave()
  return node
}

/** ABNF: recHierReference. */
function recHierReference(scanner: Scanner): HierarchyNode {
  const offset = scanner.at
  if (scanner.code() !== DOLLAR) scanner.fail("'$root' and the nodes of a hierarchy")
  const nodes = rootedPath(scanner)
  if (nodes.root !== '$root') scanner.fail("'$root' and the nodes of a hierarchy", nodes.offset)
  comma(scanner)
  const qualifier = scanner.identifier('the qualifier of a recursive hierarchy')
  scanner.token()
  comma(scanner)
  const path = dataPath(scanner, false)
  return { nodes, qualifier, path, offset, length: scanner.at - offset }
}

/** ABNF: preservingTrafos. */
function preservingTrafos(scanner: Scanner): ApplyNode {
  const sequence = applyExpr(scanner)
  for (const node of sequence)
    if (!keepsInstances(node)) scanner.fail('a transformation that gives a subset', node.offset)
  return sequence
}

function keepsInstances({ kind }: TransformationNode): boolean {
  return kind === 'identity' || kind === 'ranking' || kind === 'function' || Object.hasOwn(preserving, kind)
}

/** ABNF: ancestorsTrafo, descendantsTrafo. */
function related(kind: 'ancestors' | 'descendants'): Read {
  return (scanner, offset) => {
    const hierarchy = recHierReference(scanner)
    comma(scanner)
    const start = preservingTrafos(scanner)
    let distance: number | undefined
    let keepStart = false
    if (nextParameter(scanner)) {
      if (isDigit(scanner.code())) {
        const from = scanner.at
        distance = digits(scanner)
        if (distance === 0) scanner.fail('a distance from 1 on', from)
        if (nextParameter(scanner)) keepStart = keepStartWords(scanner)
      } else keepStart = keepStartWords(scanner)
    }
    return { kind, hierarchy, start, distance, keepStart, ...close(scanner, offset) }
  }
}

function keepStartWords(scanner: Scanner): true {
  const from = scanner.at
  const end = scanner.identifierEnd(from)
  if (scanner.text.slice(from, end).toLowerCase() === 'keep') {
    scanner.at = end
    if (keyword(scanner, 'start')) return true
    scanner.at = from
  }
  return scanner.fail("a distance or 'keep start'")
}

/** ABNF: traverseTrafo. */
function traverseTrafo(scanner: Scanner, offset: number): TransformationNode {
  const hierarchy = recHierReference(scanner)
  comma(scanner)
  const from = scanner.at
  const end = scanner.identifierEnd(from)
  const word = scanner.text.slice(from, end).toLowerCase()
  if (word !== 'preorder' && word !== 'postorder') return scanner.fail("'preorder' or 'postorder'")
  scanner.token()
  scanner.at = end
  let more = nextParameter(scanner)
  const start = more && startsTrafo(scanner) ? preservingTrafos(scanner) : undefined
  if (start !== undefined) more = nextParameter(scanner)
  const orderby: readonly OrderByNode[] = more ? orderbyItems(scanner) : []
  return { kind: 'traverse', hierarchy, order: word, start, orderby, ...close(scanner, offset) }
}

/** Whether what follows is a transformation, no item of an order: their names have parentheses behind them. */
function startsTrafo(scanner: Scanner): boolean {
  const end = scanner.qualifiedEnd(scanner.at)
  const word = scanner.text.slice(scanner.at, end).toLowerCase()
  if (word === 'identity') return true
  return scanner.codeAt(end) === OPEN && (Object.hasOwn(preserving, word) || word.includes('.'))
}

/** ABNF: joinTrafo, outerjoinTrafo. */
function joinTrafo(kind: 'join' | 'outerjoin'): Read {
  return (scanner, offset) => {
    const path: PathNode = dataPath(scanner, true)
    const alias = asAlias(scanner)
    const each = nextParameter(scanner) ? applyExpr(scanner) : undefined
    return { kind, path, alias, each, ...close(scanner, offset) }
  }
}

/** ABNF: nestApplyExpr. */
function nestApplyExpr(scanner: Scanner): readonly NestedApplyNode[] {
  const nested: NestedApplyNode[] = []
  do {
    scanner.skipBlanks()
    const offset = scanner.at
    const sequence = applyExpr(scanner)
    const alias = asAlias(scanner)
    nested.push({ sequence, alias, offset, length: scanner.at - offset })
    scanner.skipBlanks()
  } while (scanner.take(COMMA))
  return nested
}

/** ABNF: asAlias. */
function asAlias(scanner: Scanner): string {
  if (!keyword(scanner, 'as')) {
    scanner.skipBlanks()
    scanner.failNear("'as' and a name", ['as'])
  }
  return scanner.identifier("a name after 'as'")
}
