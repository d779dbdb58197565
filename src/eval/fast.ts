import type { CallExpression, Expression, InExpression } from '../bind/tree.ts'
import { readSub } from '../bson/exact.ts'
import {
  bsonType,
  elementType,
  findField,
  findPath,
  readDouble,
  readInt32,
  readInt64AsNumber,
  valueOffset,
} from '../bson/reader.ts'
import { Decimal } from '../edm/decimal.ts'
import { guidToBytes } from '../edm/guid.ts'
import type { PrimitiveTypeName } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import type { DateTimeOffset, Value } from '../edm/value.ts'
import { compareBytes, compareInt64, equalBytes, includesBytes, stringSize } from './bytes.ts'
import { accepts, type ComparisonOperator, mirrored } from './comparison.ts'
import { compileMember } from './member.ts'
import {
  type Binding,
  type Cell,
  type CompileScope,
  computed,
  type Evaluator,
  evaluator,
  type Operand,
} from './scope.ts'
import { isInstant } from './values.ts'

/**
 * The hot shapes: a property of the row against a literal. Each reads the one field from the bytes. Whatever is not stored
 * in its usual form (a double for an Int32, an ObjectId for a String) goes to the plain evaluator, which knows all.
 */

/** Offset of the element of a property in the current document; -1 missing, -2 not in bytes. */
type Finder = () => number

interface FastField {
  readonly cell: number
  readonly path: readonly string[]
  readonly exactPath: readonly string[] | undefined
  readonly type: PrimitiveTypeName | 'enum'
}

/** A property of the current instance that is stored as one element. */
function fastField(expression: Expression, scope: CompileScope): FastField | undefined {
  if (expression.kind !== 'member' || expression.steps.some((step) => step.kind !== 'property')) return undefined
  const { variable, steps } = compileMember(expression, scope)
  const [step] = steps
  if (steps.length !== 1 || step?.kind !== 'field' || step.type === undefined || step.type.collection) return undefined
  const type = step.type.type.kind === 'enum' ? 'enum' : primitiveOf(step.type.type)?.name
  if (type === undefined) return undefined
  return { cell: variable.cell, path: step.path, exactPath: step.exactPath, type }
}

function cellOf(field: FastField, binding: Binding): Cell {
  const cell = binding.cells[field.cell]
  if (cell === undefined) throw new Error('invariant: no cell')
  return cell
}

function finder(path: readonly string[], cell: Cell): Finder {
  const [name = ''] = path
  if (path.length === 1) return () => (cell.start < 0 ? -2 : findField(cell.row, name, cell.start))
  return () => (cell.start < 0 ? -2 : findPath(cell.row, path, cell.start))
}

/** Binds a fast form where the operands allow one; `slow` is the plain one. */
export type FastForm = (binding: Binding, slow: Operand) => Operand

/** A comparison of a property with a value that is the same for all rows. */
export function fastComparison(
  operator: ComparisonOperator,
  left: Expression,
  right: Expression,
  scope: CompileScope,
): FastForm | undefined {
  const leftValue = fixedValue(left)
  const rightValue = fixedValue(right)
  const forward = rightValue === undefined ? undefined : fastField(left, scope)
  if (forward !== undefined && rightValue !== undefined) return compare(operator, forward, rightValue)
  const backward = leftValue === undefined ? undefined : fastField(right, scope)
  return backward !== undefined && leftValue !== undefined
    ? compare(mirrored[operator], backward, leftValue)
    : undefined
}

/** The value of a literal, once the parameters are there. */
function fixedValue(expression: Expression): ((binding: Binding) => Value) | undefined {
  if (expression.kind === 'constant') return () => expression.value
  if (expression.kind === 'parameter') return (binding) => binding.parameters[expression.index] ?? null
  return undefined
}

function compare(operator: ComparisonOperator, field: FastField, fixed: (binding: Binding) => Value): FastForm {
  return (binding, slow) => {
    const cell = cellOf(field, binding)
    const find = finder(field.path, cell)
    const value = fixed(binding)
    const test =
      value === null
        ? nullTest(operator, field, cell, find, evaluator(slow))
        : valueTest(operator, field, cell, find, value, evaluator(slow))
    return test === undefined ? slow : computed(test)
  }
}

