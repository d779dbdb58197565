import { deserialize, serialize } from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEntity, decodeField } from '../../../src/bson/decode.ts'
import { encodeEntity, encodeKey, encodeValue } from '../../../src/bson/encode.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import { findField } from '../../../src/bson/reader.ts'
import type { StructuredType, TypeReference } from '../../../src/edm/model.ts'
import { primitiveTypes, printPrimitive } from '../../../src/edm/primitives.ts'
import type { StructuredValue, Value } from '../../../src/edm/value.ts'
import { anyValue } from '../edm/arbitraries.ts'
import { annotation, complexType, entitySet, entityType, enumType, modelOf, ref, str } from './models.ts'

const storable = [...primitiveTypes.keys()].filter((name) => name !== 'Edm.Stream')

const address = complexType('T.Address', { city: ref('Edm.String'), since: ref('Edm.DateTimeOffset') })
const foreign = complexType('T.ForeignAddress', { country: ref('Edm.String') }, { base: address })
const bag = complexType('T.Bag', {}, { open: true })
const color = enumType('T.Color', 'Edm.Int32', { red: 0n, blue: 1n })
const wide = enumType('T.Wide', 'Edm.Int64', { one: 1n })
const properties: Record<string, TypeReference> = {
  id: ref('Edm.Guid'),
  address: ref(address),
  addresses: ref(address, true),
  bag: ref(bag),
  color: ref(color),
  wide: ref(wide),
  renamed: ref('Edm.String'),
}
for (const name of storable) {
  properties[name.slice(4)] = ref(name)
  properties[`${name.slice(4)}s`] = ref(name, true)
}
const thing = entityType('T.Thing', properties, {
  key: ['id'],
  propertyAnnotations: { renamed: [annotation('Odatum.V1.Field', str('other'))] },
})
const special = entityType('T.Special', { more: ref('Edm.Decimal') }, { base: thing })
const layout = layoutOf(modelOf(entitySet('things', thing)))
const things = layout.collections.get('things')!

function structured(type: StructuredType): fc.Arbitrary<StructuredValue> {
  const members = Object.fromEntries(
    [...type.allProperties.values()].map((property) => [property.name, memberOf(property.type)]),
  )
  return fc
    .record(members, { requiredKeys: type.kind === 'entity' ? ['id'] : [] })
    .map((values) => ({ kind: 'structured', type, members: new Map(Object.entries(values) as [string, Value][]) }))
}

const dynamic: fc.Arbitrary<Value> = fc.oneof(
  fc.string(),
  fc.boolean(),
  fc.double(),
  fc.integer(),
  anyValue('Edm.Int64'),
  anyValue('Edm.Decimal'),
  anyValue('Edm.DateTimeOffset'),
  anyValue('Edm.Binary'),
  fc.array(fc.oneof(fc.constant(null), fc.string(), anyValue('Edm.DateTimeOffset')), { maxLength: 3 }),
)

function memberOf(reference: TypeReference): fc.Arbitrary<Value> {
  if (reference.collection)
    return fc.array(fc.oneof(fc.constant(null), memberOf({ ...reference, collection: false })), { maxLength: 3 })
  const { type } = reference
  if (type === bag) {
    return fc
      .dictionary(
        fc.stringMatching(/^[a-z_][a-z0-9_]{0,9}$/).filter((name) => name !== '_id' && name !== '_bsontype'),
        dynamic,
        { maxKeys: 4 },
      )
      .map((values) => ({ kind: 'structured', type: bag, members: new Map(Object.entries(values)) }))
  }
  if (type === address) return fc.oneof(structured(address), structured(foreign))
  if (type.kind === 'enum') return fc.integer().map((n) => BigInt(n))
  if (type.kind === 'primitive') return anyValue(type.name)
  throw new Error(type.name)
}

