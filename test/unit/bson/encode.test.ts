import { Binary, Decimal128, Double, deserialize, serialize } from 'bson'
import { describe, expect, it } from 'vitest'
import {
  encodeEntity,
  encodeKey,
  encodeKeyPart,
  encodeMembers,
  encodeValue,
  storedFieldsOf,
} from '../../../src/bson/encode.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import { parseDateTimeOffset } from '../../../src/edm/datetimeoffset.ts'
import { Decimal } from '../../../src/edm/decimal.ts'
import type { StructuredType } from '../../../src/edm/model.ts'
import { primitiveType } from '../../../src/edm/primitives.ts'
import type { StructuredValue, Value } from '../../../src/edm/value.ts'
import { annotation, complexType, entitySet, entityType, modelOf, ref, singleton, str } from './models.ts'

const address = complexType('T.Address', { city: ref('Edm.String'), since: ref('Edm.DateTimeOffset') })
const foreign = complexType('T.Foreign', { country: ref('Edm.String') }, { base: address })
const open = complexType(
  'T.Open',
  { declared: ref('Edm.String') },
  { open: true, propertyAnnotations: { declared: [annotation('Odatum.V1.Field', str('d'))] } },
)
const thing = entityType(
  'T.Thing',
  {
    id: ref('Edm.String'),
    when: ref('Edm.DateTimeOffset'),
    whens: ref('Edm.DateTimeOffset', true),
    address: ref(address),
    open: ref(open),
    n: ref('Edm.Decimal'),
    media: ref('Edm.Stream'),
  },
  { key: ['id'], navigations: [{ name: 'friend', constraints: [] }] },
)
const layout = layoutOf(modelOf(entitySet('things', thing)))
const things = layout.collections.get('things')!
const instant = (text: string): Value => parseDateTimeOffset(text)!
const structured = (type: StructuredType, members: Record<string, Value>): StructuredValue => ({
  kind: 'structured',
  type,
  members: new Map(Object.entries(members)),
})
const members = (values: Record<string, Value>) => encodeMembers(layout, thing, new Map(Object.entries(values)))

describe('encodeMembers', () => {
  it('sets and unsets what belongs to an instant', () => {
    expect(members({ when: instant('2017-01-01T00:00:00Z') })).toEqual({
      set: { when: new Date('2017-01-01') },
      unset: ['when@exact'],
    })
    expect(members({ when: instant('2017-01-01T00:00:00.1Z') })).toEqual({
      set: { when: new Date('2017-01-01T00:00:00.1Z'), 'when@exact': { digits: 1 } },
      unset: [],
    })
    expect(members({ when: null, n: null, address: null })).toEqual({
      set: {},
      unset: ['when', 'when@exact', 'n', 'address'],
    })
  })

  it('merges complex values member by member, and replaces collections', () => {
    expect(members({ address: structured(address, { city: 'Bonn', since: null }), whens: [] })).toEqual({
      set: { 'address.city': 'Bonn', whens: [] },
      unset: ['address.since', 'address.since@exact'],
    })
    expect(members({ address: structured(foreign, { country: 'DE' }) })).toEqual({
      set: { 'address.@type': 'T.Foreign', 'address.country': 'DE' },
      unset: [],
    })
  })

  it('leaves keys out', () => expect(members({ id: 'other' })).toEqual({ set: {}, unset: [] }))

  it('knows dynamic members of open types', () => {
    expect(members({ open: structured(open, { x: 5, y: null }) })).toEqual({
      set: { 'open.x': 5 },
      unset: ['open.x@exact', 'open.y', 'open.y@exact'],
    })
  })

  it.each(['_id', '_bsontype', '$set', 'a.b', 'x@exact', '@type', 'd', ''])('refuses the dynamic name %j', (name) => {
    expect(() => members({ open: structured(open, { [name]: 1 }) })).toThrow(
      expect.objectContaining({ code: 'propertyUnknown', status: 400 }),
    )
  })

  it('stores __proto__, constructor and toString as fields like any other', () => {
    const value = structured(thing, {
      id: 'a',
      open: structured(open, JSON.parse('{"__proto__":"p","constructor":"c","toString":"t"}')),
    })
    const document = deserialize(serialize(encodeEntity(layout, things, value)))
    expect(Object.entries(document.open)).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['toString', 't'],
    ])
    expect(Object.getPrototypeOf(document)).toBe(Object.prototype)
  })

  it('refuses what is no property', () => {
    expect(() => members({ nothing: 1 })).toThrow(expect.objectContaining({ code: 'propertyUnknown' }))
    expect(() => members({ friend: 'x' })).toThrow(expect.objectContaining({ code: 'notImplemented' }))
    expect(() => members({ media: 'x' })).toThrow()
  })
})

