import type { BinaryNode, BinaryOperator, ExpressionNode } from './ast.ts'
import { isAsciiPart, isBlank } from './characters.ts'
import type { Scanner } from './scanner.ts'

/** Binary operators and their precedence (URL Conventions 5.1.1.17), read without making strings. */
export interface OperatorEntry {
  readonly operator: BinaryOperator
  /** higher binds tighter */
  readonly power: number
  readonly length: number
}

export const OR = 1
export const AND = 2
/** of `has` and `in`: tighter than `not` and negation, whose operand is read with it */
export const PRIMARY = 7

const powers: readonly (readonly [number, readonly BinaryOperator[]])[] = [
  [OR, ['or']],
  [AND, ['and']],
  [3, ['eq', 'ne']],
  [4, ['gt', 'ge', 'lt', 'le']],
  [5, ['add', 'sub']],
  [6, ['mul', 'div', 'divby', 'mod']],
  [PRIMARY, ['has', 'in']],
]

/** By the first three letters, packed; `divby` is found through `div`. */
const packed = new Map<number, OperatorEntry>()
let divby: OperatorEntry | undefined
for (const [power, operators] of powers) {
  for (const operator of operators) {
    const entry: OperatorEntry = { operator, power, length: operator.length }
    if (operator === 'divby') divby = entry
    else packed.set(pack(operator.charCodeAt(0), operator.charCodeAt(1), operator.charCodeAt(2) || 0), entry)
  }
}

function pack(a: number, b: number, c: number): number {
  return a | (b << 8) | (c << 16)
}

/**
 * The operator that follows the operand at hand, behind optional blanks. Letters in any case, as 4.01 has it. Moves past the
 * blanks only.
 */
export function operatorAhead(scanner: Scanner): OperatorEntry | undefined {
  const { text } = scanner
  const end = text.length
  let at = scanner.at
  while (at < end && isBlank(text.charCodeAt(at))) at++
  if (at + 1 >= end) return undefined
  const a = text.charCodeAt(at) | 0x20
  const b = text.charCodeAt(at + 1) | 0x20
  if (a < 0x61 || a > 0x7a || b < 0x61 || b > 0x7a) return undefined
  let found: OperatorEntry | undefined
  if (!isAsciiPart(scanner.codeAt(at + 2))) found = packed.get(pack(a, b, 0))
  else if (!isAsciiPart(scanner.codeAt(at + 3))) found = packed.get(pack(a, b, text.charCodeAt(at + 2) | 0x20))
  else if (text.slice(at, at + 5).toLowerCase() === 'divby' && !isAsciiPart(scanner.codeAt(at + 5))) found = divby
  if (found !== undefined) scanner.at = at
  return found
}

/** Makes the node of a binary operation. */
export function binaryNode(operator: BinaryOperator, left: ExpressionNode, right: ExpressionNode): BinaryNode {
  const offset = left.offset
  return { kind: 'binary', offset, length: right.offset + right.length - offset, operator, left, right }
}

/**
 * A long chain of `and` or `or` as a tree of logarithmic depth: both are associative, also with null, and no later stage
 * needs to care how long a client's chain is.
 */
export function balanced(operator: 'and' | 'or', items: readonly ExpressionNode[]): ExpressionNode {
  const [first, second] = items
  if (first === undefined) throw new RangeError('no operand')
  if (second === undefined) return first
  if (items.length === 2) return binaryNode(operator, first, second)
  const middle = (items.length + 1) >> 1
  return binaryNode(operator, balanced(operator, items.slice(0, middle)), balanced(operator, items.slice(middle)))
}
