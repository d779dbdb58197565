import type { AliasNode, ArgumentNode, ExpressionNode, LiteralToken, PathNode, PathStep, RootName } from './ast.ts'
import { AT, CLOSE, COLON, COMMA, DOLLAR, EQUALS, HASH, isDigit, MINUS, OPEN, SLASH } from './characters.ts'
import { operatorNames } from './names.ts'
import type { Scanner } from './scanner.ts'

/** ABNF: firstMemberExpr, memberExpr, rootExpr, collectionPathExpr and what they are made of: paths in expressions. */

const pathPart = 'a property, a type, an annotation or a function'
const rootNames: readonly RootName[] = ['$it', '$this', '$root', '$these']

/** ABNF: firstMemberExpr without its variables: stands on the first name. */
export function memberPath(scanner: Scanner, root: RootName | undefined, offset: number): PathNode {
  const steps: PathStep[] = [memberStep(scanner)]
  return pathEnd(scanner, root, steps, offset)
}

/** ABNF: implicitVariableExpr, rootExpr: `$it`, `$this`, `$root` with the path behind it. Stands on `$`. */
export function rootedPath(scanner: Scanner): PathNode {
  const offset = scanner.at
  const end = scanner.identifierEnd(offset + 1)
  const word = scanner.text.slice(offset, end)
  const root = rootNames.find((name) => name === word)
  if (root === undefined) {
    scanner.at = offset
    return scanner.fail("'$it', '$this', '$these' or '$root'", offset)
  }
  scanner.token()
  scanner.at = end
  if ((root === '$root' || root === '$these') && scanner.code() !== SLASH) scanner.fail(`'/' after ${root}`)
  return pathEnd(scanner, root, [], offset)
}

/**
 * ABNF: parameterAlias, annotationExpr: `@name` alone is an alias; what has a dot, a qualifier or a path behind it is a
 * path that starts with an annotation (or with an alias of that name: bind knows which were given). Stands on `@`.
 */
export function aliasOrAnnotation(scanner: Scanner): AliasNode | PathNode {
  const offset = scanner.at
  const step = annotationStep(scanner)
  if (step.kind === 'annotation' && step.qualifier === undefined && scanner.code() !== SLASH) {
    if (!step.term.includes('.')) return { kind: 'alias', offset, length: step.length, name: step.term }
  }
  return pathEnd(scanner, undefined, [step], offset)
}

/** ABNF: annotationInQuery: AT [ namespace "." ] termName [ HASH annotationQualifier ]. Stands on `@`. */
export function annotationStep(scanner: Scanner): PathStep {
  const offset = scanner.at
  scanner.token()
  const end = scanner.qualifiedEnd(offset + 1)
  if (end === offset + 1) scanner.fail("a name after '@'", end)
  const term = scanner.text.slice(offset + 1, end)
  scanner.at = end
  let qualifier: string | undefined
  if (scanner.take(HASH)) qualifier = scanner.identifier("a qualifier after '#'")
  return { kind: 'annotation', offset, length: scanner.at - offset, term, qualifier }
}

/** Reads further steps as long as a slash follows. */
function pathEnd(scanner: Scanner, root: RootName | undefined, steps: PathStep[], offset: number): PathNode {
  while (scanner.code() === SLASH) {
    scanner.at++
    steps.push(nextStep(scanner))
    scanner.listItem(steps.length)
  }
  return { kind: 'path', offset, length: scanner.at - offset, root, steps }
}

/** ABNF: what may follow a slash in collectionPathExpr, complexPathExpr, primitivePathExpr, singleNavigationExpr. */
function nextStep(scanner: Scanner): PathStep {
  const code = scanner.code()
  if (code === DOLLAR) return dollarStep(scanner)
  if (code === AT) return annotationStep(scanner)
  if (isDigit(code) || (code === MINUS && isDigit(scanner.codeAt(scanner.at + 1)))) return ordinalStep(scanner)
  return memberStep(scanner)
}

/** ABNF: count, filterExpr, and the system segments $value and $ref. Stands on `$`. */
function dollarStep(scanner: Scanner): PathStep {
  const offset = scanner.at
  const end = scanner.identifierEnd(offset + 1)
  const word = scanner.text.slice(offset, end)
  scanner.token()
  scanner.at = end
  if (word === '$count') {
    const options = scanner.code() === OPEN ? scanner.rules.nestedOptions(scanner, 'expandCount') : undefined
    return { kind: '$count', offset, length: scanner.at - offset, options }
  }
  if (word === '$filter') {
    scanner.expect(OPEN, "'(' after $filter")
    scanner.skipBlanks()
    const predicate = scanner.rules.expression(scanner)
    scanner.skipBlanks()
    if (!scanner.take(CLOSE)) scanner.failNear("an operator or ')'", operatorNames)
    return { kind: '$filter', offset, length: scanner.at - offset, predicate }
  }
  if (word === '$value' || word === '$ref') return { kind: word, offset, length: end - offset }
  scanner.at = offset
  return scanner.fail("'$count', '$filter', '$value' or '$ref'", offset)
}

