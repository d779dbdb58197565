import type { FieldSeen, ValueKind } from './observe.ts'

/** The Edm type that holds what was seen of a field. */
export interface Decision {
  /** a primitive or abstract type, `ObjectId`, or `document`: a complex type of its own */
  readonly type: string
  readonly collection: boolean
  /** attributes besides: Precision, Scale, SRID */
  readonly facets: Readonly<Record<string, string>>
  /** of a collection: whether items are null; else whether some documents have none */
  readonly nullable: boolean
  /** what a reader of the CSDL should know */
  readonly note: string | undefined
  /** where `type` is `document`: what was seen of the documents */
  readonly documents: FieldSeen | undefined
}

const described: Readonly<Record<ValueKind, string>> = {
  null: 'null',
  bool: 'bool',
  int: 'int',
  long: 'long',
  double: 'double',
  decimal: 'decimal',
  string: 'string',
  date: 'date',
  objectId: 'ObjectId',
  uuid: 'UUID',
  binary: 'binary data',
  document: 'document',
  point: 'GeoJSON point',
  geometry: 'GeoJSON geometry',
  array: 'array',
  other: 'other',
}

/**
 * Chooses the type of a field.
 * @param documents how many documents could have had it
 * @returns undefined where nothing that was seen has a type in OData
 */
export function decide(field: FieldSeen, documents: number): Decision | undefined {
  const counts = new Map(field.kinds)
  const nulls = counts.get('null') ?? 0
  counts.delete('null')
  let present = 0
  for (const count of counts.values()) present += count
  const nullable = nulls > 0 || present < documents
  const others = counts.get('other') ?? 0
  counts.delete('other')
  if (counts.size === 0) {
    if (others > 0) return undefined
    return { ...simple('Edm.Untyped', true), note: 'no value was seen but null' }
  }
  const lost = others > 0 ? `${others} of BSON type ${[...field.others].join(', ')} read as null` : undefined
  const numbers = numericType(field, counts)
  const kinds = [...counts.keys()]
  const [first] = kinds
  if (numbers !== undefined) return { ...numbers, nullable: nullable || others > 0, note: joined(numbers.note, lost) }
  if (kinds.length === 1 && first !== undefined) {
    const decided = decideKind(field, first, nullable || others > 0)
    return { ...decided, note: joined(decided.note, lost) }
  }
  return mixed(field, counts, nullable || others > 0)
}

/** All numbers of whatever kinds in one type that loses none of them. */
function numericType(field: FieldSeen, counts: ReadonlyMap<ValueKind, number>): Decision | undefined {
  const has = (kind: ValueKind): boolean => counts.has(kind)
  for (const kind of counts.keys()) if (!['int', 'long', 'double', 'decimal'].includes(kind)) return undefined
  if (counts.size === 0) return undefined
  const note = counts.size > 1 ? `numbers of several kinds: ${told(counts)}` : undefined
  if (has('decimal')) return { ...simple('Edm.Decimal', true), facets: { Scale: 'variable' }, note }
  if (has('double')) {
    if (has('long') && !field.safe) return { ...simple('Edm.Decimal', true), facets: { Scale: 'variable' }, note }
    const whole = field.whole ? 'doubles, though all are whole numbers' : undefined
    return { ...simple('Edm.Double', true), note: note ?? whole }
  }
  return { ...simple(has('long') ? 'Edm.Int64' : 'Edm.Int32', true), note }
}

function decideKind(field: FieldSeen, kind: ValueKind, nullable: boolean): Decision {
  switch (kind) {
    case 'bool':
      return simple('Edm.Boolean', nullable)
    case 'string':
      return simple('Edm.String', nullable)
    case 'date':
      return { ...simple('Edm.DateTimeOffset', nullable), facets: { Precision: '3' } }
    case 'objectId':
      return simple('ObjectId', nullable)
    case 'uuid':
      return simple('Edm.Guid', nullable)
    case 'binary':
      return simple('Edm.Binary', nullable)
    case 'point':
      return { ...simple('Edm.GeographyPoint', nullable), facets: { SRID: '4326' } }
    case 'geometry':
      return { ...simple('Edm.Geography', nullable), facets: { SRID: '4326' } }
    case 'document':
      return { ...simple('document', nullable), documents: field }
    case 'array':
      return collectionOf(field)
    default:
      return simple('Edm.Untyped', nullable)
  }
}

function collectionOf({ items }: FieldSeen): Decision {
  const none = { ...simple('Edm.Untyped', true), collection: true }
  if (items === undefined || items.kinds.size === 0) return { ...none, note: 'only empty arrays were seen' }
  let count = 0
  for (const one of items.kinds.values()) count += one
  const item = decide(items, count)
  if (item === undefined) return { ...none, note: `items of BSON type ${[...items.others].join(', ')} read as null` }
  if (item.collection) {
    const lost = holdsDocuments(items) ? '; documents in them read as null' : ''
    return { ...none, note: `arrays of arrays${lost}` }
  }
  return { ...item, collection: true, nullable: item.nullable }
}

/** Whether documents are among items, however deep. */
function holdsDocuments({ kinds, items }: FieldSeen): boolean {
  return kinds.has('document') || (items !== undefined && holdsDocuments(items))
}

/** Values of several kinds: untyped where all are scalars; else the most frequent kind, as documents need a type. */
function mixed(field: FieldSeen, counts: ReadonlyMap<ValueKind, number>, nullable: boolean): Decision {
  const note = `values of several kinds: ${told(counts)}`
  if (!counts.has('document') && !counts.has('array') && !counts.has('point') && !counts.has('geometry'))
    return { ...simple('Edm.Untyped', nullable), note }
  const [[most] = ['string' as const]] = [...counts].toSorted(([, a], [, b]) => b - a)
  const decided = decideKind(field, most, true)
  const alone = numericType(field, new Map([[most, 1]])) ?? decided
  return {
    ...alone,
    nullable: alone.collection ? alone.nullable : true,
    note: `${note}; those that are no ${described[most]} read as null`,
  }
}

function told(counts: ReadonlyMap<ValueKind, number>): string {
  return [...counts].map(([kind, count]) => `${count} ${described[kind]}`).join(', ')
}

function simple(type: string, nullable: boolean): Decision {
  return { type, collection: false, facets: {}, nullable, note: undefined, documents: undefined }
}

function joined(first: string | undefined, second: string | undefined): string | undefined {
  return first === undefined || second === undefined ? (first ?? second) : `${first}; ${second}`
}