/** The element type that a stored value of an Edm type usually has; it is never null then. */
const usualType: Readonly<Partial<Record<FastField['type'], number>>> = {
  'Edm.String': bsonType.string,
  'Edm.Boolean': bsonType.boolean,
  'Edm.Int32': bsonType.int32,
  'Edm.Int64': bsonType.int64,
  'Edm.Double': bsonType.double,
}

function nullTest(
  operator: ComparisonOperator,
  field: FastField,
  cell: Cell,
  find: Finder,
  slow: Evaluator,
): Evaluator | undefined {
  if (operator !== 'eq' && operator !== 'ne') return () => false
  const whenNull = operator === 'eq'
  const usual = usualType[field.type]
  return () => {
    const at = find()
    if (at === -1) return whenNull
    if (at === -2) return slow()
    const type = elementType(cell.row, at)
    if (type === bsonType.null) return whenNull
    if (type === usual) return !whenNull
    if (type !== bsonType.date || field.type !== 'Edm.DateTimeOffset') return slow()
    return isUsualInstant(readInt64AsNumber(cell.row, valueOffset(cell.row, at))) ? !whenNull : slow()
  }
}

function valueTest(
  operator: ComparisonOperator,
  field: FastField,
  cell: Cell,
  find: Finder,
  value: Value,
  slow: Evaluator,
): Evaluator | undefined {
  switch (field.type) {
    case 'Edm.String':
      return typeof value === 'string' ? stringTest(operator, cell, find, Buffer.from(value, 'utf8'), slow) : undefined
    case 'Edm.Int32':
    case 'Edm.Int16':
    case 'Edm.Byte':
    case 'Edm.SByte':
    case 'enum':
      return integerTest(operator, field, cell, find, value, slow)
    case 'Edm.Int64':
      return typeof value === 'bigint' ? longTest(operator, cell, find, value, slow) : undefined
    case 'Edm.Double':
      return typeof value === 'number' ? doubleTest(operator, cell, find, value, slow) : undefined
    case 'Edm.Boolean':
      return typeof value === 'boolean' ? booleanTest(operator, cell, find, value, slow) : undefined
    case 'Edm.Guid':
      return typeof value === 'string' && value.length === 36
        ? guidTest(operator, cell, find, guidToBytes(value), slow)
        : undefined
    case 'Edm.DateTimeOffset':
      return isInstant(value) ? instantTest(operator, field, cell, find, value, slow) : undefined
    case 'Edm.Date':
      return typeof value === 'string' ? dateTest(operator, cell, find, Buffer.from(value, 'utf8'), slow) : undefined
    default:
      return undefined
  }
}

/** The value's offset where the element has the usual type; -1 for null, -2 for anything else. */
function usualValue(cell: Cell, at: number, usual: number): number {
  if (at < 0) return at
  const type = elementType(cell.row, at)
  return type === usual ? valueOffset(cell.row, at) : type === bsonType.null ? -1 : -2
}

function stringTest(
  operator: ComparisonOperator,
  cell: Cell,
  find: Finder,
  wanted: Uint8Array,
  slow: Evaluator,
): Evaluator {
  const whenNull = operator === 'ne'
  if (operator === 'eq' || operator === 'ne') {
    return () => {
      const at = usualValue(cell, find(), bsonType.string)
      if (at < 0) return at === -1 ? whenNull : slow()
      const equal = stringSize(cell.row, at) === wanted.length && equalBytes(cell.row, at + 4, wanted)
      return equal !== whenNull
    }
  }
  return () => {
    const at = usualValue(cell, find(), bsonType.string)
    if (at < 0) return at === -1 ? whenNull : slow()
    return accepts(operator, compareBytes(cell.row, at + 4, stringSize(cell.row, at), wanted))
  }
}

function integerTest(
  operator: ComparisonOperator,
  field: FastField,
  cell: Cell,
  find: Finder,
  value: Value,
  slow: Evaluator,
): Evaluator | undefined {
  // the nearest double of an Int64 lies on the same side of every int32; of a Decimal only an equal one is sure to
  const wanted = typeof value === 'bigint' ? Number(value) : value instanceof Decimal ? exactNumber(value) : value
  if (typeof wanted !== 'number' || Number.isNaN(wanted)) return undefined
  const range = smallRanges[field.type] ?? int32Range
  const whenNull = operator === 'ne'
  return () => {
    const at = usualValue(cell, find(), bsonType.int32)
    if (at < 0) return at === -1 ? whenNull : slow()
    const stored = readInt32(cell.row, at)
    return stored >= range[0] && stored <= range[1] ? accepts(operator, stored - wanted) : slow()
  }
}

