import { type Document, serialize } from 'bson'
import type { CanonicalFunctionName, Expression, MemberStep, OrderByItem, Parameters } from '../../../src/bind/tree.ts'
import { encodeEntity } from '../../../src/bson/encode.ts'
import type { CollectionLayout } from '../../../src/bson/layout.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import type {
  Annotation,
  ComplexType,
  EntitySet,
  EntityType,
  EnumType,
  Model,
  NavigationProperty,
  PrimitiveTypeName,
  Property,
  StructuredType,
  Type,
  TypeReference,
} from '../../../src/edm/model.ts'
import { parsePrimitive, primitiveType } from '../../../src/edm/primitives.ts'
import type { CollectionValue, PrimitiveValue, StructuredValue, Value } from '../../../src/edm/value.ts'
import { type EvalContext, preparePredicate, prepareValue } from '../../../src/eval/compile.ts'

/**
 * A model with a property of every kind, rows of it, and short names for bound expressions. Made by hand: what is tested
 * here is the meaning of bound trees, whoever binds them.
 */

const none: readonly never[] = []

export function ref(type: Type | PrimitiveTypeName, collection = false): TypeReference {
  return { type: typeof type === 'string' ? primitiveType(type) : type, collection, nullable: true, facets: {} }
}

interface Draft {
  readonly name: string
  readonly base?: StructuredType
  readonly open?: boolean
  readonly abstract?: boolean
  readonly properties: Readonly<Record<string, TypeReference>>
  readonly ordered?: readonly string[]
}

/** Fills what entity and complex types have in common. */
function structured(kind: 'entity' | 'complex', draft: Draft): EntityType | ComplexType {
  const type: Record<string, unknown> = {
    kind,
    name: `T.${draft.name}`,
    abstract: draft.abstract ?? false,
    open: draft.open ?? false,
    baseType: draft.base,
    derivedTypes: [],
    annotations: none,
    navigationProperties: none,
    allNavigationProperties: new Map(),
    key: draft.base?.kind === 'entity' ? draft.base.key : none,
    hasStream: false,
  }
  const orderedAnnotation: Annotation = {
    term: 'Org.OData.Core.V1.Ordered',
    qualifier: undefined,
    value: { kind: 'bool', value: true },
    annotations: none,
    externalTarget: undefined,
  }
  const properties: Property[] = Object.entries(draft.properties).map(([name, reference]) => ({
    kind: 'property',
    name,
    type: reference,
    defaultValue: undefined,
    annotations: draft.ordered?.includes(name) ? [orderedAnnotation] : none,
    declaringType: type as unknown as StructuredType,
  }))
  type.properties = properties
  type.allProperties = new Map([
    ...(draft.base?.allProperties ?? []),
    ...properties.map((property) => [property.name, property] as const),
  ])
  for (let base = draft.base; base !== undefined; base = base.baseType) {
    ;(base.derivedTypes as unknown[]).push(type)
  }
  return type as unknown as EntityType
}

function withKey(type: EntityType, ...names: string[]): EntityType {
  const key = names.map((name) => ({ path: [name], alias: name, property: type.allProperties.get(name)! }))
  ;(type as { key: unknown }).key = key
  return type
}

export const color: EnumType = {
  kind: 'enum',
  name: 'T.Color',
  underlying: primitiveType('Edm.Int32'),
  flags: true,
  members: none,
  memberByName: new Map(),
  annotations: none,
}
const colors = ['red', 'green', 'blue'].map((name, i) => ({ name, value: 1n << BigInt(i), annotations: none }))
;(color as { members: unknown }).members = colors
;(color as { memberByName: unknown }).memberByName = new Map(colors.map((member) => [member.name, member]))

export const address = structured('complex', {
  name: 'Address',
  properties: { street: ref('Edm.String'), zip: ref('Edm.Int32'), since: ref('Edm.DateTimeOffset') },
}) as ComplexType
export const office = structured('complex', {
  name: 'Office',
  base: address,
  properties: { floor: ref('Edm.Int32') },
}) as ComplexType

export const thing = withKey(
  structured('entity', {
    name: 'Thing',
    open: true,
    ordered: ['ordered'],
    properties: {
      id: ref('Edm.String'),
      s: ref('Edm.String'),
      t: ref('Edm.String'),
      i: ref('Edm.Int32'),
      j: ref('Edm.Int32'),
      i16: ref('Edm.Int16'),
      byte: ref('Edm.Byte'),
      l: ref('Edm.Int64'),
      d: ref('Edm.Double'),
      e: ref('Edm.Double'),
      f: ref('Edm.Single'),
      m: ref('Edm.Decimal'),
      n: ref('Edm.Decimal'),
      b: ref('Edm.Boolean'),
      c: ref('Edm.Boolean'),
      g: ref('Edm.Guid'),
      bin: ref('Edm.Binary'),
      dt: ref('Edm.DateTimeOffset'),
      date: ref('Edm.Date'),
      time: ref('Edm.TimeOfDay'),
      dur: ref('Edm.Duration'),
      color: ref(color),
      point: ref('Edm.GeographyPoint'),
      line: ref('Edm.GeographyLineString'),
      area: ref('Edm.GeographyPolygon'),
      spot: ref('Edm.GeometryPoint'),
      square: ref('Edm.GeometryPolygon'),
      address: ref(address),
      tags: ref('Edm.String', true),
      nums: ref('Edm.Int32', true),
      ordered: ref('Edm.Int32', true),
      dts: ref('Edm.DateTimeOffset', true),
      addresses: ref(address, true),
    },
  }) as EntityType,
  'id',
)
export const special = structured('entity', {
  name: 'Special',
  base: thing,
  properties: { extra: ref('Edm.String') },
}) as EntityType
export const pair = withKey(
  structured('entity', {
    name: 'Pair',
    properties: { a: ref('Edm.Int32'), b: ref('Edm.String'), text: ref('Edm.String') },
  }) as EntityType,
  'a',
  'b',
)

