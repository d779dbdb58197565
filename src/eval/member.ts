import type { MemberExpression, MemberStep } from '../bind/tree.ts'
import { decodeEntity, decodeField, namedTypeOf, typeOfDocument } from '../bson/decode.ts'
import { exactFieldPathOf, fieldPathOf } from '../bson/field-path.ts'
import { type CollectionLayout, type ModelLayout, fields as ownFields } from '../bson/layout.ts'
import {
  bsonType,
  elementAt,
  elementName,
  elementType,
  findField,
  findPath,
  firstElement,
  nextElement,
  valueOffset,
} from '../bson/reader.ts'
import type { NavigationProperty, Property, StructuredType, TypeReference } from '../edm/model.ts'
import { isStructured, isSubtypeOf, primitiveOf } from '../edm/types.ts'
import { isStructuredValue, type StructuredValue, type Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { Cell, CompileScope, EvalContext, RelatedRows, Variable } from './scope.ts'
import { isCollectionValue, memberAt } from './values.ts'

/** A step from a document to where the next value stands. */
export type CompiledStep =
  | {
      readonly kind: 'field'
      /** stored path, relative to the document */
      readonly path: readonly string[]
      /** where the rest of a DateTimeOffset stands; undefined: the value is none */
      readonly exactPath: readonly string[] | undefined
      /** path in decoded values */
      readonly names: readonly string[]
      /** of the value; undefined: dynamic */
      readonly type: TypeReference | undefined
    }
  | { readonly kind: 'cast'; readonly type: StructuredType }
  /** behind a collection */
  | { readonly kind: 'ordinal'; readonly index: number }
  | {
      readonly kind: 'navigation'
      readonly property: NavigationProperty
      readonly collection: CollectionLayout | undefined
      readonly related: RelatedRows
    }

/** A member expression after the first stage. */
export interface MemberPath {
  readonly variable: Variable
  readonly steps: readonly CompiledStep[]
  readonly context: EvalContext
}

/** Where a member of the current row stands. */
export type Located =
  | { readonly kind: 'value'; readonly value: Value }
  | {
      readonly kind: 'document'
      readonly row: Uint8Array
      readonly start: number
      readonly type: StructuredType
      readonly collection: CollectionLayout | undefined
    }
  | {
      readonly kind: 'element'
      readonly row: Uint8Array
      readonly at: number
      readonly exactAt: number
      readonly type: TypeReference | undefined
      /** casts behind a collection: items of other types are left out */
      readonly casts: readonly StructuredType[]
    }
  | {
      readonly kind: 'rows'
      readonly rows: readonly Uint8Array[]
      readonly type: StructuredType
      readonly collection: CollectionLayout | undefined
      readonly casts: readonly StructuredType[]
    }

const nothing: Located = { kind: 'value', value: null }

/**
 * Resolves the steps of a member to stored paths.
 * @throws ODataError notImplemented for a navigation property where the store reads no related entities.
 */
export function compileMember(expression: MemberExpression, scope: CompileScope): MemberPath {
  const variable = scope.variables.get(expression.variable)
  if (variable === undefined) throw new Error(`invariant: no variable ${expression.variable}`)
  const { context } = scope
  return { variable, steps: compileSteps(expression.steps, variable.collection, context), context }
}

/** @param start the collection of the rows that the first step starts from */
export function compileSteps(
  path: readonly MemberStep[],
  start: CollectionLayout | undefined,
  context: EvalContext,
): readonly CompiledStep[] {
  const steps: CompiledStep[] = []
  let collection = start
  for (let i = 0; i < path.length; ) {
    const step = path[i]
    if (step === undefined) break
    if (step.kind === 'property' || step.kind === 'dynamic') {
      const chain = chainFrom(path, i)
      steps.push(fieldStep(chain, collection, context))
      i += chain.length
      collection = undefined
      continue
    }
    i++
    if (step.kind === 'cast' || step.kind === 'ordinal') {
      steps.push(step)
      continue
    }
    const { property } = step
    const { related } = context
    if (related === undefined) {
      throw new ODataError(
        'notImplemented',
        `The navigation property '${property.name}' cannot be followed in an expression here.`,
      )
    }
    collection = related.collectionOf(property)
    steps.push({ kind: 'navigation', property, collection, related })
  }
  return steps
}

function structuredOf(reference: TypeReference | undefined): StructuredType | undefined {
  return reference !== undefined && isStructured(reference.type) ? reference.type : undefined
}

/** Properties one inside the other, up to the first collection: one stored path. A dynamic one is its name. */
function chainFrom(steps: readonly MemberStep[], from: number): readonly (Property | string)[] {
  const chain: (Property | string)[] = []
  for (const step of steps.slice(from)) {
    if (step.kind === 'property') {
      chain.push(step.property)
      if (step.property.type.collection) break
    } else if (step.kind === 'dynamic') chain.push(step.name)
    else break
  }
  return chain
}

function fieldStep(
  chain: readonly (Property | string)[],
  collection: CollectionLayout | undefined,
  context: EvalContext,
): CompiledStep {
  const last = chain.at(-1)
  const type = typeof last === 'object' ? last.type : undefined
  const mayBeInstant = type === undefined || (!type.collection && primitiveOf(type.type)?.name === 'Edm.DateTimeOffset')
  return {
    kind: 'field',
    path: fieldPathOf(context.layout, collection, chain),
    exactPath: mayBeInstant ? exactFieldPathOf(context.layout, collection, chain) : undefined,
    names: chain.map((property) => (typeof property === 'string' ? property : property.name)),
    type,
  }
}

/** Finds a member of the current instance of its variable. */
export function locate(member: MemberPath, cell: Cell): Located {
  let row = cell.row
  let start = cell.start
  let type = structuredOf(member.variable.type)
  let collection = member.variable.collection
  const { steps } = member
  if (start < 0) return { kind: 'value', value: memberOfValue(cell.value, steps, 0) }
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i]
    if (step === undefined) break
    if (step.kind === 'cast') {
      const actual = actualType(row, start, type, member.context.layout)
      if (actual === undefined || !isSubtypeOf(actual, step.type)) return nothing
      type = step.type
    } else if (step.kind === 'ordinal') return nothing
    else if (step.kind === 'navigation') {
      const rows = step.related.read(row, start, step.property)
      type = isStructured(step.property.type) ? step.property.type : undefined
      if (type === undefined) return nothing
      collection = step.collection
      if (step.property.collection) {
        return { kind: 'rows', rows, type, collection, casts: castsFrom(steps, i + 1) }
      }
      const [target] = rows
      if (target === undefined) return nothing
      row = target
      start = 0
    } else {
      let at = findPath(row, step.path, start)
      const item = steps[i + 1]
      if (item?.kind === 'ordinal') {
        if (!isArray(row, at)) return missing(steps, i + 2)
        at = elementAt(row, valueOffset(row, at), item.index)
        i++
        const type = step.type && { ...step.type, collection: false }
        if (i === steps.length - 1) return { kind: 'element', row, at, exactAt: -1, type, casts: noCasts }
      } else if (i === steps.length - 1 || step.type?.collection === true) {
        const exactAt = step.exactPath === undefined || at < 0 ? -1 : findPath(row, step.exactPath, start)
        return { kind: 'element', row, at, exactAt, type: step.type, casts: castsFrom(steps, i + 1) }
      }
      if (at < 0 || elementType(row, at) !== bsonType.document) return missing(steps, i)
      start = valueOffset(row, at)
      type = structuredOf(step.type)
      collection = undefined
    }
  }
  return type === undefined ? nothing : { kind: 'document', row, start, type, collection }
}

