import { describe, expect, it } from 'vitest'
import { Decimal } from '../../../src/edm/decimal.ts'
import type { EntityType } from '../../../src/edm/model.ts'
import type { StructuredValue, Value } from '../../../src/edm/value.ts'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { readEntity } from '../../../src/payload/read-entity.ts'
import { sampleModel } from './fixture.ts'

const sample = sampleModel()
const bytes = (body: unknown): Uint8Array =>
  new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body))

interface Options {
  type?: EntityType
  mode?: 'create' | 'merge' | 'replace'
  keyByService?: boolean
}

const read = (
  body: unknown,
  { type = sample.thing, mode = 'create', keyByService = true }: Options = {},
): StructuredValue => readEntity(bytes(body), { model: sample.model, type, mode, version: '4.0', keyByService })
const members = (body: unknown, options?: Options): Record<string, Value> =>
  Object.fromEntries(read(body, options).members)

function fault(run: () => unknown): ODataError {
  try {
    run()
  } catch (error) {
    if (error instanceof ODataError) return error
    throw error
  }
  throw new Error('was taken')
}
/** [code, target] of the only fault */
const only = (body: unknown, options?: Options): readonly [string, string | undefined] => {
  const error = fault(() => read(body, options))
  expect(error.details).toEqual([])
  return [error.code, error.target]
}

