import type { PrimitiveTypeName, TypeReference } from '../edm/model.ts'
import type { JsonNode, LiteralKind, LiteralNode } from '../url/ast.ts'
import { isInt32 } from '../url/shape.ts'
import { type BindContext, shown, unaliased } from './context.ts'
import type { Expression, ParameterExpression } from './tree.ts'
import { int32Reference, primitiveReference, singlePrimitive, untypedReference } from './type-references.ts'

/** Nodes whose text is lifted out of the shape. */
export type LiteralLike = LiteralNode | JsonNode

/**
 * Which Edm type a literal takes. A plan is shared by all requests of one shape, so the type may depend on the literal's
 * kind and on what it meets, never on its value:
 *
 * - An integer that meets Byte, SByte, Int16 or Int32 is Int32 where it fits and Int64 where it does not (the shape says
 *   which), and what it meets is converted to that: every value of the property compares exactly, and
 *   `status eq 3000000000` is merely never true. Meeting Int64, Decimal, Single or Double it is one of those.
 * - A number with a fraction that meets an integer is Decimal, one with an exponent Double; both sides are converted.
 * - A string that meets Guid, Duration or an enumeration is that: 4.01 writes the last two so, older clients the first.
 *   One that meets a date is refused, since 4.0 and 4.01 both write dates without quotes.
 * - A date that meets DateTimeOffset is midnight UTC of it.
 */
type Meetings = { readonly [T in PrimitiveTypeName]?: PrimitiveTypeName }

const integers = {
  'Edm.Byte': 'Edm.Int64',
  'Edm.SByte': 'Edm.Int64',
  'Edm.Int16': 'Edm.Int64',
  'Edm.Int32': 'Edm.Int64',
  'Edm.Int64': 'Edm.Int64',
} as const
const fractions = { 'Edm.Decimal': 'Edm.Decimal', 'Edm.Single': 'Edm.Single', 'Edm.Double': 'Edm.Double' } as const

const geographies: Meetings = {
  'Edm.Geography': 'Edm.Geography',
  'Edm.GeographyPoint': 'Edm.GeographyPoint',
  'Edm.GeographyLineString': 'Edm.GeographyLineString',
  'Edm.GeographyPolygon': 'Edm.GeographyPolygon',
  'Edm.GeographyMultiPoint': 'Edm.GeographyMultiPoint',
  'Edm.GeographyMultiLineString': 'Edm.GeographyMultiLineString',
  'Edm.GeographyMultiPolygon': 'Edm.GeographyMultiPolygon',
  'Edm.GeographyCollection': 'Edm.GeographyCollection',
}
const geometries: Meetings = {
  'Edm.Geometry': 'Edm.Geometry',
  'Edm.GeometryPoint': 'Edm.GeometryPoint',
  'Edm.GeometryLineString': 'Edm.GeometryLineString',
  'Edm.GeometryPolygon': 'Edm.GeometryPolygon',
  'Edm.GeometryMultiPoint': 'Edm.GeometryMultiPoint',
  'Edm.GeometryMultiLineString': 'Edm.GeometryMultiLineString',
  'Edm.GeometryMultiPolygon': 'Edm.GeometryMultiPolygon',
  'Edm.GeometryCollection': 'Edm.GeometryCollection',
}

/** For each kind of literal: the primitive types it can meet, and the type in which the two come together. */
const meetings: Readonly<Record<LiteralKind, Meetings>> = {
  string: { 'Edm.String': 'Edm.String', 'Edm.Guid': 'Edm.Guid', 'Edm.Duration': 'Edm.Duration' },
  integer: { ...integers, ...fractions },
  decimal: {
    'Edm.Byte': 'Edm.Decimal',
    'Edm.SByte': 'Edm.Decimal',
    'Edm.Int16': 'Edm.Decimal',
    'Edm.Int32': 'Edm.Decimal',
    'Edm.Int64': 'Edm.Decimal',
    ...fractions,
  },
  double: {
    'Edm.Byte': 'Edm.Double',
    'Edm.SByte': 'Edm.Double',
    'Edm.Int16': 'Edm.Double',
    'Edm.Int32': 'Edm.Double',
    'Edm.Int64': 'Edm.Double',
    ...fractions,
  },
  guid: { 'Edm.Guid': 'Edm.Guid' },
  date: { 'Edm.Date': 'Edm.Date', 'Edm.DateTimeOffset': 'Edm.DateTimeOffset' },
  dateTimeOffset: { 'Edm.DateTimeOffset': 'Edm.DateTimeOffset' },
  timeOfDay: { 'Edm.TimeOfDay': 'Edm.TimeOfDay' },
  duration: { 'Edm.Duration': 'Edm.Duration' },
  binary: { 'Edm.Binary': 'Edm.Binary' },
  enum: {},
  geography: geographies,
  geometry: geometries,
  json: {},
}

/** What a literal is where nothing else says: between two literals, or beside a dynamic property. */
const naturalTypes: Readonly<Partial<Record<LiteralKind, PrimitiveTypeName>>> = {
  string: 'Edm.String',
  integer: 'Edm.Int64',
  decimal: 'Edm.Decimal',
  double: 'Edm.Double',
  guid: 'Edm.Guid',
  date: 'Edm.Date',
  dateTimeOffset: 'Edm.DateTimeOffset',
  timeOfDay: 'Edm.TimeOfDay',
  duration: 'Edm.Duration',
  binary: 'Edm.Binary',
  geography: 'Edm.Geography',
  geometry: 'Edm.Geometry',
}

