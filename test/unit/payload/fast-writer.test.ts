import { Binary, Decimal128, Double, Long, serialize } from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Selection } from '../../../src/bind/tree.ts'
import { encodeEntity } from '../../../src/bson/encode.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import { primitiveType } from '../../../src/edm/primitives.ts'
import type { StructuredValue } from '../../../src/edm/value.ts'
import { compileRowWriter as compileFast } from '../../../src/payload/fast-writer.ts'
import { readEntity } from '../../../src/payload/read-entity.ts'
import { createSink } from '../../../src/payload/sink.ts'
import { compileRowWriter as compileSlow } from '../../../src/payload/slow-writer.ts'
import type { ExpandedShape, JsonDialect, Related, RowShape, RowWriter } from '../../../src/payload/writer.ts'
import { dialect, sampleModel } from './fixture.ts'
import { thingRows } from './rows.ts'

const numRuns = Number(process.env.ODATUM_FAST_CHECK_RUNS ?? 400)

const sample = sampleModel()
const layout = layoutOf(sample.model)

const shapeOf = (more: Partial<RowShape> = {}): RowShape => ({
  type: sample.thing,
  select: undefined,
  expand: [],
  entitySet: 'Things',
  ...more,
})
const written = (writer: RowWriter, row: Uint8Array, context?: string): string => {
  const sink = createSink(64)
  writer(row, sink, context)
  return Buffer.from(sink.take()).toString('utf8')
}
const select = (names: readonly string[], all = false): Selection => ({
  all,
  properties: new Map(names.map((name) => [name, undefined])),
})
const both = (shape: RowShape, of: JsonDialect) =>
  [compileFast(shape, of, layout), compileSlow(shape, of, layout)] as const

const dialects = fc.record({
  version: fc.constantFrom('4.0' as const, '4.01' as const),
  metadata: fc.constantFrom('none' as const, 'minimal' as const, 'full' as const),
  ieee754Compatible: fc.boolean(),
  exponentialDecimals: fc.boolean(),
  alwaysType: fc.boolean(),
  plainBase64: fc.boolean(),
  omitValues: fc.constantFrom(undefined, 'nulls' as const, 'defaults' as const),
  withoutAnnotations: fc.boolean(),
  root: fc.constant('https://host/svc/'),
})
const nested: Selection = {
  all: false,
  properties: new Map([
    ['address', select(['zip'])],
    ['addresses', select(['city', 'nope'])],
    ['text', undefined],
  ]),
}
/** What $compute defines, in fields that the rows have: as they should be, of another type, of a type that is not known. */
const computed: Selection['computed'] = (
  [
    ['more', primitiveType('Edm.DateTimeOffset')],
    ['wéird', primitiveType('Edm.Double')],
    ['zz', undefined],
  ] as const
).map(([alias, type]) => ({
  alias,
  expression: {
    kind: 'parameter',
    index: 0,
    type: type && { type, collection: false, nullable: true, facets: {} },
  },
}))
const shapes = fc.constantFrom(
  shapeOf(),
  shapeOf({ type: sample.special }),
  shapeOf({ type: sample.root }),
  shapeOf({ type: sample.item }),
  shapeOf({ entitySet: undefined }),
  shapeOf({ entitySet: 'Me', singleton: true }),
  shapeOf({ select: select(['text', 'moment', 'more', 'id']) }),
  shapeOf({ select: select(['int32', 'extra', 'items']) }),
  shapeOf({ select: select(['text'], true) }),
  shapeOf({ select: nested }),
  shapeOf({ select: { ...select(['text'], true), computed } }),
  shapeOf({ type: sample.special, select: { ...select(['more', 'zz']), computed } }),
  shapeOf({ type: sample.note, entitySet: undefined }),
)

/** Everything that $expand can ask of a thing, two levels deep, with rows as they come. */
const expansions = (): readonly ExpandedShape[] => {
  const inner = [...sample.thing.allNavigationProperties.values()].map(
    (property, i): ExpandedShape => ({
      property,
      as: (['entities', 'references', 'count'] as const)[i % 3] ?? 'entities',
      shape: shapeOf({ select: select(['id', 'text']) }),
    }),
  )
  return inner.map((item): ExpandedShape => ({ ...item, as: 'entities', shape: { ...item.shape, expand: inner } }))
}
const relatedRows = (rows: readonly Uint8Array[], depth: number): Related =>
  [...sample.thing.allNavigationProperties.values()].map((_, i) =>
    (rows.length + i) % 4 === 3
      ? undefined
      : {
          rows: rows
            .slice(0, i % 3)
            .map((row) => ({ row, related: depth === 0 ? undefined : relatedRows(rows, depth - 1) })),
          count: i % 2 === 0 ? rows.length : undefined,
          nextLink: i % 3 === 1 ? 'https://host/svc/Things?$skiptoken=x"y' : undefined,
        },
  )

