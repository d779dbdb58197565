import { assertNever } from '../base/assert.ts'
import type {
  AggregateNode,
  ApplyNode,
  ArgumentNode,
  BinaryNode,
  BinaryOperator,
  ExpressionNode,
  GroupingNode,
  HierarchyNode,
  LiteralToken,
  NestedApplyNode,
  OrderByNode,
  PathNode,
  PathStep,
  QueryOptions,
  SearchNode,
  TransformationNode,
} from './ast.ts'

/** The tree as text again, in the standard's form: `parse(print(tree))` means what the tree means. */

const powers: Readonly<Record<BinaryOperator, number>> = {
  or: 1,
  and: 2,
  eq: 3,
  ne: 3,
  gt: 4,
  ge: 4,
  lt: 4,
  le: 4,
  add: 5,
  sub: 5,
  mul: 6,
  div: 6,
  divby: 6,
  mod: 6,
  has: 7,
  in: 7,
}

const unaryPower = 6.5
const operandPower = 9

/**
 * Prints an expression.
 * @returns decoded text: to stand in a URL it must be percent-encoded
 */
export function printExpression(node: ExpressionNode): string {
  switch (node.kind) {
    case 'literal':
      return printLiteral(node.token)
    case 'constant':
      return String(node.value)
    case 'alias':
      return `@${node.name}`
    case 'path':
      return printPath(node)
    case 'binary':
      return printBinary(node)
    case 'unary':
      return node.operator === 'not' ? `not ${operandOf(node.operand, 7)}` : `-${negated(node.operand)}`
    case 'call':
      return `${node.name}(${node.arguments.map(printExpression).join(',')})`
    case 'list':
      return `[${node.items.map(printExpression).join(',')}]`
    case 'json':
      return node.text
    case 'object': {
      const members = node.members.map(({ name, value }) => `${JSON.stringify(name)}:${printExpression(value)}`)
      return `{${members.join(',')}}`
    }
    case 'typeName':
      return node.collection ? `Collection(${node.name})` : node.name
    case 'case': {
      // blanks keep a colon out of what could be read as a time
      const branches = node.branches.map((branch) => {
        return `${printExpression(branch.condition)} : ${printExpression(branch.value)}`
      })
      return `case(${branches.join(',')})`
    }
    default:
      return assertNever(node, 'expression')
  }
}

function printBinary(node: BinaryNode): string {
  const { operator, left, right } = node
  const power = powers[operator]
  const leftText = operandOf(left, power)
  if (operator === 'in' && right.kind === 'list') {
    return `${leftText} in (${right.items.map(printExpression).join(',')})`
  }
  // chains of and, or mean the same however they are grouped
  const associative =
    (operator === 'and' || operator === 'or') && right.kind === 'binary' && right.operator === operator
  return `${leftText} ${operator} ${operandOf(right, associative ? power : power + 1)}`
}

/** The operand, in parentheses where it binds less tight than `least`. */
function operandOf(node: ExpressionNode, least: number): string {
  const power = node.kind === 'binary' ? powers[node.operator] : node.kind === 'unary' ? unaryPower : operandPower
  const text = printExpression(node)
  return power < least ? `(${text})` : text
}

/** The operand of a negation: where it starts with a number, parentheses keep the number from taking the sign. */
function negated(node: ExpressionNode): string {
  const text = operandOf(node, 7)
  return /^(?:\d|INF)/.test(text) ? `(${text})` : text
}