describe('readEntity', () => {
  it('reads a value of each type', () => {
    const value = members({
      text: 'a"é',
      flag: true,
      byte: 255,
      sbyte: -128,
      int16: -32768,
      int32: 2147483647,
      double: 1.5,
      single: 0.1,
      guid: 'F9882BCD-2BCD-F988-CD2B-88F9CD2B88F9',
      binary: 'ZW5jcnlwdGVkQmxvYg==',
      date: '2020-02-29',
      time: '12:30:00.5',
      moment: '2017-01-01T00:03:18.9597073-08:00',
      duration: 'PT1H',
      color: 'green',
      access: 'read,admin',
      point: { type: 'Point', coordinates: [12.5, 50] },
      address: { city: 'Bonn', zip: null },
      words: ['a', ''],
      numbers: [1, null],
      addresses: [{ '@odata.type': '#test.PostBox', city: 'Ulm', number: '9007199254740993' }],
    })
    expect(value).toMatchObject({
      text: 'a"é',
      byte: 255,
      sbyte: -128,
      single: Math.fround(0.1),
      guid: 'f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9',
      time: '12:30:00.5',
      moment: { kind: 'dateTimeOffset', offset: -480, digits: 7 },
      duration: { ps: 3_600_000_000_000_000n },
      color: 2n,
      access: 9n,
      point: { kind: 'geo', srid: 4326, shape: { type: 'Point', coordinates: [12.5, 50] } },
      address: {
        kind: 'structured',
        type: sample.address,
        members: new Map([
          ['city', 'Bonn'],
          ['zip', null],
        ]),
      },
      words: ['a', ''],
      numbers: [1, null],
      addresses: [
        {
          type: sample.postBox,
          members: new Map<string, Value>([
            ['city', 'Ulm'],
            ['number', 9007199254740993n],
          ]),
        },
      ],
      level: 7,
    })
    expect(Buffer.from(value.binary as Uint8Array).toString()).toBe('encryptedBlob')
  })

  it.each([
    ['int64', '9223372036854775807', 9223372036854775807n],
    ['int64', '"-9223372036854775808"', -9223372036854775808n],
    ['int64', '5.0', 5n],
    ['int32', '-0', 0],
    ['int32', '1e2', 100],
    ['double', '"-INF"', Number.NEGATIVE_INFINITY],
    ['double', '-0', -0],
    ['color', '4', 4n],
    ['color', '"2"', 2n],
    ['access', '5', 5n],
    ['access', '"none"', 0n],
  ])('reads %s from %s without loss', (name, json, expected) => {
    expect(members(`{"text":"","${name}":${json}}`)[name]).toStrictEqual(expected)
  })

  it('reads decimals from numbers and strings with all digits', () => {
    for (const json of ['12345678901234567890.12345678901234', '"12345678901234567890.12345678901234"'])
      expect(members(`{"text":"","decimal":${json}}`).decimal).toEqual(
        Decimal.parse('12345678901234567890.12345678901234'),
      )
  })

  it.each([
    ['serial', '5'],
    ['flag', '"true"'],
    ['byte', '256'],
    ['sbyte', '-129'],
    ['int16', '32768'],
    ['int32', '2147483648'],
    ['int32', '1.5'],
    ['int32', '"1"'],
    ['int64', '9223372036854775808'],
    ['int64', '1e6000'],
    ['int64', '0.5'],
    ['int64', '" 1"'],
    ['double', '1e999'],
    ['double', '"Infinity"'],
    ['single', '1e39'],
    ['decimal', '12345678901234567890123456789012345'],
    ['decimal', '"x"'],
    ['guid', '"f9882bcd"'],
    ['guid', '5'],
    ['binary', '"a"'],
    ['binary', '"****"'],
    ['date', '"2021-02-29"'],
    ['time', '"25:00:00"'],
    ['moment', '"2017-01-01"'],
    ['moment', '"2017-01-01T00:00:00"'],
    ['duration', '"1 hour"'],
    ['color', '"purple"'],
    ['color', '"red,green"'],
    ['color', '3'],
    ['access', '"read,fly"'],
    ['access', '4294967296'],
    ['point', '{"type":"Point","coordinates":[181,0]}'],
    ['point', '{"type":"LineString","coordinates":[[0,0],[1,1]]}'],
    ['point', '"POINT(1 1)"'],
    ['address', '"Bonn"'],
    ['words', '"a"'],
    ['words', '{"0":"a"}'],
  ])('refuses %s: %s with the property as target', (name, json) => {
    expect(only(`{"text":"","${name}":${json}}`)).toEqual(['valueInvalid', name])
  })

  it('names the place of faults inside complex values and collections', () => {
    expect(only({ text: '', address: { city: 'x', zip: '123456' } })).toEqual(['valueInvalid', 'address/zip'])
    expect(only({ text: '', address: { zip: '1' } })).toEqual(['propertyRequired', 'address/city'])
    expect(only({ text: '', addresses: [{ city: 'x' }, { city: 5 }] })).toEqual(['valueInvalid', 'addresses/1/city'])
    expect(only({ text: '', words: ['a', null] })).toEqual(['propertyNull', 'words/1'])
    expect(only({ text: '', address: { city: null } })).toEqual(['propertyNull', 'address/city'])
  })

  it('asks for required properties, refuses null for them and for collections', () => {
    expect(only({})).toEqual(['propertyRequired', 'text'])
    expect(only({}, { mode: 'replace' })).toEqual(['propertyRequired', 'text'])
    expect(members({}, { mode: 'merge' })).toEqual({})
    expect(only({ text: null })).toEqual(['propertyNull', 'text'])
    expect(only({ text: null }, { mode: 'merge' })).toEqual(['propertyNull', 'text'])
    expect(only({ text: '', words: null })).toEqual(['propertyNull', 'words'])
  })

  it('applies default values on create and replace, not on merge', () => {
    expect(members({ text: '' })).toEqual({ text: '', level: 7 })
    expect(members({ text: '' }, { mode: 'replace' })).toEqual({ text: '', level: 7 })
    expect(members({ text: '', level: 9 })).toMatchObject({ level: 9 })
    expect(members({ text: '' }, { mode: 'merge' })).toEqual({ text: '' })
    expect(only({ text: '', level: null })).toEqual(['propertyNull', 'level'])
  })

  it('ignores computed properties, keys made by the service, and in updates keys and immutable properties', () => {
    const body = { text: '', id: 5, made: 'never', serial: 's' }
    expect(members(body)).toEqual({ text: '', serial: 's', level: 7 })
    expect(members(body, { mode: 'merge' })).toEqual({ text: '' })
    const line = { order: 'o', number: 1 }
    expect(members(line, { type: sample.line, mode: 'replace', keyByService: false })).toEqual({})
    expect(members(line, { type: sample.line, keyByService: true })).toEqual({})
  })

  it('asks for the key where the client makes it', () => {
    expect(members({ order: 'o', number: 1 }, { type: sample.line, keyByService: false })).toEqual({
      order: 'o',
      number: 1,
    })
    expect(only({ order: 'o' }, { type: sample.line, keyByService: false })).toEqual(['propertyRequired', 'number'])
    expect(only({ order: null, number: 1 }, { type: sample.line, keyByService: false })).toEqual([
      'propertyNull',
      'order',
    ])
  })

  it('names unknown properties and a near one', () => {
    const error = fault(() => read({ text: '', colour: 'red' }))
    expect([error.code, error.target]).toEqual(['propertyUnknown', 'colour'])
    expect(error.message).toBe('The type test.Thing has no property "colour". Did you mean color?')
    for (const name of ['__proto__', 'constructor', 'toString', '_id', '@version'.slice(1)])
      expect(only(`{"text":"","${name}":1}`)).toEqual(['propertyUnknown', name])
  })

  it('refuses duplicate members', () => {
    expect(only('{"text":"a","text":"b"}')).toEqual(['propertyDuplicate', 'text'])
    expect(only('{"text":"a","address":{"city":"a","city":"b"}}')).toEqual(['propertyDuplicate', 'address/city'])
  })

  it('tells all faults of a body', () => {
    const error = fault(() => read('{"int32":"x","text":null,"nope":1,"flag":true,"flag":true,"guid":"g"}'))
    expect([error.code, error.status, error.target]).toEqual(['bodyInvalid', 400, 'flag'])
    expect(error.details.map(({ code, target }) => [code, target])).toEqual([
      ['propertyDuplicate', 'flag'],
      ['valueInvalid', 'int32'],
      ['propertyNull', 'text'],
      ['propertyUnknown', 'nope'],
      ['valueInvalid', 'guid'],
    ])
  })

  it('tells a hundred faults at the most', () => {
    const error = fault(() => read({ text: '', words: Array.from({ length: 500 }, () => 1) }))
    expect(error.details).toHaveLength(100)
  })

  it('says where the only fault stands', () => {
    expect(fault(() => read('{"text":"","int32":"x"}')).position).toEqual({ offset: 19, length: 3 })
  })

  it('refuses what is no object and what is no JSON', () => {
    for (const body of ['[]', '"x"', 'null']) expect(fault(() => read(body)).code).toBe('bodyInvalid')
    expect(fault(() => read('{')).code).toBe('bodySyntax')
  })

  it('takes control information, annotations and advertised operations', () => {
    const body = {
      '@odata.context': 'x',
      '@odata.etag': 5,
      '@odata.id': null,
      '@some.annotation': {},
      'text@some.annotation': 1,
      'int32@odata.type': '#Int32',
      'items@odata.navigationLink': 'x',
      '#test.Act': {},
      text: '',
    }
    expect(members(body)).toEqual({ text: '', level: 7 })
  })

  it('says that binding and nested entities are not implemented', () => {
    expect(only({ text: '', 'items@odata.bind': ['Items(1)'] })).toEqual(['notImplemented', 'items@odata.bind'])
    expect(only({ text: '', items: [] })).toEqual(['notImplemented', 'items'])
    expect(only({ text: '', 'nothing@odata.bind': 'x' })).toEqual(['propertyUnknown', 'nothing'])
    expect(fault(() => read({ text: '', items: [] })).status).toBe(501)
  })
})