describe('fast and slow writer', () => {
  it('write the same bytes of what is expanded', () => {
    const shape = shapeOf({ select: select(['text', 'extra']), expand: expansions() })
    fc.assert(
      fc.property(dialects, fc.array(thingRows, { minLength: 1, maxLength: 4 }), (of, rows) => {
        const [first = new Uint8Array()] = rows
        const [fast, slow] = both(shape, of).map((writer) => {
          const sink = createSink(64)
          writer(first, sink, undefined, relatedRows(rows, 1))
          return Buffer.from(sink.take()).toString('utf8')
        })
        expect(fast).toBe(slow)
        JSON.parse(fast ?? '')
      }),
      { numRuns: Math.ceil(numRuns / 4) },
    )
  })

  it('write the same bytes of what is expanded in complex values, item by item in collections', () => {
    const { owner, guests } = Object.fromEntries(sample.address.allNavigationProperties)
    const of = shapeOf({ type: sample.item, entitySet: 'Items', select: select(['name']) })
    const expand = (['address', 'addresses'] as const).flatMap((name) =>
      [owner!, guests!].map((property, i): ExpandedShape => {
        const path = [{ kind: 'property', property: sample.thing.allProperties.get(name)! }] as const
        return { property, path, as: i === 0 ? 'entities' : 'references', shape: of }
      }),
    )
    const inline = new Set(['address/art'])
    const shape = shapeOf({ select: select(['text', 'address', 'addresses']), expand, inline })
    const rowsOf = (rows: readonly Uint8Array[], many: boolean, i: number) => ({
      rows: rows.slice(0, many ? i % 4 : i % 2).map((row) => ({ row, related: undefined })),
      count: many && i % 2 === 0 ? i : undefined,
      nextLink: many && i % 3 === 0 ? 'https://host/svc/Items?$skiptoken=x' : undefined,
    })
    fc.assert(
      fc.property(dialects, fc.array(thingRows, { minLength: 1, maxLength: 4 }), fc.nat(9), (of, rows, shift) => {
        const related: Related = expand.map((_, i) => {
          const many = i % 2 === 1
          if (i < 2) return (shift + i) % 5 === 0 ? undefined : rowsOf(rows, many, shift + i)
          // fewer than there may be items, and some of nothing
          const items = rows.map((_row, at) => ((shift + at) % 3 === 0 ? undefined : rowsOf(rows, many, shift + at)))
          return { rows: [], count: undefined, nextLink: undefined, items }
        })
        const [first = new Uint8Array()] = rows
        const [fast, slow] = both(shape, of).map((writer) => {
          const sink = createSink(64)
          const annotations = { own: shift % 2 === 0 ? '' : '"@a.b":1', inside: new Map([['address', '"art":"ä"']]) }
          writer(first, sink, undefined, related, annotations)
          return Buffer.from(sink.take()).toString('utf8')
        })
        expect(fast).toBe(slow)
        const { address } = JSON.parse(fast ?? '')
        if (first.length > 5 && address) expect(address.art).toBe('ä')
      }),
      { numRuns: Math.ceil(numRuns / 2) },
    )
  })

  it('write the same bytes, which are JSON', () => {
    fc.assert(
      fc.property(shapes, dialects, fc.array(thingRows, { minLength: 1, maxLength: 3 }), (shape, of, rows) => {
        const [fast, slow] = both(shape, of)
        for (const row of rows) {
          const text = written(fast, row)
          expect(text).toBe(written(slow, row))
          expect(() => JSON.parse(text)).not.toThrow()
          // the context comes first, and nothing else changes
          const context = JSON.stringify(of.version === '4.0' ? '@odata.context' : '@context')
          const rest = text === '{}' ? '}' : `,${text.slice(1)}`
          expect(written(fast, row, 'https://host/"é"')).toBe(`{${context}:"https://host/\\"é\\""${rest}`)
          expect(written(slow, row, 'https://host/"é"')).toBe(`{${context}:"https://host/\\"é\\""${rest}`)
        }
      }),
      { numRuns },
    )
  })

  it('write the same of damaged documents', () => {
    const [fast, slow] = both(shapeOf(), dialect({}))
    fc.assert(
      fc.property(thingRows, fc.nat(), fc.nat({ max: 255 }), fc.boolean(), (row, place, value, cut) => {
        const damaged = new Uint8Array(row)
        const at = 4 + (place % (row.length - 4))
        damaged[at] = value
        const given = cut ? damaged.subarray(0, at) : damaged
        expect(written(fast, given)).toBe(written(slow, given))
      }),
      { numRuns },
    )
  })
})

