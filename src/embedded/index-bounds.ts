import type { Expression, MemberExpression, Parameters } from '../bind/tree.ts'
import { fieldPathOf } from '../bson/field-path.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../bson/layout.ts'
import type { PrimitiveTypeName, Property, TypeReference } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import type { PrimitiveValue } from '../edm/value.ts'
import type { IndexedField } from './index-catalog.ts'
import { orderedTypes, writePrefix, writeValue } from './index-values.ts'
import { maxKeyBytes } from './key.ts'
import { KeyBuffer } from './key-buffer.ts'

/**
 * What conditions say of single fields: an and-or tree of comparisons for each, which becomes intervals of values where the
 * parameters are there. Intervals may hold more than is wanted; rows are tested again.
 */
export type Bound =
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly operand: Operand }
  | { readonly kind: 'startsWith'; readonly operand: Operand }
  | { readonly kind: 'all' | 'any'; readonly bounds: readonly Bound[] }

type Comparison = 'eq' | 'gt' | 'ge' | 'lt' | 'le'

/** The index of a parameter; null: the value null. */
type Operand = number | null

const mirrored: Readonly<Record<Comparison, Comparison>> = { eq: 'eq', gt: 'lt', ge: 'le', lt: 'gt', le: 'ge' }

/** What all conditions together say, by dotted field path. */
export function boundsOf(
  layout: ModelLayout,
  collection: CollectionLayout,
  conditions: readonly Expression[],
): ReadonlyMap<string, Bound> {
  return conditions.map((condition) => fieldBounds(condition)).reduce(both, new Map())

  function fieldBounds(condition: Expression): ReadonlyMap<string, Bound> {
    switch (condition.kind) {
      case 'binary': {
        const { operator, left, right } = condition
        if (operator === 'and') return both(fieldBounds(left), fieldBounds(right))
        if (operator === 'or') return anyOf([fieldBounds(left), fieldBounds(right)])
        if (!isComparison(operator)) return none
        const forward = comparison(left, operator, right)
        return forward.size > 0 ? forward : comparison(right, mirrored[operator], left)
      }
      case 'in':
        return anyOf(condition.items.map((item) => comparison(condition.operand, 'eq', item)))
      case 'call': {
        const [text, part] = condition.arguments
        if (condition.function !== 'startswith' || !text || !part) return none
        return found(text, part, (operand) => ({ kind: 'startsWith', operand }))
      }
      default:
        return none
    }
  }

  function comparison(left: Expression, operator: Comparison, right: Expression): ReadonlyMap<string, Bound> {
    return found(left, right, (operand) => ({ kind: 'compare', operator, operand }))
  }

  function found(left: Expression, right: Expression, bound: (operand: Operand) => Bound): ReadonlyMap<string, Bound> {
    const path = memberPath(layout, collection, unconverted(left))
    const operand = operandOf(left, right)
    return path === undefined || operand === undefined ? none : new Map([[path, bound(operand)]])
  }
}

const none: ReadonlyMap<string, Bound> = new Map()

function isComparison(operator: string): operator is Comparison {
  return Object.hasOwn(mirrored, operator)
}