/** The primitive type in which a literal and a primitive value come together; undefined: they cannot. */
export function meetingPrimitive(node: LiteralLike, meets: PrimitiveTypeName): PrimitiveTypeName | undefined {
  if (node.kind === 'json') return undefined
  const { literal, text } = node.token
  const meeting = meetings[literal][meets]
  return literal === 'integer' && meeting === 'Edm.Int64' && meets !== 'Edm.Int64' && isInt32(text)
    ? 'Edm.Int32'
    : meeting
}

/**
 * The type in which a literal and what it meets come together.
 * @param meets undefined where it has no type known before (null, dynamic properties): JSON is untyped then
 * @returns undefined where they cannot
 * @throws ODataError nameNotFound where the literal's enumeration type does not exist
 */
export function meetingType(
  context: BindContext,
  node: LiteralLike,
  meets: TypeReference | undefined,
): TypeReference | undefined {
  if (meets === undefined || meets.type.kind === 'abstract')
    return isJson(node) ? untypedReference : naturalType(context, node)
  if (isJson(node)) return jsonMeeting(meets)
  if (meets.collection) return undefined
  const { token } = node
  const { type } = meets
  if (type.kind === 'enum') {
    if (token.literal === 'string' || token.literal === 'integer') return meets
    if (token.literal !== 'enum' || token.typeName === undefined) return undefined
    return token.typeName === type.name || unaliased(context.model, token.typeName) === type.name ? meets : undefined
  }
  const primitive = singlePrimitive(meets)
  if (primitive === undefined) return undefined
  const meeting = meetingPrimitive(node, primitive)
  return meeting === undefined ? undefined : primitiveReference(meeting)
}

function isJson(node: LiteralLike): node is JsonNode {
  return node.kind === 'json' || node.token.literal === 'json'
}

/** JSON is read as what it meets: a complex value, or a collection of primitive, enumeration or complex values. */
function jsonMeeting(meets: TypeReference): TypeReference | undefined {
  const { kind } = meets.type
  return kind === 'complex' || (meets.collection && kind !== 'entity' && kind !== 'abstract') ? meets : undefined
}

/**
 * The type of a literal that stands alone.
 * @throws ODataError nameNotFound (enumeration type), notImplemented (JSON whose type nothing tells)
 */
export function naturalType(context: BindContext, node: LiteralLike): TypeReference {
  if (isJson(node)) return context.notImplemented('A JSON literal beside nothing that tells its type', node)
  const { literal, typeName, text } = node.token
  if (literal === 'integer' && isInt32(text)) return int32Reference
  if (literal === 'enum') {
    const type = context.typeOf(typeName ?? '', node)
    if (type.kind !== 'enum') return context.fail('typeMismatch', `'${type.name}' is not an enumeration type.`, node)
    return { type, collection: false, nullable: true, facets: {} }
  }
  const name = naturalTypes[literal]
  return name === undefined ? context.notImplemented(`A literal of kind ${literal}`, node) : primitiveReference(name)
}

/** A literal as the parameter it is by itself. */
export function naturalParameter(context: BindContext, node: LiteralLike): ParameterExpression {
  return context.parameter(node, naturalType(context, node))
}

/** An expression as a value of a primitive type; what has no type (null, dynamic) and what is of it already stays. */
export function convertTo(expression: Expression, target: PrimitiveTypeName): Expression {
  const { type } = expression
  if (type === undefined || singlePrimitive(type) === target) return expression
  return {
    kind: 'convert',
    operand: expression,
    target: primitiveReference(target),
    explicit: false,
    type: primitiveReference(target),
  }
}

const described: Readonly<Partial<Record<LiteralKind, string>>> = {
  string: 'string',
  integer: 'number',
  decimal: 'number',
  double: 'number',
  guid: 'Guid',
  date: 'date',
  dateTimeOffset: 'date and time',
  timeOfDay: 'time of day',
  duration: 'duration',
  binary: 'binary',
  enum: 'enumeration',
  json: 'JSON',
}

/** A literal in messages: `the string 'abc'`, `the number 5`. */
export function describeLiteral(node: LiteralLike): string {
  if (node.kind === 'json') return `the JSON ${shown(node.text)}`
  const { literal, text } = node.token
  const quoted = literal === 'string' ? `'${shown(text)}'` : shown(text)
  return `the ${described[literal] ?? literal} ${quoted}`
}

/** What to write instead, where quotes are what keeps a literal from meeting a type; empty otherwise. */
export function quotesHint(node: LiteralLike, meets: TypeReference): string {
  const primitive = singlePrimitive(meets)
  if (node.kind === 'json' || primitive === undefined) return ''
  if (node.token.literal === 'string' && naturalTypeNames.has(primitive))
    return ` Write ${primitive} literals without quotes.`
  if (primitive === 'Edm.String' && node.token.literal !== 'enum') return ' Write string literals in single quotes.'
  return ''
}

const naturalTypeNames: ReadonlySet<PrimitiveTypeName> = new Set<PrimitiveTypeName>([
  'Edm.Byte',
  'Edm.SByte',
  'Edm.Int16',
  'Edm.Int32',
  'Edm.Int64',
  'Edm.Decimal',
  'Edm.Single',
  'Edm.Double',
  'Edm.Boolean',
  'Edm.Date',
  'Edm.DateTimeOffset',
  'Edm.TimeOfDay',
])
