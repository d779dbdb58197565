import { Double, Long } from 'bson'
import type { Expression, MemberExpression } from '../../../bind/tree.ts'
import { toDecimal128 } from '../../../bson/decimal128.ts'
import { encodeValue } from '../../../bson/encode.ts'
import { exactFieldPathOf, fieldPathOf } from '../../../bson/field-path.ts'
import { fields } from '../../../bson/layout.ts'
import { isObjectIdType } from '../../../bson/object-id.ts'
import { Decimal } from '../../../edm/decimal.ts'
import type { Property, StructuredType, TypeReference } from '../../../edm/model.ts'
import { instantiableTypes, isStructured, isSubtypeOf, primitiveOf } from '../../../edm/types.ts'
import { isInstant } from '../../../eval/values.ts'
import type { Placement } from '../condition.ts'
import { constantOf } from '../constant.ts'
import {
  every,
  type Instant,
  inexact,
  not,
  nullParts,
  type Parts,
  present,
  type Term,
  type TermKind,
  type TermScope,
} from './term.ts'

/** Members of a row or of a lambda's variable, and constants. */

/** Where a member stands. */
export interface MemberPlace {
  /** `$path` or `$$variable.path` */
  readonly path: string
  /** of a DateTimeOffset: what stands beside the date */
  readonly exactPath: string
  readonly type: TypeReference | undefined
  /** a condition of casts on the way */
  readonly test: unknown
  /** part of the row's key */
  readonly key: boolean
}

/** The place of a member through declared properties, dynamic ones of the row and casts; undefined where it leaves these. */
export function placeOf(expression: MemberExpression, scope: TermScope): MemberPlace | undefined {
  const variable = scope.variables.get(expression.variable)
  if (variable === undefined) return undefined
  const { layout } = scope.context
  const root = variable.name === undefined
  const collection = root ? scope.context.collection : undefined
  const prefix = root ? '$' : `$$${variable.name}`
  const join = (path: readonly string[]) => (root ? `$${path.join('.')}` : [prefix, ...path].join('.'))
  const properties: Property[] = []
  const tests: unknown[] = []
  let type: StructuredType | undefined = root ? scope.context.collection.entityType : undefined
  for (const step of expression.steps) {
    if (properties.at(-1)?.type.collection) return undefined
    if (step.kind === 'property') {
      properties.push(step.property)
      type = isStructured(step.property.type.type) ? step.property.type.type : undefined
    } else if (step.kind === 'cast') {
      if (type === undefined && properties.length === 0) return undefined
      const owner = type ?? step.type
      if (isSubtypeOf(owner, step.type)) continue
      const at = fieldPathOf(layout, collection, properties)
      tests.push(typeTest(join([...at, fields.type]), layout.structured(owner), step.type))
      type = step.type
    } else return undefined
  }
  const last = properties.at(-1)
  if (last === undefined)
    return root ? undefined : { path: prefix, exactPath: '', type: expression.type, test: every(...tests), key: false }
  const path = fieldPathOf(layout, collection, properties)
  const exact = exactFieldPathOf(layout, collection, properties)
  return {
    path: join(path),
    exactPath: join(exact),
    type: last.type,
    test: every(...tests),
    key: root && path[0] === fields.id,
  }
}

/** Whether a document is of a type: what `@type` says where it can be believed, else the type that goes without saying. */
function typeTest(
  at: string,
  declared: ReturnType<TermScope['context']['layout']['structured']>,
  type: StructuredType,
): unknown {
  const names = instantiableTypes(type).map(({ name }) => name)
  const said = { $ifNull: [at, null] }
  if (!isSubtypeOf(declared.withoutType, type)) return { $in: [said, { $literal: names }] }
  const others = [...declared.instantiable.keys()].filter((name) => !names.includes(name))
  return not({ $in: [said, { $literal: others }] })
}

/** Kind and greatest magnitude of the values of a type. */
export function kindOfType(
  reference: TypeReference | undefined,
): { readonly kind: TermKind; readonly bound: number } | undefined {
  const unbounded = Number.POSITIVE_INFINITY
  if (reference === undefined || reference.collection) return undefined
  if (reference.type.kind === 'enum') return { kind: 'enum', bound: unbounded }
  switch (primitiveOf(reference.type)?.name) {
    case 'Edm.String':
      return { kind: 'text', bound: unbounded }
    case 'Edm.Date':
      return { kind: 'date', bound: unbounded }
    case 'Edm.TimeOfDay':
      return { kind: 'time', bound: unbounded }
    case 'Edm.Boolean':
      return { kind: 'boolean', bound: unbounded }
    case 'Edm.Byte':
    case 'Edm.SByte':
      return { kind: 'integer', bound: 2 ** 8 }
    case 'Edm.Int16':
      return { kind: 'integer', bound: 2 ** 15 }
    case 'Edm.Int32':
      return { kind: 'integer', bound: 2 ** 31 }
    case 'Edm.Int64':
      return { kind: 'integer', bound: 2 ** 63 }
    case 'Edm.Double':
      return { kind: 'double', bound: unbounded }
    case 'Edm.Single':
      return { kind: 'single', bound: unbounded }
    case 'Edm.Decimal':
      return { kind: 'decimal', bound: unbounded }
    case 'Edm.Guid':
      return { kind: 'guid', bound: unbounded }
    case 'Edm.Binary':
      return { kind: 'binary', bound: unbounded }
    case 'Edm.Duration':
      return { kind: 'duration', bound: unbounded }
    default:
      return undefined
  }
}