/** Where a property of the row is stored, dotted; undefined where an expression is something else, or a key. */
export function memberPath(
  layout: ModelLayout,
  collection: CollectionLayout,
  expression: Expression,
): string | undefined {
  const properties = expression.kind === 'member' ? propertiesOf(expression) : undefined
  if (!properties) return undefined
  const path = fieldPathOf(layout, collection, properties)
  // Keys have a form and a table of their own.
  return path[0] === fields.id ? undefined : path.join('.')
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

function operandOf(left: Expression, right: Expression): Operand | undefined {
  const operand = unconverted(right)
  if (operand.kind === 'constant' && operand.value === null) return null
  if (operand.kind !== 'parameter' || !operand.type) return undefined
  const member = unconverted(left)
  const comparedAs = left.kind === 'convert' ? left.target : member.type
  if (!member.type || !comparedAs || !comparable(member.type, comparedAs, operand.type)) return undefined
  return operand.index
}

/** Integers and decimals: compared by their exact value, whatever the type. */
const exactNumbers: ReadonlySet<PrimitiveTypeName> = new Set<PrimitiveTypeName>([
  'Edm.Byte',
  'Edm.Decimal',
  'Edm.Int16',
  'Edm.Int32',
  'Edm.Int64',
  'Edm.SByte',
])

/** Whether entries of values that a comparison finds equal, or in order, are so. */
function comparable(member: TypeReference, comparedAs: TypeReference, operand: TypeReference): boolean {
  if (member.collection || operand.collection) return false
  if (member.type.kind === 'enum' || operand.type.kind === 'enum') return member.type === operand.type
  const [own, meeting, other] = [member, comparedAs, operand].map(({ type }) => primitiveOf(type)?.name)
  if (!own || !meeting || !other) return false
  if (exactNumbers.has(own)) return exactNumbers.has(meeting) && exactNumbers.has(other)
  return own === meeting && own === other && orderedTypes.has(own)
}

function unconverted(expression: Expression): Expression {
  return expression.kind === 'convert' && !expression.explicit ? expression.operand : expression
}

function both(a: ReadonlyMap<string, Bound>, b: ReadonlyMap<string, Bound>): ReadonlyMap<string, Bound> {
  const all = new Map(a)
  for (const [path, bound] of b) {
    const other = all.get(path)
    all.set(path, other ? { kind: 'all', bounds: [other, bound] } : bound)
  }
  return all
}

/** What holds for a field whichever of the sides is true. */
function anyOf(sides: readonly ReadonlyMap<string, Bound>[]): ReadonlyMap<string, Bound> {
  const common = new Map<string, Bound>()
  for (const path of sides[0]?.keys() ?? []) {
    const bounds = sides.flatMap((side) => side.get(path) ?? [])
    if (bounds.length === sides.length) common.set(path, { kind: 'any', bounds })
  }
  return common
}

/** A place between entries: in front of, or behind, all that go on from these bytes. */
export interface Place {
  readonly bytes: Uint8Array
  readonly behind: boolean
}

/** Values from one place to another. */
export interface Interval {
  readonly from: Place
  readonly to: Place
  /** one value, whole: what follows in an entry is the next value */
  readonly point: boolean
}

const buffer = new KeyBuffer(maxKeyBytes)

/** In front of all values, behind null, and behind all. */
const first: Place = { bytes: new Uint8Array(0), behind: false }
const pastNull: Place = { bytes: Uint8Array.of(0x10), behind: true }
const last: Place = { bytes: new Uint8Array(0), behind: true }

/** The values of a field that a bound lets through, in ascending order of entries, disjoint. */
export function intervalsOf(bound: Bound, field: IndexedField, parameters: Parameters): readonly Interval[] {
  const type = field.type
  if (type === null) return [{ from: first, to: last, point: false }]
  const intervals = ascending(bound, type, parameters)
  return field.descending ? intervals.map(inverted).reverse() : intervals
}

function ascending(bound: Bound, type: PrimitiveTypeName, parameters: Parameters): readonly Interval[] {
  switch (bound.kind) {
    case 'all':
      return bound.bounds.map((part) => ascending(part, type, parameters)).reduce(intersection)
    case 'any':
      return union(bound.bounds.flatMap((part) => ascending(part, type, parameters)))
    case 'startsWith': {
      const text = bound.operand === null ? null : (parameters[bound.operand] ?? null)
      if (typeof text !== 'string') return []
      buffer.reset()
      writePrefix(buffer, text)
      const bytes = buffer.take()
      return [{ from: { bytes, behind: false }, to: { bytes, behind: true }, point: false }]
    }
    case 'compare': {
      const value = bound.operand === null ? null : (parameters[bound.operand] ?? null)
      return compared(bound.operator, type, value as PrimitiveValue | null)
    }
  }
}

function compared(operator: Comparison, type: PrimitiveTypeName, value: PrimitiveValue | null): readonly Interval[] {
  // Only eq is true of null (URL Conventions 5.1.1.1).
  if (value === null && operator !== 'eq') return []
  buffer.reset()
  const cut = writeValue(buffer, type, value)
  const bytes = buffer.take()
  const before: Place = { bytes, behind: false }
  const after: Place = { bytes, behind: true }
  switch (operator) {
    case 'eq':
      return [{ from: before, to: after, point: true }]
    case 'gt':
      return [{ from: cut ? before : after, to: last, point: false }]
    case 'ge':
      return [{ from: before, to: last, point: false }]
    case 'lt':
      return [{ from: pastNull, to: cut ? after : before, point: false }]
    case 'le':
      return [{ from: pastNull, to: after, point: false }]
  }
}

/** The bytes of a place: no entry goes on with FF FF. */
export function bytesOfPlace({ bytes, behind }: Place): Uint8Array {
  return behind ? Buffer.concat([bytes, Uint8Array.of(0xff, 0xff)]) : bytes
}

function comparePlaces(a: Place, b: Place): number {
  return Buffer.compare(bytesOfPlace(a), bytesOfPlace(b))
}

function intersection(a: readonly Interval[], b: readonly Interval[]): readonly Interval[] {
  return a.flatMap((left) =>
    b.flatMap((right): Interval[] => {
      const from = comparePlaces(left.from, right.from) < 0 ? right.from : left.from
      const to = comparePlaces(left.to, right.to) < 0 ? left.to : right.to
      return comparePlaces(from, to) < 0 ? [{ from, to, point: left.point || right.point }] : []
    }),
  )
}

function union(intervals: readonly Interval[]): readonly Interval[] {
  const all = intervals.toSorted((left, right) => comparePlaces(left.from, right.from))
  const merged: Interval[] = []
  for (const interval of all) {
    const before = merged.at(-1)
    if (!before || comparePlaces(before.to, interval.from) < 0) merged.push(interval)
    else if (comparePlaces(before.to, interval.to) < 0)
      merged[merged.length - 1] = { from: before.from, to: interval.to, point: false }
  }
  return merged
}

function inverted({ from, to, point }: Interval): Interval {
  const turned = ({ bytes, behind }: Place): Place => ({ bytes: bytes.map((byte) => ~byte), behind: !behind })
  return { from: turned(to), to: turned(from), point }
}
