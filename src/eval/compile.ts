import type { Expression, MemberExpression, Parameters } from '../bind/tree.ts'
import { typeOfDocument } from '../bson/decode.ts'
import type { StructuredType, TypeReference } from '../edm/model.ts'
import { isSubtypeOf } from '../edm/types.ts'
import type { DateTimeOffset, Value } from '../edm/value.ts'
import { compileMember, entitiesAt, locate } from './member.ts'
import { compileNode } from './nodes.ts'
import {
  type Binding,
  type Cell,
  type CompileScope,
  cellAt,
  createCell,
  declaredType,
  type EvalContext,
  evaluator,
  itemScope,
  outerCell,
  rootScope,
  rowCell,
} from './scope.ts'

export type { EvalContext, RelatedRows } from './scope.ts'

/** What else one execution knows. */
export interface ExecutionOptions {
  /** the instant of `now()`; the clock's where not given */
  readonly now?: DateTimeOffset
}

/** A bound predicate: whether a row fulfils it. `outer` is the outer row where the context has one. */
export type RowTest = (row: Uint8Array, outer?: Uint8Array) => boolean

/** A bound expression: its value for a row. */
export type RowValue = (row: Uint8Array, outer?: Uint8Array) => Value

/**
 * Compiles a filter in the form that executions want: once for a plan, then bound to the parameters of each request.
 * What does not depend on a row (literals' bytes, patterns, `now()`) is made while binding.
 * @param expression of type Edm.Boolean
 * @returns `(parameters) => (row) => boolean`; null counts as false. Binding throws ODataError (400, 501) for constants
 *   that make the request fail: a division by the literal 0, a negative length, a pattern that is none. The row test never
 *   throws, whatever is stored; it must not be called from within itself.
 */
export function preparePredicate(
  expression: Expression,
  context: EvalContext,
): (parameters: Parameters, options?: ExecutionOptions) => RowTest {
  const scope = rootScope(context)
  const node = compileNode(expression, scope)
  return (parameters, options) => {
    const cells = createCells(scope)
    const operand = node(createBinding(parameters, cells, options))
    if (operand.constant) {
      const verdict = operand.value === true
      return () => verdict
    }
    const { evaluate } = operand
    const enter = entrance(cells)
    return (row, outer) => {
      enter(row, outer)
      return evaluate() === true
    }
  }
}

/** The same for a value (`$orderby`, `$compute`). */
export function prepareValue(
  expression: Expression,
  context: EvalContext,
): (parameters: Parameters, options?: ExecutionOptions) => RowValue {
  const scope = rootScope(context)
  const node = compileNode(expression, scope)
  return (parameters, options) => {
    const cells = createCells(scope)
    const evaluate = evaluator(node(createBinding(parameters, cells, options)))
    const enter = entrance(cells)
    return (row, outer) => {
      enter(row, outer)
      return evaluate()
    }
  }
}

/**
 * A filter over the items of a collection of primitive or complex values (`/set(1)/tags?$filter=...`): `$it` and `$this`
 * are the item.
 * @param type type of the items
 */
export function prepareItemPredicate(
  expression: Expression,
  type: TypeReference,
  context: EvalContext,
): (parameters: Parameters, options?: ExecutionOptions) => (item: Value) => boolean {
  const value = prepareItemValue(expression, type, context)
  return (parameters, options) => {
    const evaluate = value(parameters, options)
    return (item) => evaluate(item) === true
  }
}

/** A value of an item of a collection (`$orderby` over primitive or complex values). */
export function prepareItemValue(
  expression: Expression,
  type: TypeReference,
  context: EvalContext,
): (parameters: Parameters, options?: ExecutionOptions) => (item: Value) => Value {
  const scope = itemScope(context, type)
  const node = compileNode(expression, scope)
  return (parameters, options) => {
    const cells = createCells(scope)
    const evaluate = evaluator(node(createBinding(parameters, cells, options)))
    const item = cellAt(cells, rowCell)
    return (value) => {
      item.start = -1
      item.value = value
      return evaluate()
    }
  }
}

/** A value of a document within a row, such as an item of a collection of complex values: `$it` is the document. */
export function prepareDocumentValue(
  expression: Expression,
  type: TypeReference,
  context: EvalContext,
): (parameters: Parameters) => (row: Uint8Array, start: number) => Value {
  const scope = itemScope(context, type)
  const node = compileNode(expression, scope)
  return (parameters) => {
    const cells = createCells(scope)
    const evaluate = evaluator(node(createBinding(parameters, cells)))
    const item = cellAt(cells, rowCell)
    return (row, start) => {
      item.row = row
      item.start = start
      return evaluate()
    }
  }
}

/** The entities that a path from a row leads to: itself, those behind navigation properties; none where it is something else. */
export function prepareEntities(
  path: MemberExpression,
  context: EvalContext,
): () => (row: Uint8Array) => readonly Uint8Array[] {
  const scope = rootScope(context)
  const member = compileMember(path, scope)
  return () => {
    const cells = createCells(scope)
    const enter = entrance(cells)
    return (row) => {
      enter(row, undefined)
      return entitiesAt(locate(member, cellAt(cells, member.variable.cell)), context)
    }
  }
}

/** Whether a row is of a type or of one derived from it: a cast in the resource path. */
export function compileTypeTest(type: StructuredType, context: EvalContext): RowTest {
  const declared = context.layout.structured(declaredType(context))
  return (row) => isSubtypeOf(typeOfDocument(row, 0, declared), type)
}

/**
 * A filter as one function of row and parameters. It keeps the closures of the parameters it saw last: to walk many rows
 * while other requests do the same, `preparePredicate` is the better form.
 */
export function compilePredicate(
  expression: Expression,
  context: EvalContext,
): (row: Uint8Array, parameters: Parameters) => boolean {
  return remembering(preparePredicate(expression, context))
}

/** A value as one function of row and parameters; `prepareValue` is the better form for many rows. */
export function compileValue(
  expression: Expression,
  context: EvalContext,
): (row: Uint8Array, parameters: Parameters) => Value {
  return remembering(prepareValue(expression, context))
}

function remembering<T>(
  prepare: (parameters: Parameters) => (row: Uint8Array) => T,
): (row: Uint8Array, parameters: Parameters) => T {
  let known: Parameters | undefined
  let run: ((row: Uint8Array) => T) | undefined
  return (row, parameters) => {
    if (run === undefined || known !== parameters) {
      run = prepare(parameters)
      known = parameters
    }
    return run(row)
  }
}

function createCells(scope: CompileScope): readonly Cell[] {
  return Array.from({ length: scope.cells.count }, createCell)
}

function createBinding(parameters: Parameters, cells: readonly Cell[], options: ExecutionOptions = {}): Binding {
  const now = options.now ?? { kind: 'dateTimeOffset', ms: Date.now(), sub: 0, offset: 0, digits: 3 }
  return { parameters, cells, now }
}

/** Puts rows into the cells of `$this` and `$it`. */
function entrance(cells: readonly Cell[]): (row: Uint8Array, outer: Uint8Array | undefined) => void {
  const current = cellAt(cells, rowCell)
  const it = cellAt(cells, outerCell)
  current.start = 0
  return (row, outer) => {
    current.row = row
    if (outer !== undefined) {
      it.row = outer
      it.start = 0
    }
  }
}
