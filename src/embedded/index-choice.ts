import { serialize } from 'bson'
import type { Expression, MemberExpression, Parameters } from '../bind/tree.ts'
import { encodeValue } from '../bson/encode.ts'
import { fieldPathOf } from '../bson/field-path.ts'
import { type CollectionLayout, fields, type IndexLayout, type ModelLayout } from '../bson/layout.ts'
import type { PrimitiveTypeName, Property, TypeReference } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import type { DateTimeOffset } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { StoredIndex } from './index-catalog.ts'
import { prefixOf } from './index-entries.ts'

/** `field eq parameter`, one of the conditions that all rows of an answer fulfil. */
interface Equality {
  readonly path: string
  readonly parameter: number
  readonly type: TypeReference
}

/** An index that can answer a part of a filter. */
export interface IndexChoice {
  readonly index: IndexLayout
  /** the first fields of the index: what they equal */
  readonly fields: readonly { readonly equality: Equality; readonly part: 'value' | 'sub' }[]
  /** every field is bound: rows come in the order of their keys */
  readonly whole: boolean
}

/** Types whose equal values have equal entries. */
const exact: ReadonlySet<PrimitiveTypeName> = new Set<PrimitiveTypeName>([
  'Edm.Boolean',
  'Edm.Date',
  'Edm.DateTimeOffset',
  'Edm.Guid',
  'Edm.String',
  'Edm.TimeOfDay',
])

/** Types whose numbers have one form in entries, whatever the type. */
const numbers: ReadonlySet<PrimitiveTypeName> = new Set<PrimitiveTypeName>([
  'Edm.Byte',
  'Edm.Decimal',
  'Edm.Int16',
  'Edm.Int32',
  'Edm.Int64',
  'Edm.SByte',
])

/** The indexes of a collection that help with conditions, the best one first. */
export function chooseIndexes(
  layout: ModelLayout,
  collection: CollectionLayout,
  conditions: readonly Expression[],
): readonly IndexChoice[] {
  if (collection.indexes.length === 0) return []
  const equalities = new Map<string, Equality>()
  for (const condition of conditions)
    for (const equality of equalitiesOf(layout, collection, condition)) equalities.set(equality.path, equality)
  const choices = collection.indexes.flatMap((index) => choiceOf(index, equalities) ?? [])
  return choices.sort((a, b) => rank(b) - rank(a))
}

function rank({ index, fields, whole }: IndexChoice): number {
  return fields.length * 4 + (whole ? 2 : 0) + (whole && index.unique ? 1_000 : 0)
}

function choiceOf(index: IndexLayout, equalities: ReadonlyMap<string, Equality>): IndexChoice | undefined {
  const bound: IndexChoice['fields'][number][] = []
  for (const { path } of index.fields) {
    const sub = path.endsWith(subSuffix)
    const equality = equalities.get(sub ? path.slice(0, -subSuffix.length) : path)
    if (!equality) break
    bound.push({ equality, part: sub ? 'sub' : 'value' })
  }
  return bound.length === 0 ? undefined : { index, fields: bound, whole: bound.length === index.fields.length }
}

/** Of an instant: what is below its millisecond (layout-of-model.ts). */
const subSuffix = `${fields.exact}.sub`

function* equalitiesOf(layout: ModelLayout, collection: CollectionLayout, condition: Expression): Generator<Equality> {
  if (condition.kind !== 'binary') return
  if (condition.operator === 'and') {
    yield* equalitiesOf(layout, collection, condition.left)
    yield* equalitiesOf(layout, collection, condition.right)
  } else if (condition.operator === 'eq') {
    const found =
      equalityOf(layout, collection, condition.left, condition.right) ??
      equalityOf(layout, collection, condition.right, condition.left)
    if (found) yield found
  }
}

function equalityOf(
  layout: ModelLayout,
  collection: CollectionLayout,
  left: Expression,
  right: Expression,
): Equality | undefined {
  const member = unconverted(left)
  const parameter = unconverted(right)
  if (member.kind !== 'member' || parameter.kind !== 'parameter') return undefined
  const { type } = parameter
  if (!type || !member.type || !alike(member.type, type)) return undefined
  const properties = propertiesOf(member)
  if (!properties) return undefined
  const path = fieldPathOf(layout, collection, properties)
  // Keys have a form and a table of their own.
  return path[0] === fields.id ? undefined : { path: path.join('.'), parameter: parameter.index, type }
}

/** Whether equal values of both types have equal entries. */
function alike(a: TypeReference, b: TypeReference): boolean {
  if (a.collection || b.collection) return false
  if (a.type.kind === 'enum' || b.type.kind === 'enum') return a.type === b.type
  const [left, right] = [primitiveOf(a.type)?.name, primitiveOf(b.type)?.name]
  if (!left || !right) return false
  return left === right ? exact.has(left) || numbers.has(left) : numbers.has(left) && numbers.has(right)
}

function unconverted(expression: Expression): Expression {
  return expression.kind === 'convert' && !expression.explicit ? expression.operand : expression
}

function propertiesOf(member: MemberExpression): readonly Property[] | undefined {
  if (member.variable !== '$it') return undefined
  const properties: Property[] = []
  for (const step of member.steps) {
    if (step.kind !== 'property') return undefined
    properties.push(step.property)
  }
  return properties.length === 0 ? undefined : properties
}

/**
 * Where the entries of a choice stand for the values of a request.
 * @returns undefined where the index cannot tell: a null, a value that is not stored
 */
export function prefixOfChoice(
  layout: ModelLayout,
  choice: IndexChoice,
  index: StoredIndex,
  parameters: Parameters,
): Uint8Array | undefined {
  const documents: (Uint8Array | undefined)[] = []
  for (const { equality, part } of choice.fields) {
    const value = parameters[equality.parameter] ?? null
    if (value === null) return undefined
    if (part === 'sub') {
      const { sub } = value as DateTimeOffset
      documents.push(sub === 0 ? undefined : serialize({ v: sub }))
      continue
    }
    try {
      documents.push(serialize({ v: encodeValue(layout, equality.type, value).value }))
    } catch (error) {
      if (error instanceof ODataError) return undefined
      throw error
    }
  }
  return prefixOf(index, documents)
}