const bsonTypes: Readonly<Record<Exclude<TermKind, 'null'>, string | undefined>> = {
  integer: undefined,
  double: undefined,
  single: undefined,
  decimal: undefined,
  enum: undefined,
  duration: undefined,
  text: 'string',
  date: 'string',
  time: 'string',
  boolean: 'bool',
  guid: 'binData',
  binary: 'binData',
}

/** What is stored in a member, null where it is not of the type's kind. */
export function memberTerm(expression: MemberExpression, scope: TermScope): Term | undefined {
  const place = placeOf(expression, scope)
  const known = place && kindOfType(place.type)
  if (place === undefined || known === undefined || known.kind === 'null') return undefined
  const { path } = place
  const bson = bsonTypes[known.kind]
  const nan = known.kind === 'double' || known.kind === 'single' || known.kind === 'decimal'
  let value: unknown = path
  let typed: unknown = bson === undefined ? { $isNumber: path } : { $eq: [{ $type: path }, bson] }
  if (place.type && isObjectIdType(place.type.type)) {
    value = { $toString: path }
    typed = { $in: [{ $type: path }, ['string', 'objectId']] }
  }
  const parts: Parts = { lets: [], test: every(place.test, typed), value, nan }
  return { ...known, parts: () => parts }
}

/** A DateTimeOffset that is stored as a date. */
export function instantMember(expression: Expression, scope: TermScope): Instant | undefined {
  if (expression.kind !== 'member') return undefined
  const place = placeOf(expression, scope)
  // keys are text, items of collections may be documents
  if (place === undefined || place.key || expression.steps.length === 0 || place.type?.collection) return undefined
  if (place.type === undefined || primitiveOf(place.type.type)?.name !== 'Edm.DateTimeOffset') return undefined
  const number = (at: string) => ({ $cond: [{ $isNumber: at }, at, 0] })
  return {
    test: every(place.test, { $eq: [{ $type: place.path }, 'date'] }),
    date: place.path,
    sub: number(`${place.exactPath}.sub`),
    offset: number(`${place.exactPath}.offset`),
  }
}

/** An instant that no row decides. */
export function instantConstant(
  expression: Expression,
  scope: TermScope,
): ((placement: Placement) => Instant) | undefined {
  const constant = constantOf(expression, scope.context)
  if (constant === undefined) return undefined
  return (placement) => {
    const value = constant(placement)
    if (value === null || !isInstant(value)) {
      if (value !== null) placement.exact = false
      return { test: false, date: null, sub: 0, offset: 0 }
    }
    return { test: undefined, date: new Date(value.ms), sub: value.sub, offset: value.offset }
  }
}

/** An expression that no row decides: its value under `$literal`. @throws ODataError what evaluating a constant throws (400) */
export function constantTerm(expression: Expression, scope: TermScope): Term | undefined {
  const constant = constantOf(expression, scope.context)
  if (constant === undefined) return undefined
  const { type } = expression
  if (type === undefined) {
    if (expression.kind !== 'constant') return undefined
    return { kind: 'null', bound: 0, parts: () => nullParts }
  }
  const known = kindOfType(type)
  if (known === undefined) return undefined
  const { layout } = scope.context
  return {
    ...known,
    parts: (placement) => {
      const value = constant(placement)
      if (value === null) return nullParts
      if (typeof value === 'bigint') return present(Long.fromBigInt(value))
      if (typeof value === 'number') {
        if (known.kind === 'decimal') return inexact(placement)
        return present(known.kind === 'integer' ? value : new Double(value), Number.isNaN(value))
      }
      if (typeof value === 'boolean') return present(value)
      if (value instanceof Decimal) {
        const stored = toDecimal128(value)
        return stored === undefined ? inexact(placement) : present(stored, value.special === 'NaN')
      }
      return present({ $literal: encodeValue(layout, type, value).value })
    },
  }
}