const navigation = (name: string, type: EntityType, collection: boolean): NavigationProperty => ({
  kind: 'navigationProperty',
  name,
  type,
  collection,
  nullable: true,
  containsTarget: false,
  partner: undefined,
  referentialConstraints: none,
  onDelete: undefined,
  onDeleteAnnotations: none,
  declaringType: thing,
  annotations: none,
})
export const friend = navigation('friend', thing, false)
export const friends = navigation('friends', thing, true)

const entitySet = (name: string, type: EntityType): EntitySet => ({
  kind: 'entitySet',
  name,
  type,
  includeInServiceDocument: true,
  navigationPropertyBindings: none,
  annotations: none,
})
export const model: Model = {
  version: '4.01',
  references: none,
  schemas: none,
  includedSchemas: none,
  container: {
    name: 'T.Container',
    extends: undefined,
    annotations: none,
    children: new Map([
      ['things', entitySet('things', thing)],
      ['pairs', entitySet('pairs', pair)],
    ]),
  },
  types: new Map([address, office, thing, special, pair, color].map((type) => [type.name, type])),
  operations: new Map(),
  terms: new Map(),
  aliases: new Map(),
}
export const layout = layoutOf(model)

function collectionOf(name: string): CollectionLayout {
  const found = layout.collections.get(name)
  if (found === undefined) throw new Error(name)
  return found
}
export const things = collectionOf('things')
export const pairs = collectionOf('pairs')
export const context: EvalContext = { layout, type: thing, collection: things }

/** A value from its text. */
export function value(type: PrimitiveTypeName, text: string): PrimitiveValue {
  const found = parsePrimitive(type, text)
  if (found === undefined) throw new Error(`${text} is no ${type}`)
  return found
}

export type Members = Readonly<Record<string, Value>>

export function complex(members: Members, type: ComplexType = address): StructuredValue {
  return { kind: 'structured', type, members: new Map(Object.entries(members)) }
}

/** A stored row of `things`. */
export function row(members: Members = {}, type: EntityType = thing): Uint8Array {
  const entity: StructuredValue = {
    kind: 'structured',
    type,
    members: new Map(Object.entries(type === pair ? members : { id: 'x', ...members })),
  }
  return serialize(encodeEntity(layout, type === pair ? pairs : things, entity))
}

/** A row as somebody else wrote it. */
export function rawRow(document: Document): Uint8Array {
  return serialize({ _id: 'x', ...document })
}

// --- expressions -------------------------------------------------------------------------------------------------------

/** Values of the literals made so far; expressions name them by index. */
export const parameters: (PrimitiveValue | CollectionValue | null)[] = []

const boolean = ref('Edm.Boolean')

export function literal(type: TypeReference | PrimitiveTypeName, literalValue: Value): Expression {
  parameters.push(literalValue as PrimitiveValue)
  const reference = typeof type === 'string' ? ref(type) : type
  return { kind: 'parameter', index: parameters.length - 1, type: reference }
}
/** A literal from its text. */
export const lit = (type: PrimitiveTypeName, text: string): Expression => literal(type, value(type, text))
export const str = (text: string): Expression => literal('Edm.String', text)
export const int = (number: number): Expression => literal('Edm.Int32', number)
export const double = (number: number): Expression => literal('Edm.Double', number)
export const nothing: Expression = { kind: 'constant', value: null, type: undefined }
export const yes: Expression = { kind: 'constant', value: true, type: boolean }
export const no: Expression = { kind: 'constant', value: false, type: boolean }

/** `prop('address/street')`, `prop('?dynamic')`, from the row or from a variable. */
export function prop(path: string, variable = '$it', from: StructuredType = thing): Expression {
  const steps: MemberStep[] = []
  let owner: StructuredType | undefined = from
  let type: TypeReference | undefined
  for (const name of path === '' ? [] : path.split('/')) {
    if (name.startsWith('?')) {
      steps.push({ kind: 'dynamic', name: name.slice(1) })
      type = undefined
      continue
    }
    if (name.startsWith('T.')) {
      const cast = model.types.get(name) as StructuredType
      steps.push({ kind: 'cast', type: cast })
      type = { ...(type ?? ref(cast)), type: cast }
      owner = cast
      continue
    }
    const property: Property | undefined = owner?.allProperties.get(name)
    if (property === undefined) throw new Error(`no property ${name}`)
    steps.push({ kind: 'property', property })
    type = property.type
    const next: Type = property.type.type
    owner = next.kind === 'complex' || next.kind === 'entity' ? next : undefined
  }
  return { kind: 'member', variable, steps, type }
}