/** ABNF: ordinalIndex. */
function ordinalStep(scanner: Scanner): PathStep {
  const offset = scanner.at
  scanner.token()
  scanner.at++
  while (isDigit(scanner.code())) scanner.at++
  if (scanner.identifierEnd(scanner.at) !== scanner.at) scanner.fail('the end of the position')
  const index = Number(scanner.text.slice(offset, scanner.at))
  if (!Number.isSafeInteger(index)) scanner.fail('a position in a collection', offset)
  return { kind: 'ordinal', offset, length: scanner.at - offset, index }
}

/** A name, perhaps dotted, with what its parentheses hold; `any` and `all` (any case) with parentheses are lambdas. */
function memberStep(scanner: Scanner): PathStep {
  const offset = scanner.at
  const end = scanner.qualifiedEnd(offset)
  if (end === offset) return scanner.fail(pathPart)
  const name = scanner.text.slice(offset, end)
  scanner.token()
  scanner.at = end
  if (scanner.code() !== OPEN) return { kind: 'name', offset, length: end - offset, name, arguments: undefined }
  if (name.length === 3) {
    const word = name.toLowerCase()
    if (word === 'any' || word === 'all') return lambdaStep(scanner, word, offset)
  }
  if (name.length === 9 && name.toLowerCase() === 'aggregate') {
    const expression = scanner.rules.aggregate(scanner)
    return { kind: 'aggregate', offset, length: scanner.at - offset, expression }
  }
  const found = namedArguments(scanner, scanner.rules.expression)
  if (scanner.code() === OPEN) {
    const key = namedArguments(scanner, scanner.rules.expression)
    return { kind: 'name', offset, length: scanner.at - offset, name, arguments: found, key }
  }
  return { kind: 'name', offset, length: scanner.at - offset, name, arguments: found }
}

/** ABNF: anyExpr, allExpr. Stands on `(`. */
function lambdaStep(scanner: Scanner, kind: 'any' | 'all', offset: number): PathStep {
  scanner.enter()
  scanner.at++
  scanner.skipBlanks()
  let variable: string | undefined
  let predicate: ExpressionNode | undefined
  if (kind === 'all' || scanner.code() !== CLOSE) {
    variable = scanner.identifier('the name of a lambda variable')
    scanner.skipBlanks()
    scanner.expect(COLON, "':' after the lambda variable")
    scanner.skipBlanks()
    predicate = scanner.rules.expression(scanner)
    scanner.skipBlanks()
  }
  if (!scanner.take(CLOSE)) scanner.failNear("an operator or ')'", operatorNames)
  scanner.leave()
  return { kind, offset, length: scanner.at - offset, variable, predicate }
}

/**
 * ABNF: functionExprParameters, functionParameters, simpleKey, compoundKey: values by position or by name.
 * @param value reads one value: any expression in expressions, a literal or an alias in the resource path
 */
export function namedArguments(scanner: Scanner, value: (scanner: Scanner) => ExpressionNode): readonly ArgumentNode[] {
  scanner.enter()
  scanner.at++
  scanner.skipBlanks()
  const found: ArgumentNode[] = []
  if (!scanner.take(CLOSE)) {
    do {
      scanner.skipBlanks()
      const offset = scanner.at
      const end = scanner.identifierEnd(offset)
      let name: string | undefined
      if (end > offset && scanner.codeAt(end) === EQUALS) {
        name = scanner.text.slice(offset, end)
        scanner.at = end + 1
        scanner.skipBlanks()
      }
      const node = pinned(scanner, name, value(scanner))
      found.push({ offset, length: scanner.at - offset, name, value: node })
      scanner.listItem(found.length)
      scanner.skipBlanks()
      // what is no key at all is a parameter without its value
      const ends = scanner.code() === COMMA || scanner.code() === CLOSE
      if (!ends && name === undefined && node.kind === 'binary' && end > offset) scanner.fail("'=' and a value", end)
    } while (scanner.take(COMMA))
    scanner.expect(CLOSE, "',' or ')'")
  }
  scanner.leave()
  return found
}

const named = new Set<string | undefined>(['HierarchyQualifier', 'Position'])

/** The qualifier of a hierarchy and the position of a node are no values: what they mean must be told by the shape of the options. */
function pinned(scanner: Scanner, name: string | undefined, node: ExpressionNode): ExpressionNode {
  if (!named.has(name) || node.kind !== 'literal') return node
  const token: LiteralToken = { ...node.token, pinned: true }
  scanner.literals[node.slot] = token
  return { ...node, token }
}