describe('stored form', () => {
  it.each(storable)('%s comes back letter for letter', (name) => {
    fc.assert(
      fc.property(anyValue(name), (value) => {
        const { value: stored, exact } = encodeValue(layout, ref(name), value)
        const row = serialize({ before: 1, x: stored, ...(exact && { 'x@exact': exact }), after: 'z' })
        const back = decodeField(row, findField(row, 'x'), ref(name), findField(row, 'x@exact'), layout)
        expect(back).toEqual(value)
        expect(printPrimitive(name, back as never)).toBe(printPrimitive(name, value))
      }),
      { numRuns: 300 },
    )
  })

  it('whole entities come back, derived types, complex values, collections and dynamic properties included', () => {
    fc.assert(
      fc.property(fc.oneof(structured(thing), structured(special)), (entity) => {
        const row = serialize(encodeEntity(layout, things, entity))
        expect(decodeEntity(layout, things, row)).toEqual(entity)
      }),
      { numRuns: 300 },
    )
  })

  it('stores what design.md says, as the BSON library reads it', () => {
    const entity: StructuredValue = {
      kind: 'structured',
      type: special,
      members: new Map<string, Value>([
        ['id', '0a1b2c3d-0000-1111-2222-333344445555'],
        ['renamed', 'x'],
        ['Int64', 5n],
        ['Double', 5],
        ['String', null],
        ['color', 1n],
        ['wide', 1n],
        ['DateTimeOffset', { kind: 'dateTimeOffset', ms: 1483257798959, sub: 707_300_000, offset: -480, digits: 7 }],
        [
          'DateTimeOffsets',
          [
            { kind: 'dateTimeOffset', ms: 1000, sub: 0, offset: 0, digits: 1 },
            { kind: 'dateTimeOffset', ms: 1000, sub: 0, offset: 0, digits: 0 },
          ],
        ],
        ['Duration', { kind: 'duration', ps: 1_000_000_000_000n }],
        ['GeographyPoint', { kind: 'geo', srid: 4326, shape: { type: 'Point', coordinates: [1, 2] } }],
        ['address', { kind: 'structured', type: foreign, members: new Map([['city', 'Bonn']]) }],
      ]),
    }
    const document = deserialize(serialize(encodeEntity(layout, things, entity)), { promoteValues: false })
    expect(Object.keys(document)).toEqual([
      '_id',
      '@type',
      'other',
      'Int64',
      'Double',
      'color',
      'wide',
      'DateTimeOffset',
      'DateTimeOffset@exact',
      'DateTimeOffsets',
      'Duration',
      'GeographyPoint',
      'address',
    ])
    expect(document._id.sub_type).toBe(4)
    expect(document._id.toUUID().toString()).toBe('0a1b2c3d-0000-1111-2222-333344445555')
    expect(document['@type'].valueOf()).toBe('T.Special')
    expect(
      [document.Int64, document.Double, document.color, document.wide, document.Duration].map(
        (value) => value._bsontype,
      ),
    ).toEqual(['Long', 'Double', 'Int32', 'Long', 'Long'])
    expect(document.DateTimeOffset).toEqual(new Date(1483257798959))
    expect(deserialize(serialize(encodeEntity(layout, things, entity)))).toMatchObject({
      'DateTimeOffset@exact': { sub: 707_300_000, offset: -480, digits: 7 },
      DateTimeOffsets: [{ '@date': new Date(1000), '@digits': 1 }, new Date(1000)],
      Duration: 10_000_000,
      GeographyPoint: { type: 'Point', coordinates: [1, 2] },
      address: { '@type': 'T.ForeignAddress', city: 'Bonn' },
    })
  })

  it('needs nothing beside a date that says it all', () => {
    const encode = (ms: number, digits: number) =>
      encodeValue(layout, ref('Edm.DateTimeOffset'), { kind: 'dateTimeOffset', ms, sub: 0, offset: 0, digits }).exact
    expect(encode(1000, 0)).toBeUndefined()
    expect(encode(1001, 3)).toBeUndefined()
    expect(encode(1000, 3)).toEqual({ digits: 3 })
    expect(encode(1100, 1)).toEqual({ digits: 1 })
  })

  it.each([
    'Edm.DateTimeOffset',
    'Edm.Decimal',
    'Edm.Duration',
    'Edm.Int64',
    'Edm.String',
    'Edm.Date',
    'Edm.TimeOfDay',
    'Edm.Boolean',
    'Edm.Guid',
  ] as const)('a key of %s comes back, and equal keys have equal bytes', (name) => {
    const type = entityType(
      `K.${name.slice(4)}`,
      { key: ref(name), second: ref('Edm.Int32') },
      { key: ['key', 'second'] },
    )
    const keyLayout = layoutOf(modelOf(entitySet('keys', type)))
    const keys = keyLayout.collections.get('keys')!
    fc.assert(
      fc.property(anyValue(name), fc.integer(), (key, second) => {
        const entity: StructuredValue = {
          kind: 'structured',
          type,
          members: new Map<string, Value>([
            ['key', key],
            ['second', second],
          ]),
        }
        const row = serialize(encodeEntity(keyLayout, keys, entity))
        const back = decodeEntity(keyLayout, keys, row)
        if (name === 'Edm.Decimal')
          expect(back.members.get('key')).toSatisfy((value: typeof key) =>
            (value as never as { equals(o: unknown): boolean }).equals(key),
          )
        else expect(back).toEqual(entity)
        const again = encodeKey(keys, [back.members.get('key'), back.members.get('second')])
        expect(serialize({ _id: again })).toEqual(serialize({ _id: encodeKey(keys, [key, second]) }))
      }),
    )
  })
})
