import { Binary, BSONRegExp, Decimal128, type Document, Double, Long, ObjectId, serialize, Timestamp, UUID } from 'bson'
import { describe, expect, it } from 'vitest'
import { type Problem, parseCsdl } from '../../../../src/csdl/read-csdl.ts'
import { typeNameOf } from '../../../../src/tools/infer/identifiers.ts'
import { nothingSeen, observe } from '../../../../src/tools/infer/observe.ts'
import { type Inferred, inferCsdl } from '../../../../src/tools/infer/write-inferred.ts'

function infer(collections: Readonly<Record<string, readonly Document[]>>): Inferred {
  const sampled = Object.entries(collections).map(([name, documents]) => {
    const seen = nothingSeen()
    for (const document of documents) observe(seen, serialize(document))
    return { name, documents: documents.length, seen }
  })
  const inferred = inferCsdl('shop', sampled)
  const warnings: Problem[] = []
  parseCsdl(inferred.csdl, { file: 'inferred.xml', onWarning: (problem) => warnings.push(problem) })
  expect(warnings).toEqual([])
  return inferred
}

/** The element of a property, with the comment before it. */
function property(csdl: string, name: string): string {
  return new RegExp(`(?:<!-- [^>]*-->\\s*)?<Property Name="${name}"[^>]*>`).exec(csdl)?.[0] ?? ''
}