/** The type of a document: of a dynamic value what it says itself. */
function actualType(
  row: Uint8Array,
  start: number,
  declared: StructuredType | undefined,
  layout: ModelLayout,
): StructuredType | undefined {
  return declared ? typeOfDocument(row, start, layout.structured(declared)) : namedTypeOf(row, start, layout)
}

const noItems: Located = { kind: 'value', value: [] }

/** What a path that breaks off is: null, or no items where it leads to a collection. */
function missing(steps: readonly CompiledStep[], from: number): Located {
  const collection = steps
    .slice(from)
    .some((step) =>
      step.kind === 'field' ? step.type?.collection === true : step.kind === 'navigation' && step.property.collection,
    )
  return collection ? noItems : nothing
}

const noCasts: readonly StructuredType[] = []

function castsFrom(steps: readonly CompiledStep[], from: number): readonly StructuredType[] {
  if (from >= steps.length) return noCasts
  return steps.slice(from).flatMap((step) => (step.kind === 'cast' ? [step.type] : []))
}

/** The same path over a decoded value. */
export function memberOfValue(value: Value, steps: readonly CompiledStep[], from: number): Value {
  let current = value
  for (let i = from; i < steps.length; i++) {
    const step = steps[i]
    if (step === undefined) return null
    if (step.kind === 'navigation') {
      // instances of $apply hold what their navigation properties lead to
      const { name, collection } = step.property
      const member = current !== null && isStructuredValue(current) ? current.members.get(name) : undefined
      current = member ?? (collection ? [] : null)
    } else if (step.kind === 'cast') {
      const { type } = step
      if (isCollectionValue(current)) current = current.filter((item) => isInstanceOf(item, type))
      else if (!isInstanceOf(current, type)) return null
    } else if (step.kind === 'ordinal') {
      current = current !== null && isCollectionValue(current) ? (current.at(step.index) ?? null) : null
    } else {
      if (!isStructuredValue(current)) return step.type?.collection === true ? [] : null
      current = memberAt(current, step.names) ?? (step.type?.collection === true ? [] : null)
    }
  }
  return current
}

/** Whether a value is of a structured type or of one derived from it. */
export function isInstanceOf(value: Value, type: StructuredType): value is StructuredValue {
  return value !== null && isStructuredValue(value) && isSubtypeOf(value.type, type)
}