/** A lambda variable itself. */
export const self = (variable: string, type: TypeReference): Expression => ({
  kind: 'member',
  variable,
  steps: [],
  type,
})

type Binary = Extract<Expression, { kind: 'binary' }>['operator']

export function binary(operator: Binary, left: Expression, right: Expression, type?: TypeReference): Expression {
  return { kind: 'binary', operator, left, right, type: type ?? boolean }
}
export const eq = (a: Expression, b: Expression): Expression => binary('eq', a, b)
export const ne = (a: Expression, b: Expression): Expression => binary('ne', a, b)
export const gt = (a: Expression, b: Expression): Expression => binary('gt', a, b)
export const ge = (a: Expression, b: Expression): Expression => binary('ge', a, b)
export const lt = (a: Expression, b: Expression): Expression => binary('lt', a, b)
export const le = (a: Expression, b: Expression): Expression => binary('le', a, b)
export const and = (a: Expression, b: Expression): Expression => binary('and', a, b)
export const or = (a: Expression, b: Expression): Expression => binary('or', a, b)
export const not = (operand: Expression): Expression => ({ kind: 'unary', operator: 'not', operand, type: boolean })
export const negate = (operand: Expression): Expression => ({
  kind: 'unary',
  operator: 'negate',
  operand,
  type: operand.type,
})
export const isIn = (operand: Expression, ...items: Expression[]): Expression => ({
  kind: 'in',
  operand,
  items,
  type: boolean,
})
export function call(name: CanonicalFunctionName, ...args: Expression[]): Expression {
  return { kind: 'call', function: name, arguments: args, type: undefined }
}
export const cast = (operand: Expression, target: TypeReference): Expression => ({
  kind: 'convert',
  operand,
  target,
  explicit: true,
  type: target,
})
export const promote = (operand: Expression, target: PrimitiveTypeName): Expression => ({
  kind: 'convert',
  operand,
  target: ref(target),
  explicit: false,
  type: ref(target),
})
export const isOf = (operand: Expression, target: TypeReference): Expression => ({
  kind: 'isOf',
  operand,
  target,
  type: boolean,
})
export const any = (collection: Expression, variable: string, predicate?: Expression): Expression => ({
  kind: 'lambda',
  operator: 'any',
  collection,
  variable,
  predicate,
  type: boolean,
})
export const all = (collection: Expression, variable: string, predicate: Expression): Expression => ({
  kind: 'lambda',
  operator: 'all',
  collection,
  variable,
  predicate,
  type: boolean,
})
export const count = (collection: Expression, variable = 'c', filter?: Expression): Expression => ({
  kind: 'count',
  collection,
  filter,
  variable,
  type: ref('Edm.Int64'),
})
export const asc = (expression: Expression): OrderByItem => ({ expression, descending: false })
export const desc = (expression: Expression): OrderByItem => ({ expression, descending: true })

export function bound(): Parameters {
  return [...parameters]
}

/** Whether a row fulfils a filter. */
export function holds(expression: Expression, members: Members | Uint8Array = {}, of: EvalContext = context): boolean {
  return preparePredicate(expression, of)(bound())(members instanceof Uint8Array ? members : row(members))
}

/** The value of an expression for a row. */
export function evaluate(expression: Expression, members: Members | Uint8Array = {}, of = context): Value {
  return prepareValue(expression, of)(bound())(members instanceof Uint8Array ? members : row(members))
}

// --- printing ----------------------------------------------------------------------------------------------------------

function showValue(of: unknown): string {
  if (typeof of === 'bigint') return `${of}L`
  if (typeof of === 'number') return Object.is(of, -0) ? '-0' : String(of)
  if (typeof of === 'string') return JSON.stringify(of)
  if (typeof of === 'object' && of !== null && 'ms' in of && 'sub' in of) return `@${String(of.ms)}.${String(of.sub)}`
  return Array.isArray(of) ? `[${of.map(showValue).join(' ')}]` : String(of)
}

export function showMembers(members: Members): string {
  return `{${Object.entries(members)
    .map(([name, of]) => `${name}: ${showValue(of)}`)
    .join(', ')}}`
}

/** A bound expression in one line, for messages. */
export function show(e: Expression): string {
  switch (e.kind) {
    case 'parameter':
      return showValue(parameters[e.index])
    case 'constant':
      return String(e.value)
    case 'member':
      return [e.variable, ...e.steps.map((step) => ('property' in step ? step.property.name : step.kind))].join('/')
    case 'binary':
      return `(${show(e.left)} ${e.operator} ${show(e.right)})`
    case 'unary':
      return `${e.operator} ${show(e.operand)}`
    case 'in':
      return `(${show(e.operand)} in (${e.items.map(show).join(', ')}))`
    case 'call':
      return `${e.function}(${e.arguments.map(show).join(', ')})`
    default:
      return e.kind
  }
}
