import { Binary, type Document, deserialize } from 'bson'

/** Kinds of stored values, as they matter for the choice of an Edm type. */
export type ValueKind =
  | 'null'
  | 'bool'
  | 'int'
  | 'long'
  | 'double'
  | 'decimal'
  | 'string'
  | 'date'
  | 'objectId'
  | 'uuid'
  | 'binary'
  | 'document'
  | 'point'
  | 'geometry'
  | 'array'
  | 'other'

/** What was seen of the values of one field. */
export interface FieldSeen {
  /** how often each kind occurred */
  readonly kinds: Map<ValueKind, number>
  /** of documents: their fields */
  readonly documents: DocumentSeen
  /** of arrays: their items, all in one */
  items: FieldSeen | undefined
  /** whether all whole numbers lie within what a double holds exactly */
  safe: boolean
  /** whether every int and long lies within Int32 */
  small: boolean
  /** whether every double is a whole number */
  whole: boolean
  /** names of BSON types that OData has no type for */
  readonly others: Set<string>
}

/** What was seen of documents at one place. */
export interface DocumentSeen {
  count: number
  readonly fields: Map<string, FieldSeen>
  /** whether there were more field names than are looked at */
  overflow: boolean
}

/** Field names looked at in one place: documents that are dictionaries may have any number. */
const mostFields = 2_000
/** Documents within each other that are looked at; what lies deeper has no properties of its own. */
const deepest = 20

export function nothingSeen(): DocumentSeen {
  return { count: 0, fields: new Map(), overflow: false }
}

function noValues(): FieldSeen {
  return {
    kinds: new Map(),
    documents: nothingSeen(),
    items: undefined,
    safe: true,
    small: true,
    whole: true,
    others: new Set(),
  }
}

/** Adds one stored document, as BSON, to what was seen. */
export function observe(seen: DocumentSeen, row: Uint8Array): void {
  addDocument(seen, deserialize(row, { promoteValues: false, promoteLongs: false, bsonRegExp: true }), 0)
}

function addDocument(seen: DocumentSeen, document: Document, depth: number): void {
  seen.count++
  for (const [name, value] of Object.entries(document)) {
    let field = seen.fields.get(name)
    if (field === undefined) {
      if (seen.fields.size >= mostFields) {
        seen.overflow = true
        continue
      }
      field = noValues()
      seen.fields.set(name, field)
    }
    addValue(field, value, depth)
  }
}

function addValue(field: FieldSeen, value: unknown, depth: number): void {
  const kind = kindOf(value)
  field.kinds.set(kind, (field.kinds.get(kind) ?? 0) + 1)
  if (kind === 'array') {
    field.items ??= noValues()
    for (const item of value as readonly unknown[]) addValue(field.items, item, depth)
  } else if (kind === 'document') {
    if (depth < deepest) addDocument(field.documents, value as Document, depth + 1)
  } else if (kind === 'int' || kind === 'long' || kind === 'double') addNumber(field, kind, String(value))
  else if (kind === 'other') field.others.add(bsonName(value))
}

function addNumber(field: FieldSeen, kind: 'int' | 'long' | 'double', text: string): void {
  const number = Number(text)
  if (kind === 'double') field.whole &&= Number.isInteger(number) && !Object.is(number, -0)
  field.safe &&= kind === 'int' || Number.isSafeInteger(number) || (kind === 'double' && !Number.isInteger(number))
  field.small &&= Math.abs(number) <= 2_147_483_647
}

const kindByType: Readonly<Record<string, ValueKind>> = {
  Decimal128: 'decimal',
  Double: 'double',
  Int32: 'int',
  Long: 'long',
  ObjectId: 'objectId',
}

function kindOf(value: unknown): ValueKind {
  switch (typeof value) {
    case 'string':
      return 'string'
    case 'boolean':
      return 'bool'
    case 'number':
      return Number.isInteger(value) ? 'int' : 'double'
    case 'bigint':
      return 'long'
    case 'undefined':
      return 'null'
    default:
      break
  }
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (value instanceof Date) return 'date'
  if (value instanceof Binary)
    return value.sub_type === Binary.SUBTYPE_UUID && value.length() === 16 ? 'uuid' : 'binary'
  const type = bsonName(value)
  return type === 'Object' ? geometryKind(value as Document) : (kindByType[type] ?? 'other')
}

function bsonName(value: unknown): string {
  const { _bsontype } = value as { readonly _bsontype?: string }
  return _bsontype ?? 'Object'
}

const geometries: ReadonlySet<unknown> = new Set([
  'LineString',
  'Polygon',
  'MultiPoint',
  'MultiLineString',
  'MultiPolygon',
])

/** GeoJSON is told by its two members. */
function geometryKind(value: Document): ValueKind {
  if (!Array.isArray(value.coordinates) || Object.keys(value).length !== 2) return 'document'
  const type = String(value.type)
  if (type === 'Point') return 'point'
  return geometries.has(type) ? 'geometry' : 'document'
}