/** Decodes what was found. */
export function readLocated(located: Located, context: EvalContext): Value {
  switch (located.kind) {
    case 'value':
      return located.value
    case 'document':
      return decodeDocument(context.layout, located.type, located.collection, located.row, located.start)
    case 'rows': {
      const { type, collection, casts } = located
      return located.rows
        .filter((row) => passes(row, 0, type, casts, context.layout))
        .map((row) => decodeDocument(context.layout, type, collection, row, 0))
    }
    case 'element': {
      if (located.type?.collection !== true) {
        if (located.at < 0) return null
        return decodeField(located.row, located.at, located.type, located.exactAt, context.layout)
      }
      if (located.at < 0) return []
      const items = decodeField(located.row, located.at, located.type, located.exactAt, context.layout)
      if (!isCollectionValue(items)) return []
      return located.casts.length === 0
        ? items
        : items.filter((item) => located.casts.every((type) => isInstanceOf(item, type)))
    }
  }
}

/** Rows that were found, as they are stored. */
export function entitiesAt(located: Located, context: EvalContext): readonly Uint8Array[] {
  if (located.kind === 'document') return located.start === 0 ? [located.row] : []
  if (located.kind !== 'rows') return []
  const { rows, type, casts } = located
  return rows.filter((row) => passes(row, 0, type, casts, context.layout))
}

/** The type of a structured value, without decoding it; undefined where there is none in the bytes. */
export function typeOfLocated(located: Located, context: EvalContext): StructuredType | undefined {
  if (located.kind === 'document') {
    return typeOfDocument(located.row, located.start, context.layout.structured(located.type))
  }
  if (located.kind !== 'element' || located.at < 0 || located.type?.collection === true) return undefined
  const declared = structuredOf(located.type)
  if (declared === undefined || elementType(located.row, located.at) !== bsonType.document) return undefined
  return typeOfDocument(located.row, valueOffset(located.row, located.at), context.layout.structured(declared))
}

/** A whole document; the values of a row's key stand in its `_id`. */
function decodeDocument(
  layout: ModelLayout,
  declared: StructuredType,
  collection: CollectionLayout | undefined,
  row: Uint8Array,
  start: number,
): StructuredValue {
  if (collection !== undefined && start === 0) return decodeEntity(layout, collection, row)
  const type = typeOfDocument(row, start, layout.structured(declared))
  const { propertyOf } = layout.structured(type)
  const members = new Map<string, Value>()
  for (let at = firstElement(row, start); at >= 0; at = nextElement(row, at)) {
    const field = elementName(row, at)
    const property = type.allProperties.get(propertyOf.get(field) ?? '')
    if (property === undefined && (!type.open || field === ownFields.id || field.includes('@'))) continue
    const exactAt = findField(row, field + ownFields.exact, start)
    members.set(property?.name ?? field, decodeField(row, at, property?.type, exactAt, layout))
  }
  return { kind: 'structured', type, members }
}

/** Whether a document is of all the types cast to. */
function passes(
  row: Uint8Array,
  start: number,
  declared: StructuredType,
  casts: readonly StructuredType[],
  layout: ModelLayout,
): boolean {
  if (casts.length === 0) return true
  const actual = typeOfDocument(row, start, layout.structured(declared))
  return casts.every((type) => isSubtypeOf(actual, type))
}

/**
 * Walks the items of a collection without decoding structured ones: each is put into the cell, then `visit` is called.
 * @returns whether a visit returned true, which ends the walk
 */
export function someItem(located: Located, cell: Cell, context: EvalContext, visit: () => boolean): boolean {
  if (located.kind === 'rows') {
    for (const row of located.rows) {
      if (!passes(row, 0, located.type, located.casts, context.layout)) continue
      cell.row = row
      cell.start = 0
      if (visit()) return true
    }
    return false
  }
  if (located.kind === 'element' && located.type?.collection !== false && isArray(located.row, located.at)) {
    return someElement(located, cell, context, visit)
  }
  const items = readLocated(located, context)
  return isCollectionValue(items) && someValue(items, cell, visit)
}

function isArray(row: Uint8Array, at: number): boolean {
  return at >= 0 && elementType(row, at) === bsonType.array
}

/** The same walk over decoded values. */
export function someValue(items: readonly Value[], cell: Cell, visit: () => boolean): boolean {
  cell.start = -1
  for (const item of items) {
    cell.value = item
    if (visit()) return true
  }
  return false
}

function someElement(
  located: Extract<Located, { kind: 'element' }>,
  cell: Cell,
  context: EvalContext,
  visit: () => boolean,
): boolean {
  const { row, casts, type } = located
  const itemType: TypeReference | undefined = type === undefined ? undefined : { ...type, collection: false }
  const structured = structuredOf(type)
  for (let at = firstElement(row, valueOffset(row, located.at)); at >= 0; at = nextElement(row, at)) {
    if (structured !== undefined && elementType(row, at) === bsonType.document) {
      const start = valueOffset(row, at)
      if (!passes(row, start, structured, casts, context.layout)) continue
      cell.row = row
      cell.start = start
    } else {
      if (casts.length > 0) continue
      cell.start = -1
      cell.value = structured === undefined ? decodeField(row, at, itemType, -1, context.layout) : null
    }
    if (visit()) return true
  }
  return false
}