describe('encodeValue', () => {
  it('keeps trailing zeros of a decimal, and refuses more than 34 digits', () => {
    const encode = (text: string) => encodeValue(layout, ref('Edm.Decimal'), Decimal.parse(text)!).value
    expect(String(encode('1.10'))).toBe('1.10')
    expect(encode('1.10')).toBeInstanceOf(Decimal128)
    expect(String(encode('9'.repeat(34)))).toBe('9'.repeat(34))
    expect(String(encode(`${'9'.repeat(34)}.000`))).toBe('9'.repeat(34))
    expect(String(encode('1e6144'))).toBe(`1.${'0'.repeat(33)}E+6144`)
    expect(String(encode('-INF'))).toBe('-Infinity')
    expect(() => encode('9'.repeat(35))).toThrow(expect.objectContaining({ code: 'valueInvalid', status: 400 }))
  })

  it('keeps null items of collections', () => {
    expect(encodeValue(layout, ref('Edm.String', true), ['a', null]).value).toEqual(['a', null])
  })

  it('has an own form for each type', () => {
    expect(encodeValue(layout, ref('Edm.Double'), 5).value).toEqual(new Double(5))
    expect(encodeValue(layout, ref('Edm.Binary'), new Uint8Array([1])).value).toEqual(
      new Binary(new Uint8Array([1]), 0),
    )
    expect(encodeValue(layout, ref('Edm.Int64'), 5n).value).toBe(5n)
    expect(String(encodeValue(layout, ref('Edm.Duration'), { kind: 'duration', ps: 1n }).value)).toBe('0.00001')
    expect(encodeValue(layout, undefined, 1.5).value).toEqual(new Double(1.5))
    expect(encodeValue(layout, undefined, -0).value).toEqual(new Double(-0))
    expect(encodeValue(layout, undefined, 2 ** 31).value).toEqual(new Double(2 ** 31))
  })

  it('does not take a value of another type for one of this', () => {
    expect(() => encodeValue(layout, ref('Edm.Int64'), 5)).toThrow(/invariant/)
    expect(() => encodeValue(layout, ref(address), structured(thing, {}))).toThrow(/invariant/)
  })
})

describe('keys', () => {
  it('are a value, or a document in key order', () => {
    const pair = entityType('T.Pair', { a: ref('Edm.String'), b: ref('Edm.Int64') }, { key: ['b', 'a'] })
    const other = layoutOf(modelOf(entitySet('pairs', pair)))
    expect(Object.entries(encodeKey(other.collections.get('pairs')!, [5n, 'x']) as object)).toEqual([
      ['b', 5n],
      ['a', 'x'],
    ])
    expect(encodeKey(things, ['x'])).toBe('x')
  })

  it('of instants are UTC text of one length', () => {
    const key = (text: string) => encodeKeyPart(primitiveType('Edm.DateTimeOffset'), instant(text))
    expect(key('2017-01-01T00:03:18.9597073-08:00')).toBe('2017-01-01T08:03:18.959707300000Z')
    expect(key('2017-01-01T08:03:18.95970730Z')).toBe(key('2017-01-01T00:03:18.9597073-08:00'))
  })

  it('must be whole', () => {
    expect(() => encodeKey(things, [null])).toThrow(expect.objectContaining({ code: 'keyInvalid', target: 'id' }))
    expect(() => encodeEntity(layout, things, structured(thing, {}))).toThrow(
      expect.objectContaining({ code: 'keyInvalid' }),
    )
  })

  it('of a key-less singleton is its collection', () => {
    const settings = entityType('T.Settings', { name: ref('Edm.String') })
    const other = layoutOf(modelOf(singleton('settings', settings)))
    expect(encodeEntity(other, other.collections.get('settings')!, structured(settings, { name: 'x' }))).toEqual({
      _id: 'settings',
      name: 'x',
    })
  })

  it('inside a complex property stand in _id and in their place', () => {
    const type = entityType(
      'T.Deep',
      { address: ref(address) },
      { key: [{ path: ['address', 'city'], alias: 'town' }] },
    )
    const other = layoutOf(modelOf(entitySet('deep', type)))
    const value = structured(type, { address: structured(address, { city: 'Bonn' }) })
    expect(encodeEntity(other, other.collections.get('deep')!, value)).toEqual({
      _id: 'Bonn',
      address: { city: 'Bonn' },
    })
  })
})

describe('storedFieldsOf', () => {
  it('names what a property takes', () => {
    const fields = (name: string) => storedFieldsOf(layout, thing.allProperties.get(name)!)
    expect([fields('when'), fields('whens'), fields('id'), fields('n')]).toEqual([
      ['when', 'when@exact'],
      ['whens'],
      [],
      ['n'],
    ])
  })
})
