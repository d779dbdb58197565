import type { ExpandNode, PathStep, SelectNode } from './ast.ts'
import { AT, COMMA, DOLLAR, DOT, EQUALS, isBlank, OPEN, SLASH, STAR } from './characters.ts'
import { annotationStep, namedArguments } from './member-path.ts'
import type { NestedKind, Scanner } from './scanner.ts'

/** ABNF: select, expand (URL Conventions 5.1.3, 5.1.4). */

/** ABNF: select: items with commas between; blanks around a comma are taken. */
export function selectItems(scanner: Scanner): readonly SelectNode[] {
  const items: SelectNode[] = []
  do {
    scanner.skipBlanks()
    scanner.optionItem()
    items.push(selectItem(scanner))
    scanner.skipBlanks()
  } while (scanner.take(COMMA))
  return items
}

/** ABNF: selectItem, selectProperty, selectPath, allOperationsInSchema, optionallyQualifiedFunctionName. */
function selectItem(scanner: Scanner): SelectNode {
  const offset = scanner.at
  const path: PathStep[] = []
  let options: SelectNode['options']
  for (;;) {
    const at = scanner.at
    const code = scanner.code()
    if (code === STAR && path.length === 0) {
      scanner.at++
      scanner.token()
      return { offset, length: 1, path: [{ kind: '*', offset, length: 1 }], operationsOf: undefined, options }
    }
    if (code === AT) path.push(annotationStep(scanner))
    else {
      const end = scanner.qualifiedEnd(at)
      if (end === at) return scanner.fail(path.length === 0 ? "a property or '*'" : 'a property')
      const name = scanner.text.slice(at, end)
      scanner.token()
      scanner.at = end
      if (path.length === 0 && scanner.code() === DOT && scanner.codeAt(end + 1) === STAR) {
        scanner.at = end + 2
        return { offset, length: scanner.at - offset, path, operationsOf: name, options }
      }
      const found =
        scanner.code() === OPEN && !optionsFollow(scanner)
          ? namedArguments(scanner, scanner.rules.expression)
          : undefined
      path.push({ kind: 'name', offset: at, length: scanner.at - at, name, arguments: found })
    }
    if (scanner.code() !== SLASH) break
    scanner.at++
  }
  if (scanner.code() === OPEN) options = scanner.rules.nestedOptions(scanner, 'select')
  return { offset, length: scanner.at - offset, path, operationsOf: undefined, options }
}

/** Whether the parentheses at hand hold options, not the parameter names of a function overload. */
function optionsFollow(scanner: Scanner): boolean {
  let at = scanner.at + 1
  while (isBlank(scanner.codeAt(at))) at++
  const code = scanner.codeAt(at)
  if (code === DOLLAR || code === AT) return true
  const end = scanner.identifierEnd(at)
  return end > at && scanner.codeAt(end) === EQUALS
}

/** ABNF: expand: items with commas between; blanks around a comma are taken. */
export function expandItems(scanner: Scanner): readonly ExpandNode[] {
  const items: ExpandNode[] = []
  do {
    scanner.skipBlanks()
    scanner.optionItem()
    items.push(expandItem(scanner))
    scanner.skipBlanks()
  } while (scanner.take(COMMA))
  return items
}

/** ABNF: expandItem, expandPath. */
function expandItem(scanner: Scanner): ExpandNode {
  const offset = scanner.at
  const path: PathStep[] = []
  let kind: NestedKind = 'expand'
  for (;;) {
    const step = expandStep(scanner, path)
    path.push(step)
    if (step.kind === '$ref') kind = 'expandRef'
    if (step.kind === '$count') kind = 'expandCount'
    const last = step.kind === '$ref' || step.kind === '$count' || step.kind === '$value'
    if (last || scanner.code() !== SLASH) break
    scanner.at++
  }
  const isValue = path.at(-1)?.kind === '$value'
  const options = scanner.code() === OPEN && !isValue ? scanner.rules.nestedOptions(scanner, kind) : undefined
  return { offset, length: scanner.at - offset, path, options }
}

/** One step of an expand path: a name, an annotation, `*`, or one of `$ref`, `$count`, `$value` at the end. */
function expandStep(scanner: Scanner, before: readonly PathStep[]): PathStep {
  const offset = scanner.at
  const code = scanner.code()
  const afterStar = before.at(-1)?.kind === '*'
  if (code === DOLLAR) {
    const end = scanner.identifierEnd(offset + 1)
    const word = scanner.text.slice(offset, end)
    const length = end - offset
    scanner.token()
    scanner.at = end
    if (word === '$value' && before.length === 0) return { kind: word, offset, length }
    if (before.length > 0 && word === '$ref') return { kind: word, offset, length }
    if (before.length > 0 && word === '$count' && !afterStar) return { kind: word, offset, length, options: undefined }
    scanner.at = offset
    return scanner.fail(before.length === 0 ? "a navigation property, '*' or '$value'" : "'$ref' or '$count'", offset)
  }
  if (afterStar) return scanner.fail("'$ref' after '*/'")
  if (code === STAR) {
    scanner.token()
    scanner.at++
    return { kind: '*', offset, length: 1 }
  }
  if (code === AT) return annotationStep(scanner)
  const end = scanner.qualifiedEnd(offset)
  if (end === offset) return scanner.fail("a navigation property or '*'")
  scanner.token()
  scanner.at = end
  return { kind: 'name', offset, length: end - offset, name: scanner.text.slice(offset, end), arguments: undefined }
}