describe('fast writer', () => {
  const row = (document: object): Uint8Array => serialize(document)
  const write = (document: object, of: Partial<JsonDialect> = {}, shape: Partial<RowShape> = {}): string =>
    written(compileFast(shapeOf(shape), dialect(of), layout), row(document))
  const members = (
    document: object,
    of: Partial<JsonDialect> = {},
    shape: Partial<RowShape> = {},
  ): Record<string, unknown> => JSON.parse(write(document, of, shape))

  it('writes members in the order of the model, base type first, nulls for the missing ones and [] for collections', () => {
    const text = write({ int32: 5, text: 'a', _id: 'k' })
    expect(text.startsWith('{"id":"k","text":"a","flag":null,')).toBe(true)
    const names = Object.keys(JSON.parse(text))
    expect(names).toEqual([...sample.thing.allProperties.keys()])
    expect(JSON.parse(text)).toMatchObject({ int32: 5, words: [], addresses: [], address: null })
  })

  it('writes each type as JSON Format 7.1 says', () => {
    const text = write({
      _id: 'k',
      flag: false,
      int64: Long.fromString('9007199254740993'),
      double: new Double(Number.NEGATIVE_INFINITY),
      single: new Double(Math.fround(0.1)),
      decimal: Decimal128.fromString('-12.50'),
      guid: new Binary(Buffer.from('f9882bcd2bcdf988cd2b88f9cd2b88f9', 'hex'), 4),
      binary: new Binary(Buffer.from([0xfb, 0xff]), 0),
      date: '2017-01-31',
      time: '12:30:00.5',
      moment: new Date('2017-01-01T08:03:18.959Z'),
      'moment@exact': { digits: 7, sub: 707_300_000, offset: -480 },
      duration: Long.fromNumber(36_000_000_000),
      color: 2,
      access: 11,
      point: { type: 'Point', coordinates: [1.5, 2] },
      made: new Date('2020-02-29T00:00:00.5Z'),
    })
    for (const piece of [
      '"flag":false',
      '"int64":9007199254740993',
      '"double":"-INF"',
      '"single":0.1',
      '"decimal":-12.50',
      '"guid":"f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9"',
      '"binary":"-_8="',
      '"date":"2017-01-31"',
      '"time":"12:30:00.5"',
      '"moment":"2017-01-01T00:03:18.9597073-08:00"',
      '"duration":"PT1H"',
      '"color":"green"',
      '"access":"readWrite,admin"',
      '"point":{"type":"Point","coordinates":[1.5,2]}',
      '"made":"2020-02-29T00:00:00.500Z"',
    ])
      expect(text).toContain(piece)
  })

  it('writes Int64 and Decimal as strings with IEEE754Compatible', () => {
    const document = { _id: 'k', int64: Long.fromNumber(5), decimal: Decimal128.fromString('1.10') }
    expect(members(document, { ieee754Compatible: true })).toMatchObject({ int64: '5', decimal: '1.10' })
  })

  it('writes exponents only where they are allowed', () => {
    const document = { _id: 'k', decimal: Decimal128.fromString('1E+30') }
    expect(write(document)).toContain(`"decimal":1${'0'.repeat(30)}`)
    expect(write(document, { exponentialDecimals: true })).toContain('"decimal":1E+30')
  })

  it('writes control information by metadata level and version', () => {
    const document = { _id: "a'b/c", '@version': 3, '@type': 'test.Special', text: 'x' }
    const control = (of: Partial<JsonDialect>): Record<string, unknown> =>
      Object.fromEntries(Object.entries(members(document, of)).filter(([name]) => name.startsWith('@')))
    expect(control({})).toEqual({ '@odata.type': '#test.Special', '@odata.etag': 'W/"3"' })
    expect(control({ version: '4.01' })).toEqual({ '@type': '#test.Special', '@etag': 'W/"3"' })
    expect(control({ metadata: 'none', alwaysType: true })).toEqual({})
    expect(control({ metadata: 'full' })).toEqual({
      '@odata.type': '#test.Special',
      '@odata.id': "https://host/svc/Things('a''b%2Fc')",
      '@odata.etag': 'W/"3"',
      '@odata.editLink': "https://host/svc/Things('a''b%2Fc')/test.Special",
    })
  })

  it('links to the set of the row, casts where its type is another, and to nothing where the row is of another set', () => {
    const document = { _id: 'k', '@type': 'test.Special' }
    const special = members(document, { metadata: 'full' }, { type: sample.special })
    expect(special['@odata.editLink']).toBe("https://host/svc/Things('k')/test.Special")
    expect(special['items@odata.navigationLink']).toBe("https://host/svc/Things('k')/test.Special/items")
    const me = members(document, { metadata: 'full' }, { entitySet: 'Me', singleton: true })
    expect([me['@odata.id'], me['@odata.editLink']]).toEqual([
      'https://host/svc/Me',
      'https://host/svc/Me/test.Special',
    ])
    expect(write({ _id: 'k' }, { metadata: 'full' }, { type: sample.item })).toBe(
      '{"@odata.type":"#test.Item","id":"k","name":null}',
    )
  })

  it('orders control information as streaming asks', () => {
    const writer = compileFast(shapeOf(), dialect({ metadata: 'full' }), layout)
    const text = written(writer, row({ _id: 'k', '@version': 1 }), 'ctx')
    expect(Object.keys(JSON.parse(text)).slice(0, 6)).toEqual([
      '@odata.context',
      '@odata.type',
      '@odata.id',
      '@odata.etag',
      '@odata.editLink',
      'id',
    ])
  })

  it('says the type of an entity always where the dialect does', () => {
    expect(write({ _id: 'k' }, { alwaysType: true }).startsWith('{"@odata.type":"#test.Thing","id":"k"')).toBe(true)
    expect(write({ _id: 'k' }).startsWith('{"id":"k"')).toBe(true)
  })

  it('says the types that JSON does not tell, and the navigation links, at full metadata', () => {
    const full = members(
      {
        _id: 'k',
        text: 'x',
        int32: 5,
        color: 1,
        double: new Double(Number.NaN),
        words: ['a'],
        address: { city: 'Bonn' },
      },
      { metadata: 'full' },
    )
    expect(full).toMatchObject({
      'int32@odata.type': '#Int32',
      'color@odata.type': '#test.Color',
      'double@odata.type': '#Double',
      'words@odata.type': '#Collection(String)',
      address: { '@odata.type': '#test.Address', city: 'Bonn' },
      'items@odata.associationLink': "https://host/svc/Things('k')/items/$ref",
      'items@odata.navigationLink': "https://host/svc/Things('k')/items",
    })
    expect(Object.keys(full)).not.toContain('text@odata.type')
    expect(Object.keys(full)).not.toContain('flag@odata.type')
    expect(members({ _id: 'k', int32: 5 }, { metadata: 'full', version: '4.01' })).toMatchObject({
      'int32@type': 'Int32',
    })
  })

  it('writes what is selected, and the id where the key is not', () => {
    const document = { _id: 'k', '@version': 1, text: 'x', int32: 5 }
    expect(write(document, {}, { select: select(['int32', 'id']) })).toBe(
      '{"@odata.etag":"W/\\"1\\"","id":"k","int32":5}',
    )
    expect(write(document, {}, { select: select(['text']) })).toBe(
      '{"@odata.id":"https://host/svc/Things(\'k\')","@odata.etag":"W/\\"1\\"","text":"x"}',
    )
    expect(write(document, { metadata: 'none' }, { select: select(['text']) })).toBe('{"text":"x"}')
    expect(write(document, { metadata: 'none' }, { select: select(['nope']) })).toBe('{}')
  })

  it('writes null with an annotation where what is stored does not fit', () => {
    const name = 'int32@Org.OData.Core.V1.ValueException'
    const value = members({ _id: 'k', int32: 'five', words: 5, flag: null })
    expect(value).toMatchObject({ int32: null, words: [], flag: null })
    expect(value[name]).toEqual({
      info: {
        code: 'valueUnreadable',
        message: 'The stored value does not fit the type Edm.Int32.',
        severity: 'warning',
      },
    })
    expect(Object.keys(value).indexOf(name)).toBe(Object.keys(value).indexOf('int32') - 1)
    expect(Object.keys(value)).toContain('words@Org.OData.Core.V1.ValueException')
    expect(Object.keys(value)).not.toContain('flag@Org.OData.Core.V1.ValueException')
    expect(Object.keys(members({ _id: 'k', int32: 'five' }, { metadata: 'none' }))).not.toContain(name)
  })

  it('reports what it cannot read', () => {
    const met: string[] = []
    const writer = compileFast(shapeOf(), dialect({}), layout, (property) => met.push(property))
    written(writer, row({ _id: 'k', int32: 'five', flag: null, address: { city: 5 } }))
    expect(met).toEqual(['test.Thing/int32', 'test.Address/city'])
  })

  it('reads lossless differences as values', () => {
    expect(members({ _id: 'k', int32: new Double(5), int64: 7, double: 3, single: Long.fromNumber(2) })).toMatchObject({
      int32: 5,
      int64: 7,
      double: 3,
      single: 2,
    })
  })

  it('writes dynamic properties of open types with the types that JSON does not tell', () => {
    const document = {
      _id: 'k',
      '@type': 'test.Special',
      a: Long.fromNumber(5),
      b: 'text',
      c: new Date(0),
      d: [1, 2],
      e: { '@type': 'test.Address', city: 'Ulm' },
      f: { 'x%2Ey': 1.5, _id: 'theirs', 'day@exact': {}, g: { '@type': 'Edm.Untyped', type: 'Point' }, h: null },
      '@secret': 1,
    }
    const value = members(document)
    expect(value.f).toEqual({ 'x.y': 1.5, g: { type: 'Point' }, h: null })
    expect(value).toMatchObject({
      'a@odata.type': '#Int64',
      a: 5,
      b: 'text',
      'c@odata.type': '#DateTimeOffset',
      c: '1970-01-01T00:00:00Z',
      'd@odata.type': '#Collection(Int32)',
      d: [1, 2],
      e: { '@odata.type': '#test.Address', city: 'Ulm', zip: null },
    })
    expect(Object.keys(value)).not.toContain('@secret')
    expect(Object.keys(members({ _id: 'k', a: 1 }))).not.toContain('a')
  })

  it('writes derived complex values with their type', () => {
    expect(
      members({
        _id: 'k',
        addresses: [{ '@type': 'test.PostBox', city: 'Ulm', number: Long.fromNumber(4) }, { city: 'Bonn' }],
      }).addresses,
    ).toEqual([
      { '@odata.type': '#test.PostBox', city: 'Ulm', zip: null, number: 4 },
      { city: 'Bonn', zip: null },
    ])
  })

  it('writes composite keys', () => {
    const text = write(
      { _id: { order: 'o', number: 5 } },
      { metadata: 'full' },
      { type: sample.line, entitySet: 'Lines' },
    )
    expect(JSON.parse(text)).toMatchObject({
      '@odata.id': "https://host/svc/Lines(order='o',number=5)",
      order: 'o',
      number: 5,
      amount: null,
    })
  })

  it('writes what a client sent, letter for letter', () => {
    const body = {
      id: 'k',
      text: 'a"é😀',
      guid: 'f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9',
      binary: 'ZW5jcnlwdGVkQmxvYg==',
      moment: '2017-01-01T00:03:18.9597073-08:00',
      moments: ['2017-01-01T00:03:18.5958204-08:00', '2017-01-01T00:00:00Z'],
      decimal: 1.1,
      words: ['x'],
    }
    const entity = readEntity(Buffer.from(JSON.stringify(body)), {
      model: sample.model,
      type: sample.thing,
      mode: 'create',
      version: '4.0',
      keyByService: true,
    })
    const keyed: StructuredValue = { ...entity, members: new Map([...entity.members, ['id', 'k']]) }
    const collection = layout.collections.get('Things')!
    expect(members(encodeEntity(layout, collection, keyed))).toMatchObject(body)
  })

  it('writes expanded entities behind the links of their property', () => {
    const items = sample.thing.allNavigationProperties.get('items')!
    const shape = shapeOf({
      select: select(['id']),
      expand: [{ property: items, as: 'entities', shape: { ...shapeOf(), type: sample.item, entitySet: 'Items' } }],
    })
    const sink = createSink(64)
    const related: Related = [
      { rows: [{ row: row({ _id: 'a' }), related: undefined }], count: 5, nextLink: 'https://host/svc/next' },
    ]
    compileFast(shape, dialect({}), layout)(row({ _id: 'k' }), sink, undefined, related)
    expect(Buffer.from(sink.take()).toString('utf8')).toBe(
      '{"id":"k","items@odata.count":5,"items":[{"id":"a","name":null}],"items@odata.nextLink":"https://host/svc/next"}',
    )
  })
})
