import type { Parameters } from '../bind/tree.ts'
import type { CollectionLayout, ModelLayout } from '../bson/layout.ts'
import type { EntityType, NavigationProperty, StructuredType, TypeReference } from '../edm/model.ts'
import type { DateTimeOffset, Value } from '../edm/value.ts'

/**
 * How expressions become closures, in two stages. `compile` walks the bound tree once for a plan and gives a `Node`;
 * binding the node to the parameters of a request gives an `Operand`: a constant, or a closure that reads the cells. What
 * does not depend on the row is calculated at the second stage, once for a request.
 */

/** What an expression is compiled for. */
export interface EvalContext {
  readonly layout: ModelLayout
  /** declared type of the rows (after a cast in the path: the cast's) */
  readonly type: StructuredType
  /** the collection the rows stand in; undefined: embedded documents */
  readonly collection: CollectionLayout | undefined
  /** reads related entities; without it a navigation property in an expression is a 501 */
  readonly related?: RelatedRows
  /** functions of the service are called for the rows before they are looked at (eval/invocation.ts); without it a call is a 501 */
  readonly calls?: true
  /** inside $expand: the context of the outer rows, which are then `$it`; the rows themselves are `$this` */
  readonly outer?: EvalContext
}

/** Finds related entities, at once: a store that cannot has a pipeline that puts them in place. */
export interface RelatedRows {
  /** layout of the collection the targets stand in */
  collectionOf(property: NavigationProperty): CollectionLayout | undefined
  /** @param start where the document that has the property starts in the row: 0 for the entity itself */
  read(row: Uint8Array, start: number, property: NavigationProperty): readonly Uint8Array[]
}

/** The current instance of a variable. Structured: a document in the bytes of a row; anything else: a value. */
export interface Cell {
  row: Uint8Array
  /** offset of the document in the row, -1: look at `value` */
  start: number
  value: Value
}

/** A variable in sight of an expression: `$it`, `$this`, or a lambda's. */
export interface Variable {
  readonly cell: number
  /** undefined: a dynamic value */
  readonly type: TypeReference | undefined
  readonly collection: CollectionLayout | undefined
}

/** What the first stage knows. */
export interface CompileScope {
  readonly context: EvalContext
  readonly variables: ReadonlyMap<string, Variable>
  /** gives a new variable its cell */
  readonly cells: { count: number }
}

/** What the second stage knows: one request. */
export interface Binding {
  readonly parameters: Parameters
  readonly cells: readonly Cell[]
  /** the instant of `now()`: the same for the whole execution */
  readonly now: DateTimeOffset
}

/** A closure over the cells. It never throws, whatever stands in the rows. */
export type Evaluator = () => Value

export type Operand =
  | { readonly constant: true; readonly value: Value }
  | { readonly constant: false; readonly evaluate: Evaluator }

/** An expression after the first stage. @throws ODataError for constants that make the request fail (400) */
export type Node = (binding: Binding) => Operand

const noRow = new Uint8Array(0)

export function createCell(): Cell {
  return { row: noRow, start: -1, value: null }
}

export function cellAt(cells: readonly Cell[], index: number): Cell {
  const cell = cells[index]
  if (cell === undefined) throw new Error(`invariant: no cell ${index}`)
  return cell
}

export function constant(value: Value): Operand {
  return { constant: true, value }
}

export function computed(evaluate: Evaluator): Operand {
  return { constant: false, evaluate }
}

/** An operand as a closure. */
export function evaluator(operand: Operand): Evaluator {
  if (!operand.constant) return operand.evaluate
  const { value } = operand
  return () => value
}

/** Cell of the rows, and of the outer rows of an $expand. */
export const rowCell = 0
export const outerCell = 1

/** The scope of a whole expression: `$it` and `$this`. */
export function rootScope(context: EvalContext): CompileScope {
  const row: Variable = { cell: rowCell, type: single(declaredType(context)), collection: context.collection }
  const { outer } = context
  const it: Variable =
    outer === undefined ? row : { cell: outerCell, type: single(declaredType(outer)), collection: outer.collection }
  return {
    context,
    variables: new Map([
      ['$this', row],
      ['$it', it],
    ]),
    cells: { count: 2 },
  }
}

/** The type that a document without `@type` has. */
export function declaredType(context: EvalContext): StructuredType {
  return context.collection?.entityType ?? context.type
}

/** The scope of a whole expression over items that are no rows: `$it` and `$this` are the item. */
export function itemScope(context: EvalContext, type: TypeReference): CompileScope {
  const item: Variable = { cell: rowCell, type: { ...type, collection: false }, collection: undefined }
  return {
    context,
    variables: new Map([
      ['$this', item],
      ['$it', item],
    ]),
    cells: { count: 2 },
  }
}

/** A reference to one value of a structured type. */
export function single(type: StructuredType | EntityType): TypeReference {
  return { type, collection: false, nullable: true, facets: {} }
}