describe('the type in the body', () => {
  it.each([
    '#test.Thing',
    'test.Thing',
    '#t.Thing',
    'http://host/service/$metadata#test.Thing',
    '$metadata#test.Thing',
  ])('takes the declared type as %s', (name) => {
    expect(read({ '@odata.type': name, text: '' }).type).toBe(sample.thing)
    expect(read({ text: '', '@type': name }).type).toBe(sample.thing)
  })

  it('takes a derived type, wherever it stands, with its own properties', () => {
    const value = read({ extra: 5, text: '', '@odata.type': '#test.Special' })
    expect(value.type).toBe(sample.special)
    expect(value.members.get('extra')).toBe(5)
    expect(only({ extra: 5, text: '' })).toEqual(['propertyUnknown', 'extra'])
  })

  it('names the type that is unknown, abstract or not derived', () => {
    expect(only({ '@odata.type': '#test.Nothing', text: '' })).toEqual(['typeUnknown', '@odata.type'])
    expect(only({ '@odata.type': '#test.Root', text: '' })).toEqual(['typeAbstract', '@odata.type'])
    expect(only({ '@odata.type': '#test.Item', text: '' })).toEqual(['typeNotAllowed', '@odata.type'])
    expect(only({ '@odata.type': '#test.Color', text: '' })).toEqual(['typeNotAllowed', '@odata.type'])
    expect(only({ '@odata.type': 'http://other/types#test.Thing', text: '' })).toEqual(['typeUnknown', '@odata.type'])
    expect(only({ '@odata.type': 5, text: '' })).toEqual(['controlInformationInvalid', '@odata.type'])
    expect(only({ '@odata.type': '#test.Thing', '@type': '#test.Special', text: '' })).toEqual([
      'controlInformationInvalid',
      '@type',
    ])
    expect(fault(() => read({ '@odata.type': '#test.Nothing' })).message).toContain('#test.Nothing')
    expect(only({ text: '', address: { '@odata.type': '#test.Note', city: '' } })).toEqual([
      'typeNotAllowed',
      'address/@odata.type',
    ])
  })

  it('asks for a type where the declared one is abstract', () => {
    expect(only({}, { type: sample.root })).toEqual(['typeAbstract', '@odata.type'])
    expect(read({ '@odata.type': '#test.Item' }, { type: sample.root }).type).toBe(sample.item)
  })

  it('takes a base type in updates', () => {
    const value = read({ '@odata.type': '#test.Root', extra: 1 }, { type: sample.special, mode: 'merge' })
    expect([value.type, value.members.get('extra')]).toEqual([sample.special, 1])
  })
})

describe('dynamic properties', () => {
  const dynamic = (json: string): Record<string, Value> => members(`{"@odata.type":"#test.Special","text":"",${json}}`)

  it('guesses as JSON Format 4.5.3 says', () => {
    expect(dynamic('"a":1,"b":"x","c":true,"d":null,"e":[1,"y"]')).toMatchObject({
      a: 1,
      b: 'x',
      c: true,
      d: null,
      e: [1, 'y'],
    })
  })

  it('refuses what names no type, and names that cannot be stored', () => {
    const special = (json: string) => only(`{"@odata.type":"#test.Special","text":"",${json}}`)
    expect(special('"a@odata.type":"#Nope","a":1')).toEqual(['typeUnknown', 'a@odata.type'])
    expect(special('"a":{"@type":"#Nope"}')).toEqual(['typeUnknown', 'a/@odata.type'])
    for (const name of ['_id', '__proto__', '$where', 'a.b', 'a b', '', '1a', 'a\\u0000']) {
      const error = fault(() => read(`{"@odata.type":"#test.Special","text":"","${name}":1}`))
      expect(error.code).toBe('propertyUnknown')
    }
  })
})