function exactNumber(value: Decimal): number | undefined {
  const number = value.toNumber()
  return Decimal.fromNumber(number).equals(value) ? number : undefined
}

const int32Range: readonly [number, number] = [-2_147_483_648, 2_147_483_647]

/** An int32 outside the range of a smaller type does not fit the model. */
const smallRanges: Readonly<Partial<Record<FastField['type'], readonly [number, number]>>> = {
  'Edm.Byte': [0, 255],
  'Edm.SByte': [-128, 127],
  'Edm.Int16': [-32_768, 32_767],
}

function longTest(
  operator: ComparisonOperator,
  cell: Cell,
  find: Finder,
  value: bigint,
  slow: Evaluator,
): Evaluator | undefined {
  if (BigInt.asIntN(64, value) !== value) return undefined
  const high = Number(value >> 32n)
  const low = Number(value & 0xffff_ffffn)
  const whenNull = operator === 'ne'
  return () => {
    const at = usualValue(cell, find(), bsonType.int64)
    if (at < 0) return at === -1 ? whenNull : slow()
    return accepts(operator, compareInt64(cell.row, at, high, low))
  }
}

function doubleTest(operator: ComparisonOperator, cell: Cell, find: Finder, value: number, slow: Evaluator): Evaluator {
  const whenNull = operator === 'ne'
  return () => {
    const at = usualValue(cell, find(), bsonType.double)
    if (at < 0) return at === -1 ? whenNull : slow()
    return doubleAccepts(operator, readDouble(cell.row, at), value)
  }
}

/** With JavaScript's own operators: NaN is what OData says. */
function doubleAccepts(operator: ComparisonOperator, a: number, b: number): boolean {
  switch (operator) {
    case 'eq':
      return a === b
    case 'ne':
      return a !== b
    case 'gt':
      return a > b
    case 'ge':
      return a >= b
    case 'lt':
      return a < b
    case 'le':
      return a <= b
  }
}

function booleanTest(
  operator: ComparisonOperator,
  cell: Cell,
  find: Finder,
  value: boolean,
  slow: Evaluator,
): Evaluator {
  const whenNull = operator === 'ne'
  const wanted = value ? 1 : 0
  return () => {
    const at = usualValue(cell, find(), bsonType.boolean)
    if (at < 0) return at === -1 ? whenNull : slow()
    return accepts(operator, (cell.row[at] === 0 ? 0 : 1) - wanted)
  }
}

/** A binary's value: its length, its subtype, its bytes. */
function guidTest(
  operator: ComparisonOperator,
  cell: Cell,
  find: Finder,
  wanted: Uint8Array,
  slow: Evaluator,
): Evaluator {
  const whenNull = operator === 'ne'
  return () => {
    const at = usualValue(cell, find(), bsonType.binary)
    if (at < 0) return at === -1 ? whenNull : slow()
    const { row } = cell
    if (readInt32(row, at) !== 16 || row[at + 4] !== 4) return slow()
    return accepts(operator, compareBytes(row, at + 5, 16, wanted))
  }
}

/** Text that sorts as the dates do; whatever does not surely look like a date is read as usual. */
function dateTest(
  operator: ComparisonOperator,
  cell: Cell,
  find: Finder,
  wanted: Uint8Array,
  slow: Evaluator,
): Evaluator {
  const whenNull = operator === 'ne'
  return () => {
    const at = usualValue(cell, find(), bsonType.string)
    if (at < 0) return at === -1 ? whenNull : slow()
    return isUsualDate(cell.row, at) ? accepts(operator, compareBytes(cell.row, at + 4, 10, wanted)) : slow()
  }
}

