import { serialize } from 'bson'
import { describe, expect, it } from 'vitest'
import { decodeEntity } from '../../../src/bson/decode.ts'
import { encodeEntity, encodeMembers } from '../../../src/bson/encode.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import { isToldByBson } from '../../../src/bson/typed-value.ts'
import type { PrimitiveTypeName, TypeReference } from '../../../src/edm/model.ts'
import { parsePrimitive, primitiveType } from '../../../src/edm/primitives.ts'
import type { Value } from '../../../src/edm/value.ts'
import { entitySet, entityType, modelOf, ref } from './models.ts'

const thing = entityType('T.Open', { id: ref('Edm.String') }, { key: ['id'], open: true })
const layout = layoutOf(modelOf(entitySet('opens', thing)))
const opens = layout.collections.get('opens')!

function stored(value: Value, type: TypeReference) {
  return encodeEntity(layout, opens, {
    kind: 'structured',
    type: thing,
    members: new Map<string, Value>([
      ['id', 'a'],
      ['x', value],
    ]),
    dynamicTypes: new Map([['x', type]]),
  })
}

describe('dynamic values of a type that was said', () => {
  it.each<[PrimitiveTypeName, string]>([
    ['Edm.Date', '2020-02-29'],
    ['Edm.TimeOfDay', '12:30:00.5'],
    ['Edm.Duration', 'PT1H30M'],
    ['Edm.Int16', '7'],
    ['Edm.Byte', '255'],
    ['Edm.Single', '1.5'],
    ['Edm.GeometryPoint', 'SRID=0;Point(1 2)'],
    ['Edm.Int32', '7'],
    ['Edm.Int64', '7'],
    ['Edm.Double', '7'],
    ['Edm.Decimal', '7.50'],
    ['Edm.Guid', '01234567-89ab-cdef-0123-456789abcdef'],
    ['Edm.DateTimeOffset', '2017-01-01T00:03:18.9597073-08:00'],
    ['Edm.String', 'a'],
    ['Edm.Boolean', 'true'],
  ])('%s is read as it was written', (name, text) => {
    const value = parsePrimitive(name, text) ?? null
    expect(value).not.toBeNull()
    const document = stored(value, ref(name))
    const row = serialize(document)
    expect(decodeEntity(layout, opens, row).members.get('x')).toEqual(value)
    // what BSON tells stands as it is, for other readers of the same data
    if (isToldByBson(primitiveType(name))) expect(document.x).not.toHaveProperty('@value')
    else expect(document.x).toMatchObject({ '@type': name })
  })

  it('keeps the type of each item of a collection, and of what a merge sets', () => {
    const type = ref('Edm.Date', true)
    const dates = ['2020-01-01', '2020-01-02']
    expect(decodeEntity(layout, opens, serialize(stored(dates, type))).members.get('x')).toEqual(dates)
    const { set, unset } = encodeMembers(layout, thing, new Map([['x', '2020-01-01']]), {
      dynamicTypes: new Map([['x', ref('Edm.Date')]]),
    })
    expect(set).toEqual({ x: { '@type': 'Edm.Date', '@value': '2020-01-01' } })
    expect(unset).toEqual(['x@exact'])
  })

  it('reads a type that the model does not have as null', () => {
    const document = { _id: 'a', x: { '@type': 'T.Nothing', '@value': 3 } }
    expect(decodeEntity(layout, opens, serialize(document)).members.get('x')).toBeNull()
  })
})