describe('inferCsdl', () => {
  it.each<[string, unknown, string]>([
    ['a string', 's', 'Type="Edm.String" Nullable="false"'],
    ['a Boolean', true, 'Type="Edm.Boolean" Nullable="false"'],
    ['an int', 5, 'Type="Edm.Int32" Nullable="false"'],
    ['a long', Long.fromString('5'), 'Type="Edm.Int64" Nullable="false"'],
    ['a double', 1.5, 'Type="Edm.Double" Nullable="false"'],
    ['a decimal', Decimal128.fromString('1.50'), 'Type="Edm.Decimal" Nullable="false" Scale="variable"'],
    ['a date', new Date(0), 'Type="Edm.DateTimeOffset" Nullable="false" Precision="3"'],
    ['an ObjectId', new ObjectId(), 'Type="Self.ObjectId" Nullable="false"'],
    ['a UUID', new UUID(), 'Type="Edm.Guid" Nullable="false"'],
    ['bytes', new Binary(Uint8Array.of(1)), 'Type="Edm.Binary" Nullable="false"'],
    ['a point', { type: 'Point', coordinates: [1, 2] }, 'Type="Edm.GeographyPoint" Nullable="false" SRID="4326"'],
    ['a polygon', { type: 'Polygon', coordinates: [] }, 'Type="Edm.Geography" Nullable="false" SRID="4326"'],
    ['strings', ['a', 'b'], 'Type="Collection(Edm.String)" Nullable="false"'],
    ['strings and nulls', ['a', null], 'Type="Collection(Edm.String)" Nullable="true"'],
    ['no items', [], 'Type="Collection(Edm.Untyped)" Nullable="true"'],
    ['arrays of arrays', [[1]], 'Type="Collection(Edm.Untyped)" Nullable="true"'],
    ['a document', { a: 1 }, 'Type="Self.ThingField" Nullable="false"'],
    ['documents', [{ a: 1 }, { a: 2 }], 'Type="Collection(Self.ThingField)" Nullable="false"'],
  ])('types %s', (_, value, expected) => {
    expect(property(infer({ things: [{ _id: 1, field: value }] }).csdl, 'field')).toContain(expected)
  })

  it.each<[string, readonly unknown[], string]>([
    ['int and long', [1, Long.fromString('2')], 'Edm.Int64'],
    ['int and double', [1, 1.5], 'Edm.Double'],
    ['long and double', [Long.fromString('2'), 1.5], 'Edm.Double'],
    ['a great long and a double', [Long.fromString('9007199254740993'), 1.5], 'Edm.Decimal'],
    ['int and decimal', [1, Decimal128.fromString('1')], 'Edm.Decimal'],
  ])('types %s by a type that holds both, and says so', (_, values, expected) => {
    const found = property(infer({ things: values.map((field, _id) => ({ _id, field })) }).csdl, 'field')
    expect(found).toContain(`Type="${expected}"`)
    expect(found).toContain('Numbers of several kinds')
  })

  it('leaves what is missing or null nullable', () => {
    const { csdl } = infer({
      things: [
        { _id: 1, a: 1, b: 1 },
        { _id: 2, a: null },
      ],
    })
    expect(property(csdl, 'a')).toContain('Type="Edm.Int32" />')
    expect(property(csdl, 'b')).toContain('Type="Edm.Int32" />')
  })

  it('explains mixed types in a comment', () => {
    const { csdl } = infer({
      things: [
        { _id: 1, a: 1, b: 'x' },
        { _id: 2, a: 'one', b: { c: 1 } },
        { _id: 3, a: true, b: 'y' },
      ],
    })
    expect(property(csdl, 'a')).toMatch(
      /<!-- Values of several kinds: 1 int, 1 string, 1 bool -->\s*<Property Name="a" Type="Edm.Untyped"/,
    )
    expect(property(csdl, 'b')).toMatch(
      /2 string, 1 document; those that are no string read as null -->\s*<Property Name="b" Type="Edm.String"/,
    )
  })

  it('leaves out, with a comment, what OData has no type for', () => {
    const { csdl } = infer({
      things: [{ _id: 1, r: new BSONRegExp('x'), t: new Timestamp(1n), 'a.b': 1, $c: 1, ok: 1 }],
    })
    expect(property(csdl, 'r') + property(csdl, 't')).toBe('')
    expect(csdl).toContain("BSON's BSONRegExp")
    expect(csdl).toContain('The field "a.b" is left out')
    expect(property(csdl, 'ok')).not.toBe('')
  })

  it('maps names that are no identifiers, each to one of its own', () => {
    const { csdl } = infer({
      'my-things': [{ _id: 1, 'first-name': 'a', first_name: 'b', '1st': 'c', 'q"<&': 'd', Größe: 1 }],
    })
    expect(csdl).toContain('<EntitySet Name="my_things" EntityType="Self.MyThing">')
    expect(csdl).toContain('<Annotation Term="Odatum.V1.Collection" String="my-things" />')
    expect(csdl).toMatch(/Name="first_name"[^>]*>\s*<Annotation Term="Odatum.V1.Field" String="first-name"/)
    expect(csdl).toContain('Name="first_name_2"')
    expect(csdl).toMatch(/Name="_1st"[^>]*>\s*<Annotation Term="Odatum.V1.Field" String="1st"/)
    expect(csdl).toContain('String="q&quot;&lt;&amp;"')
    expect(property(csdl, 'Größe')).toContain('Type="Edm.Int32"')
  })

  it.each<[string, readonly unknown[], string]>([
    ['an ObjectId', [new ObjectId()], 'Type="Self.ObjectId"'],
    ['ObjectIds and texts', [new ObjectId(), 'x'], 'Type="Self.ObjectId"'],
    ['a text', ['x'], 'Type="Edm.String"'],
    ['whole doubles', [new Double(1), new Double(2)], 'Type="Edm.Int32"'],
    ['great whole doubles', [new Double(1e12)], 'Type="Edm.Int64"'],
    ['a UUID', [new UUID()], 'Type="Edm.Guid"'],
  ])('keys %s', (_, ids, expected) => {
    expect(property(infer({ things: ids.map((_id) => ({ _id })) }).csdl, '_id')).toContain(expected)
  })

  it('keys documents by their members', () => {
    const { csdl } = infer({ things: [{ _id: { shop: 'a', shelf: 1 }, n: 1 }] })
    expect(csdl).toMatch(/<PropertyRef Name="shop" \/>\s*<PropertyRef Name="shelf" \/>/)
  })

  it.each<[string, readonly Document[]]>([
    ['dates', [{ _id: new Date(0) }]],
    ['fractions', [{ _id: 1.5 }]],
    ['mixed', [{ _id: 1 }, { _id: 'a' }]],
    ['bytes', [{ _id: new Binary(Uint8Array.of(1)) }]],
    ['no documents', []],
  ])('leaves out a collection that cannot be keyed, and says why: %s', (_, documents) => {
    const { csdl, left } = infer({ things: documents, others: [{ _id: 1 }] })
    expect(left).toEqual([expect.stringMatching(/^The collection things is left out: /)])
    expect(csdl).toContain('<!-- The collection things is left out')
    expect(csdl).not.toContain('EntitySet Name="things"')
  })

  it('takes documents with many rare fields as open', () => {
    const documents = Array.from({ length: 60 }, (_, i) => ({ _id: i, scores: { [`user${i}`]: i, sum: 1 } }))
    const { csdl } = infer({ things: documents })
    expect(csdl).toMatch(/<ComplexType Name="ThingScores" OpenType="true">\s*<Property Name="sum"/)
    expect(csdl).not.toContain('user7')
  })

  it("shows nothing of odatum's own fields", () => {
    expect(infer({ things: [{ _id: 1, '@version': 1, 'at@exact': {} }] }).csdl).not.toContain('@')
  })

  it.each([
    ['orders', 'Order'],
    ['categories', 'Category'],
    ['boxes', 'Box'],
    ['addresses', 'Address'],
    ['status', 'Status'],
    ['news', 'News'],
    ['fs.files', 'File'],
    ['user-data', 'UserData'],
  ])('names the members of %s %s', (collection, type) => {
    expect(typeNameOf(collection)).toBe(type)
  })
})