/** `yyyy-mm-dd` with a day that every month has. */
function isUsualDate(row: Uint8Array, at: number): boolean {
  if (stringSize(row, at) !== 10 || row[at + 8] !== dash || row[at + 11] !== dash) return false
  for (const digit of [4, 5, 6, 7, 9, 10, 12, 13]) if (!isDigit(row, at + digit)) return false
  const month = twoDigits(row, at + 9)
  const day = twoDigits(row, at + 12)
  return month >= 1 && month <= 12 && day >= 1 && day <= 28
}

const dash = 0x2d

function isDigit(row: Uint8Array, at: number): boolean {
  const byte = row[at] ?? 0
  return byte >= 0x30 && byte <= 0x39
}

function twoDigits(row: Uint8Array, at: number): number {
  return ((row[at] ?? 0) - 0x30) * 10 + (row[at + 1] ?? 0) - 0x30
}

/** By milliseconds; only where they agree the digits below them (`name@exact`) are needed. */
function instantTest(
  operator: ComparisonOperator,
  field: FastField,
  cell: Cell,
  find: Finder,
  value: DateTimeOffset,
  slow: Evaluator,
): Evaluator {
  const whenNull = operator === 'ne'
  const { ms } = value
  const findExact = finder(field.exactPath ?? [''], cell)
  return () => {
    const at = usualValue(cell, find(), bsonType.date)
    if (at < 0) return at === -1 ? whenNull : slow()
    const stored = readInt64AsNumber(cell.row, at)
    if (!isUsualInstant(stored)) return slow()
    if (stored !== ms) return accepts(operator, stored - ms)
    return accepts(operator, readSub(cell.row, findExact()) - value.sub)
  }
}

/** Whether a date surely is an Edm.DateTimeOffset in any offset: a day within its years. */
function isUsualInstant(ms: number): boolean {
  return ms > -62_135_510_400_000 && ms < 253_402_214_400_000
}

/** `in` with literals for strings: their bytes side by side. */
export function fastMembership(
  expression: InExpression,
  scope: CompileScope,
): ((binding: Binding, values: readonly Value[], slow: Operand) => Operand) | undefined {
  const field = fastField(expression.operand, scope)
  if (field?.type !== 'Edm.String') return undefined
  return (binding, values, slow) => {
    if (values.length > 16) return slow
    const wanted: Uint8Array[] = []
    for (const value of values) {
      if (typeof value === 'string') wanted.push(Buffer.from(value, 'utf8'))
      else if (value !== null) return slow
    }
    const whenNull = values.includes(null)
    const cell = cellOf(field, binding)
    const find = finder(field.path, cell)
    const plain = evaluator(slow)
    return computed(() => {
      const at = usualValue(cell, find(), bsonType.string)
      if (at < 0) return at === -1 ? whenNull : plain()
      const size = stringSize(cell.row, at)
      for (const bytes of wanted) if (bytes.length === size && equalBytes(cell.row, at + 4, bytes)) return true
      return false
    })
  }
}

/** contains, startswith, endswith of a string property and a literal, on the bytes. */
export function fastTextTest(
  expression: CallExpression,
  scope: CompileScope,
): ((binding: Binding, operands: readonly Operand[], slow: Operand) => Operand) | undefined {
  const search = textSearches[expression.function]
  const [text] = expression.arguments
  const field = search === undefined || text === undefined ? undefined : fastField(text, scope)
  if (search === undefined || field?.type !== 'Edm.String') return undefined
  return (binding, operands, slow) => {
    const part = operands[1]
    if (!part?.constant || typeof part.value !== 'string') return slow
    const needle = Buffer.from(part.value, 'utf8')
    const cell = cellOf(field, binding)
    const find = finder(field.path, cell)
    const plain = evaluator(slow)
    return computed(() => {
      const at = usualValue(cell, find(), bsonType.string)
      if (at < 0) return at === -1 ? null : plain()
      return search(cell.row, at + 4, stringSize(cell.row, at), needle)
    })
  }
}

type TextSearch = (row: Uint8Array, from: number, size: number, needle: Uint8Array) => boolean

const textSearches: Readonly<Partial<Record<CallExpression['function'], TextSearch>>> = {
  contains: includesBytes,
  startswith: (row, from, size, needle) => needle.length <= size && equalBytes(row, from, needle),
  endswith: (row, from, size, needle) => needle.length <= size && equalBytes(row, from + size - needle.length, needle),
}