/** ABNF: primitiveLiteral. */
function printLiteral(token: LiteralToken): string {
  const { text } = token
  switch (token.literal) {
    case 'string':
      return quoted(text)
    case 'duration':
    case 'binary':
    case 'geography':
    case 'geometry':
      return `${token.literal}${quoted(text)}`
    case 'enum':
      return `${token.typeName ?? ''}${quoted(text)}`
    case 'decimal':
      // written with a suffix: the point keeps it a decimal
      return /^[+-]?\d{1,18}$/.test(text) ? `${text}.0` : text
    case 'double':
      return /^[+-]?\d+(?:\.\d+)?$/.test(text) ? `${text}e0` : text
    default:
      return text
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function printPath(node: PathNode): string {
  const steps = node.steps.map(printStep).join('/')
  if (node.root === undefined) return steps
  return steps === '' ? node.root : `${node.root}/${steps}`
}

function printStep(step: PathStep): string {
  switch (step.kind) {
    case 'name': {
      const key = step.key === undefined ? '' : printArguments(step.key)
      return step.name + (step.arguments === undefined ? '' : printArguments(step.arguments)) + key
    }
    case 'annotation':
      return `@${step.term}${step.qualifier === undefined ? '' : `#${step.qualifier}`}`
    case 'any':
    case 'all':
      return step.predicate === undefined
        ? `${step.kind}()`
        : `${step.kind}(${step.variable ?? ''}:${printExpression(step.predicate)})`
    case '$count':
      return step.options === undefined ? '$count' : `$count${printNested(step.options)}`
    case '$filter':
      return `$filter(${printExpression(step.predicate)})`
    case 'aggregate':
      return `aggregate(${printAggregate(step.expression)})`
    case 'ordinal':
      return String(step.index)
    case '$value':
    case '$ref':
    case '*':
      return step.kind
    default:
      return assertNever(step, 'step')
  }
}

function printArguments(list: readonly ArgumentNode[]): string {
  const parts = list.map(({ name, value }) => {
    return name === undefined ? printExpression(value) : `${name}=${printExpression(value)}`
  })
  return `(${parts.join(',')})`
}

/**
 * Prints query options in their canonical order.
 * @returns the query part of a URL without `?`, percent-encoded
 */
export function printOptions(options: QueryOptions): string {
  const parts = optionParts(options).map(([name, value]) => `${name}=${encode(value)}`)
  for (const [name, value] of options.custom) parts.push(`${encode(name).replaceAll('=', '%3D')}=${encode(value)}`)
  return parts.join('&')
}

/** Options in parentheses, decoded. */
function printNested(options: QueryOptions): string {
  return `(${optionParts(options)
    .map(([name, value]) => `${name}=${value}`)
    .join(';')})`
}

/** Names with `$` and decoded values. */
function optionParts(options: QueryOptions): readonly (readonly [string, string])[] {
  const parts: [string, string][] = []
  const add = (name: string, value: string | number | boolean | undefined): void => {
    if (value !== undefined) parts.push([name, String(value)])
  }
  add('$apply', options.apply === undefined ? undefined : printApply(options.apply))
  add('$compute', options.compute?.map((item) => `${printExpression(item.expression)} as ${item.alias}`).join(','))
  add('$search', options.search === undefined ? undefined : printSearch(options.search))
  add('$filter', options.filter === undefined ? undefined : printExpression(options.filter))
  add('$orderby', options.orderby?.map(printOrder).join(','))
  add('$select', options.select?.map((item) => printItem(item.path, item.operationsOf, item.options)).join(','))
  add('$expand', options.expand?.map((item) => printItem(item.path, undefined, item.options)).join(','))
  add('$top', options.top)
  add('$skip', options.skip)
  add('$count', options.count)
  add('$levels', options.levels)
  add('$index', options.index)
  add('$schemaversion', options.schemaversion)
  add('$id', options.id)
  add('$format', options.format)
  add('$skiptoken', options.skiptoken)
  add('$deltatoken', options.deltatoken)
  for (const [name, value] of options.aliases) add(`@${name}`, printExpression(value))
  return parts
}

function printItem(
  path: readonly PathStep[],
  operationsOf: string | undefined,
  options: QueryOptions | undefined,
): string {
  if (operationsOf !== undefined) return `${operationsOf}.*`
  return path.map(printStep).join('/') + (options === undefined ? '' : printNested(options))
}

/** ABNF: searchExpr. A term that would read as something else becomes a phrase; one with a double quote stands in quotes. */
function printSearch(node: SearchNode): string {
  if (node.kind === 'term' && node.text.includes('"')) return quoted(node.text)
  return searchText(node, 1)
}

const searchPowers = { or: 1, and: 2, not: 3, term: 4 } as const
const isPlainWord = /^(?!(?:AND|OR|NOT)$)[^\s'"();][^\s"();]*$/u

function searchText(node: SearchNode, least: number): string {
  let text: string
  switch (node.kind) {
    case 'term':
      return node.phrase || !isPlainWord.test(node.text) ? `"${node.text}"` : node.text
    case 'not':
      text = `NOT ${searchText(node.operand, 3)}`
      break
    default: {
      const word = node.kind === 'and' ? 'AND' : 'OR'
      const power = searchPowers[node.kind]
      const associative = node.right.kind === node.kind
      text = `${searchText(node.left, power)} ${word} ${searchText(node.right, associative ? power : power + 1)}`
    }
  }
  return searchPowers[node.kind] < least ? `(${text})` : text
}

function printOrder({ expression, descending }: OrderByNode): string {
  return printExpression(expression) + (descending ? ' desc' : '')
}

/** ABNF: applyExpr. */
function printApply(sequence: ApplyNode): string {
  return sequence.map(printTransformation).join('/')
}

function printTransformation(node: TransformationNode): string {
  switch (node.kind) {
    case 'identity':
      return node.kind
    case 'aggregate':
      return call(node.kind, node.expressions.map(printAggregate))
    case 'compute':
      return call(
        node.kind,
        node.items.map((item) => `${printExpression(item.expression)} as ${item.alias}`),
      )
    case 'concat':
      return call(node.kind, node.sequences.map(printApply))
    case 'groupby':
      return call(node.kind, [`(${node.elements.map(printGrouping).join(',')})`, ...sequenceOf(node.each)])
    case 'filter':
      return call(node.kind, [printExpression(node.predicate)])
    case 'search':
      return call(node.kind, [printSearch(node.search)])
    case 'orderby':
      return call(node.kind, node.items.map(printOrder))
    case 'top':
    case 'skip':
      return call(node.kind, [String(node.count)])
    case 'ranking':
      return call(node.end + node.by, [printExpression(node.quantity), printExpression(node.measure)])
    case 'join':
    case 'outerjoin':
      return call(node.kind, [`${printPath(node.path)} as ${node.alias}`, ...sequenceOf(node.each)])
    case 'nest':
      return call(node.kind, node.nested.map(printNestedApply))
    case 'addnested':
      return call(node.kind, [printPath(node.path), ...node.nested.map(printNestedApply)])
    case 'ancestors':
    case 'descendants': {
      const parameters = [printHierarchy(node.hierarchy), printApply(node.start)]
      if (node.distance !== undefined) parameters.push(String(node.distance))
      if (node.keepStart) parameters.push('keep start')
      return call(node.kind, parameters)
    }
    case 'traverse':
      return call(node.kind, [
        printHierarchy(node.hierarchy),
        node.order,
        ...sequenceOf(node.start),
        ...node.orderby.map(printOrder),
      ])
    case 'function':
      return node.name + printArguments(node.arguments)
    default:
      return assertNever(node, 'transformation')
  }
}

function call(name: string, parameters: readonly string[]): string {
  return `${name}(${parameters.join(',')})`
}

function sequenceOf(sequence: ApplyNode | undefined): readonly string[] {
  return sequence === undefined ? [] : [printApply(sequence)]
}

function printNestedApply({ sequence, alias }: NestedApplyNode): string {
  return `${printApply(sequence)} as ${alias}`
}

function printHierarchy({ nodes, qualifier, path }: HierarchyNode): string {
  return `${printExpression(nodes)},${qualifier},${printPath(path)}`
}

/** ABNF: groupbyElement. */
function printGrouping(node: GroupingNode): string {
  switch (node.kind) {
    case 'property':
      return printPath(node.path)
    case 'rollup':
      return call(node.kind, [...(node.all ? ['$all'] : []), ...node.levels.map(printPath)])
    case 'rolluprecursive':
      return call(node.kind, [printHierarchy(node.hierarchy), ...sequenceOf(node.start)])
  }
}

/** ABNF: aggregateExpr. */
function printAggregate({ operand, method, from, alias }: AggregateNode): string {
  let text = printExpression(operand)
  if (method !== undefined) text += ` with ${method}`
  for (const clause of from) {
    text += ` from ${clause.properties.map(printPath).join(',')}`
    if (clause.method !== undefined) text += ` with ${clause.method}`
  }
  return alias === undefined ? text : `${text} as ${alias}`
}

/** Percent-encodes a value but for the characters that a query may hold as they are. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/%(?:24|27|28|29|2A|2C|2F|3A|3B|3D|40)/g, decodeURIComponent)
}
