import { describe, expect, it } from 'vitest'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import type { Annotation, EntityType } from '../../../src/edm/model.ts'
import { annotation, complexType, entitySet, entityType, list, modelOf, record, ref, str } from './models.ts'

const field = (name: string): Annotation => annotation('Odatum.V1.Field', str(name))
const layoutFor = (type: EntityType, annotations: readonly Annotation[] = []) => {
  const layout = layoutOf(modelOf(entitySet('things', type, annotations)))
  return { layout, things: layout.collections.get('things')! }
}
const plain = (name: string) => entityType(name, { id: ref('Edm.String'), a: ref('Edm.String') }, { key: ['id'] })

describe('layout of a model', () => {
  it('names collections after their sets, or as annotated', () => {
    expect(layoutFor(plain('T.A')).things).toMatchObject({ name: 'things', sharedWrites: false, indexes: [] })
    expect(layoutFor(plain('T.A'), [annotation('Odatum.V1.Collection', str('old_things'))]).things.name).toBe(
      'old_things',
    )
    const both = record({ Name: str('x'), SharedWrites: { kind: 'bool', value: true } })
    expect(layoutFor(plain('T.A'), [annotation('Odatum.V1.Collection', both)]).things).toMatchObject({
      name: 'x',
      sharedWrites: true,
    })
    const shared = record({ SharedWrites: { kind: 'bool', value: true } })
    expect(layoutFor(plain('T.A'), [annotation('Odatum.V1.Collection', shared)]).things).toMatchObject({
      name: 'things',
      sharedWrites: true,
    })
  })

  it.each(['', 'a$b', 'system.users', 'a\0'])('refuses the collection name %j', (name) => {
    expect(() => layoutFor(plain('T.A'), [annotation('Odatum.V1.Collection', str(name))])).toThrow(/things/)
  })

  it('refuses two sets in one collection', () => {
    const type = plain('T.A')
    const model = modelOf(entitySet('a', type), entitySet('b', type, [annotation('Odatum.V1.Collection', str('a'))]))
    expect(() => layoutOf(model)).toThrow(/a and b would be stored in the same collection a/)
  })

  it('maps properties to fields', () => {
    const type = entityType(
      'T.A',
      { id: ref('Edm.String'), a: ref('Edm.String') },
      { key: ['id'], propertyAnnotations: { a: [field('z')] } },
    )
    const { layout } = layoutFor(type)
    expect([...layout.structured(type).fieldOf]).toEqual([['a', 'z']])
    expect([...layout.structured(type).propertyOf]).toEqual([['z', 'a']])
    expect(layout.structured(type)).toBe(layout.structured(type))
    expect(layout.typeNamed('T.A')).toBe(type)
    expect(layout.typeNamed('T.B')).toBeUndefined()
  })

  it('refuses _id for what is no key, unless it is mapped', () => {
    const clash = (annotations: readonly Annotation[]) =>
      entityType(
        'T.A',
        { id: ref('Edm.String'), _id: ref('Edm.String') },
        { key: ['id'], propertyAnnotations: { _id: annotations } },
      )
    expect(() => layoutFor(clash([]))).toThrow(
      'T.A/_id would be stored as _id, which holds the key: map it with Odatum.V1.Field',
    )
    expect(() => layoutFor(clash([field('other')]))).not.toThrow()
    expect(() => layoutFor(entityType('T.A', { _id: ref('Edm.String') }, { key: ['_id'] }))).not.toThrow()
    const within = complexType('T.C', { _id: ref('Edm.String') })
    const { layout } = layoutFor(entityType('T.A', { id: ref('Edm.String'), c: ref(within) }, { key: ['id'] }))
    expect(layout.structured(within).fieldOf.get('_id')).toBe('_id')
  })

  it.each(['$a', 'a.b', 'a@b', '', 'a\0'])('refuses the field name %j', (name) => {
    const type = entityType(
      'T.A',
      { id: ref('Edm.String'), a: ref('Edm.String') },
      { key: ['id'], propertyAnnotations: { a: [field(name)] } },
    )
    expect(() => layoutFor(type)).toThrow(/T\.A\/a/)
  })

  it('refuses two properties in one field, and a key in another', () => {
    const same = entityType(
      'T.A',
      { id: ref('Edm.String'), a: ref('Edm.String'), b: ref('Edm.String') },
      { key: ['id'], propertyAnnotations: { b: [field('a')] } },
    )
    expect(() => layoutFor(same)).toThrow(/T\.A\/b and a would be stored in the same field a/)
    const key = entityType(
      'T.A',
      { id: ref('Edm.String') },
      { key: ['id'], propertyAnnotations: { id: [field('code')] } },
    )
    expect(() => layoutFor(key)).toThrow(/T\.A\/id/)
  })

  it('lays keys out in _id', () => {
    const type = entityType('T.A', { a: ref('Edm.String'), b: ref('Edm.String') }, { key: ['b', 'a'] })
    expect(layoutFor(type).things.key).toMatchObject({
      composite: true,
      parts: [
        { alias: 'b', path: ['_id', 'b'] },
        { alias: 'a', path: ['_id', 'a'] },
      ],
    })
    expect(layoutFor(type).things.indexes).toEqual([
      {
        name: '_id.b_1__id.a_1',
        fields: [
          { path: '_id.b', descending: false, type: 'Edm.String' },
          { path: '_id.a', descending: false, type: 'Edm.String' },
        ],
        unique: false,
        required: [],
        types: [],
      },
    ])
    expect(layoutFor(plain('T.A')).things.key).toMatchObject({
      composite: false,
      parts: [{ alias: 'id', path: ['_id'] }],
    })
  })

  it('makes indexes of foreign keys, alternate keys and annotations', () => {
    const address = complexType('T.Address', { city: ref('Edm.String') })
    const type = entityType(
      'T.A',
      {
        id: ref('Edm.String'),
        owner: ref('Edm.String'),
        email: ref('Edm.String'),
        address: ref(address),
        created: ref('Edm.DateTimeOffset'),
      },
      {
        key: ['id'],
        propertyAnnotations: { owner: [field('o')] },
        navigations: [
          { name: 'ownerOf', constraints: [{ property: 'owner', referencedProperty: 'id', annotations: [] }] },
          { name: 'self', constraints: [{ property: 'id', referencedProperty: 'id', annotations: [] }] },
        ],
        annotations: [
          annotation(
            'Org.OData.Core.V1.AlternateKeys',
            list(
              record({ Key: list(record({ Name: { kind: 'propertyPath', value: 'email' }, Alias: str('email') })) }),
            ),
          ),
          annotation(
            'Odatum.V1.Index',
            list(
              record({ Fields: list(str('address/city'), str('created desc')) }),
              record({ Fields: list(str('created')), Unique: { kind: 'bool', value: true } }),
            ),
          ),
        ],
      },
    )
    const { things } = layoutFor(type, [annotation('Odatum.V1.Index', list(record({ Fields: list(str('owner')) })))])
    expect(things.indexes.map((index) => [index.name, index.unique, index.required])).toEqual([
      ['o_1', false, []],
      ['email_1', true, ['email']],
      ['address.city_1_created_-1_created@exact.sub_-1', false, []],
      ['created_1_created@exact.sub_1', true, ['created']],
    ])
    expect(things.indexes[2]?.fields[1]).toEqual({
      path: 'created',
      descending: true,
      type: 'Edm.DateTimeOffset',
    })
  })

  it('reaches properties of derived types', () => {
    const type = plain('T.A')
    entityType(
      'T.B',
      { more: ref('Edm.String') },
      { base: type, annotations: [annotation('Odatum.V1.Index', list(record({ Fields: list(str('more')) })))] },
    )
    expect(layoutFor(type).things.indexes.map((index) => index.name)).toEqual(['more_1'])
  })

  it('keeps alternate keys of derived types apart: each is unique among its own', () => {
    const alternate = annotation(
      'Org.OData.Core.V1.AlternateKeys',
      list(record({ Key: list(record({ Name: { kind: 'propertyPath', value: 'code' }, Alias: str('code') })) })),
    )
    const type = plain('T.A')
    const left = entityType('T.Left', { code: ref('Edm.String') }, { base: type, annotations: [alternate] })
    entityType('T.Leftmost', {}, { base: left })
    entityType('T.Right', { code: ref('Edm.String') }, { base: type, annotations: [alternate] })
    expect(layoutFor(type).things.indexes.map(({ name, types }) => [name, types])).toEqual([
      ['code_1:T.Left', ['T.Left', 'T.Leftmost']],
      ['code_1:T.Right', ['T.Right']],
    ])
    expect(layoutFor(left).things.indexes.map(({ name, types }) => [name, types])).toEqual([['code_1', []]])
  })

  it('names the fault of an index', () => {
    expect(() =>
      layoutFor(plain('T.A'), [annotation('Odatum.V1.Index', list(record({ Fields: list(str('nope')) })))]),
    ).toThrow(/T\.A.*nope/)
    expect(() =>
      layoutFor(plain('T.A'), [
        annotation('Odatum.V1.Index', list(record({ Fields: list({ kind: 'int', value: 1n }) }))),
      ]),
    ).toThrow(/paths/)
  })

  it('has no collections without a container', () => {
    expect(layoutOf({ ...modelOf(), container: undefined }).collections.size).toBe(0)
  })
})
