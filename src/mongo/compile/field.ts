import type { Expression, MemberExpression, MemberStep } from '../../bind/tree.ts'
import { exactFieldPathOf, fieldPathOf } from '../../bson/field-path.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../../bson/layout.ts'
import { isObjectIdType } from '../../bson/object-id.ts'
import type { EntityType, Property, Type, TypeReference } from '../../edm/model.ts'
import { isStructured, isSubtypeOf, primitiveOf } from '../../edm/types.ts'

/** What filters and orders are compiled against. */
export interface QueryContext {
  readonly layout: ModelLayout
  readonly collection: CollectionLayout
  /** type of the rows, after the casts of the path */
  readonly type: EntityType
  /** inside `$elemMatch`: the lambda whose item the fields are of */
  readonly item?: ItemContext
}

/** The item of a lambda. */
export interface ItemContext {
  readonly variable: string
  readonly type: TypeReference
}

/** The path of an item that is no document: `$elemMatch` takes the operators alone. */
export const itemPath = '@item'

/** How values of a field compare in MongoDB. */
export type FieldKind =
  /** strings: String, Date, TimeOfDay */
  | 'string'
  /** String stored as ObjectId: equality and order, no text functions */
  | 'objectId'
  | 'boolean'
  /** numbers by value, whatever their BSON type; with a NaN or without */
  | 'integer'
  | 'floating'
  | 'decimal'
  /** binary: Guid, Binary */
  | 'binary'
  /** DateTimeOffset: a date and, beside it, picoseconds */
  | 'instant'
  /** DateTimeOffset in a key: text in UTC with all digits */
  | 'keyInstant'
  /** Duration: a number */
  | 'duration'
  | 'enum'

/** A single stored value that MongoDB can compare. */
export interface Field {
  /** dotted path in the document */
  readonly path: string
  /** of an instant: dotted path of the picoseconds below the millisecond */
  readonly subPath: string
  readonly kind: FieldKind
  readonly type: TypeReference
  /** part of `_id`: always there */
  readonly key: boolean
}

/**
 * The field a member expression names, where it is one value of a kind MongoDB compares: declared properties of the row,
 * through complex ones; no navigation, no collection, no narrowing cast, no dynamic property.
 */
export function fieldOf(expression: Expression, context: QueryContext): Field | undefined {
  if (expression.kind !== 'member') return undefined
  if (context.item) return itemFieldOf(expression, context, context.item)
  if (expression.variable !== '$it') return undefined
  const properties = propertiesOf(expression.steps, context.type)
  const last = properties?.at(-1)
  if (properties === undefined || last === undefined || last.type.collection) return undefined
  const stored = kindOf(last.type)
  if (stored === undefined) return undefined
  const path = fieldPathOf(context.layout, context.collection, properties)
  const key = path[0] === fields.id
  const kind = key && stored === 'instant' ? 'keyInstant' : stored
  const exact = kind === 'instant' ? exactFieldPathOf(context.layout, context.collection, properties) : []
  return { path: path.join('.'), subPath: [...exact, 'sub'].join('.'), kind, type: last.type, key }
}

function itemFieldOf(expression: MemberExpression, context: QueryContext, item: ItemContext): Field | undefined {
  if (expression.variable !== item.variable) return undefined
  if (expression.steps.length === 0) {
    const kind = kindOf(item.type)
    // an instant may be a document there
    if (kind === undefined || kind === 'instant') return undefined
    return { path: itemPath, subPath: '', kind, type: item.type, key: false }
  }
  const properties = propertiesOf(expression.steps, item.type.type)
  const last = properties?.at(-1)
  const kind = last && kindOf(last.type)
  if (properties === undefined || last === undefined || kind === undefined) return undefined
  const path = fieldPathOf(context.layout, undefined, properties).join('.')
  const exact = kind === 'instant' ? exactFieldPathOf(context.layout, undefined, properties) : []
  return { path, subPath: [...exact, 'sub'].join('.'), kind, type: last.type, key: false }
}

/** The declared properties of a path; undefined where it leaves them. */
export function propertiesOf(steps: readonly MemberStep[], type: Type): readonly Property[] | undefined {
  const properties: Property[] = []
  for (const step of steps) {
    if (step.kind === 'property') {
      if (properties.at(-1)?.type.collection) return undefined
      properties.push(step.property)
      continue
    }
    if (step.kind !== 'cast') return undefined
    const last = properties.at(-1)
    const declared = last === undefined ? type : last.type.type
    if (!isStructured(declared) || !isSubtypeOf(declared, step.type)) return undefined
  }
  return properties
}

/** How values of a type compare, through type definitions; undefined: not at all, or only in `eval/`. */
export function kindOf(reference: TypeReference): FieldKind | undefined {
  if (reference.collection) return undefined
  if (reference.type.kind === 'enum') return 'enum'
  if (isObjectIdType(reference.type)) return 'objectId'
  switch (primitiveOf(reference.type)?.name) {
    case 'Edm.String':
    case 'Edm.Date':
    case 'Edm.TimeOfDay':
      return 'string'
    case 'Edm.Boolean':
      return 'boolean'
    case 'Edm.Byte':
    case 'Edm.SByte':
    case 'Edm.Int16':
    case 'Edm.Int32':
    case 'Edm.Int64':
      return 'integer'
    case 'Edm.Double':
    case 'Edm.Single':
      return 'floating'
    case 'Edm.Decimal':
      return 'decimal'
    case 'Edm.Guid':
    case 'Edm.Binary':
      return 'binary'
    case 'Edm.DateTimeOffset':
      return 'instant'
    case 'Edm.Duration':
      return 'duration'
    default:
      return undefined
  }
}

/** Whether a field may hold NaN. */
export function mayBeNaN(field: Field): boolean {
  return field.kind === 'floating' || field.kind === 'decimal'
}
