import { Binary, Double, Int32, Long, serialize } from 'bson'
import { describe, expect, it } from 'vitest'
import type { MemberStep, Selection } from '../../../src/bind/tree.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import type { StructuredType } from '../../../src/edm/model.ts'
import { compileMemberWriter } from '../../../src/payload/member-writer.ts'
import { createSink } from '../../../src/payload/sink.ts'
import type { JsonDialect } from '../../../src/payload/writer.ts'
import { dialect, sampleModel } from './fixture.ts'

const sample = sampleModel()
const layout = layoutOf(sample.model)
const owner = { type: sample.thing, collection: layout.collections.get('Things') }

/** `address/city`, `test.PostBox` for casts, `~name` for dynamic properties */
function steps(path: string): MemberStep[] {
  let type: StructuredType = sample.thing
  return path.split('/').map((name): MemberStep => {
    if (name.startsWith('~')) return { kind: 'dynamic', name: name.slice(1) }
    const cast = name.includes('.') ? sample.model.types.get(name) : undefined
    if (cast?.kind === 'entity' || cast?.kind === 'complex') {
      type = cast
      return { kind: 'cast', type: cast }
    }
    const property = type.allProperties.get(name)!
    if (property.type.type.kind === 'complex') type = property.type.type
    return { kind: 'property', property }
  })
}

const document = {
  _id: 'k',
  '@type': 'test.Special',
  text: 'a"b',
  int32: 5,
  double: new Double(Number.NaN),
  flag: null,
  moment: new Date(0),
  'moment@exact': { digits: 1, offset: 60 },
  address: { '@type': 'test.PostBox', city: 'Ulm', number: Long.fromNumber(7) },
  words: ['a', 'b'],
  byte: 999,
  numbers: 'x',
  extra: 1,
  free: Long.fromNumber(9),
  blob: new Binary(Buffer.from('x'), 0),
}

function write(
  path: string,
  of: Partial<JsonDialect> = {},
  select?: Selection,
  row: object = document,
  context: string | null = 'ctx',
) {
  const list = steps(path)
  const last = list.at(-1)
  const reference = last?.kind === 'property' ? last.property.type : undefined
  const sink = createSink()
  sink.ascii('before')
  const done = compileMemberWriter(list, reference, dialect(of), layout, { ...owner, select })(
    serialize(row),
    sink,
    context ?? undefined,
  )
  const text = Buffer.from(sink.take()).toString()
  expect(text.startsWith('before')).toBe(true)
  expect(done).toBe(text !== 'before')
  return done ? text.slice(6) : undefined
}

describe('member writer', () => {
  it.each([
    ['id', '{"@odata.context":"ctx","value":"k"}'],
    ['text', '{"@odata.context":"ctx","value":"a\\"b"}'],
    ['moment', '{"@odata.context":"ctx","value":"1970-01-01T01:00:00.0+01:00"}'],
    ['words', '{"@odata.context":"ctx","value":["a","b"]}'],
    ['address/city', '{"@odata.context":"ctx","value":"Ulm"}'],
    ['address/test.PostBox/number', '{"@odata.context":"ctx","value":7}'],
    ['test.Special/extra', '{"@odata.context":"ctx","value":1}'],
    ['test.Special/~free', '{"@odata.context":"ctx","@odata.type":"#Int64","value":9}'],
    ['address', '{"@odata.context":"ctx","@odata.type":"#test.PostBox","city":"Ulm","zip":null,"number":7}'],
    // collections are never null
    ['addresses', '{"@odata.context":"ctx","value":[]}'],
    ['numbers', '{"@odata.context":"ctx","value":[]}'],
  ])('writes %s', (path, expected) => {
    expect(write(path)).toBe(expected)
  })

  it.each(['flag', 'guid', 'byte', 'note', 'note/text', 'test.Special/~nothing'])('writes nothing for %s', (path) => {
    expect(write(path)).toBeUndefined()
  })

  it('leads nowhere where the value is of another type', () => {
    expect(write('test.Special/extra', {}, undefined, { _id: 'k', extra: 1 })).toBeUndefined()
    expect(write('address/test.PostBox/number', {}, undefined, { _id: 'k', address: { number: 1 } })).toBeUndefined()
  })

  it('says types at full metadata and nothing of the kind at none', () => {
    expect(write('int32', { metadata: 'full' })).toBe('{"@odata.context":"ctx","@odata.type":"#Int32","value":5}')
    expect(write('text', { metadata: 'full' })).toBe('{"@odata.context":"ctx","value":"a\\"b"}')
    expect(write('int32', { metadata: 'none' }, undefined, { int32: new Int32(5) }, null)).toBe('{"value":5}')
    expect(write('int32', { version: '4.01' })).toBe('{"@context":"ctx","value":5}')
  })

  it('selects inside complex values', () => {
    expect(write('address', {}, { all: false, properties: new Map([['zip', undefined]]) })).toBe(
      '{"@odata.context":"ctx","@odata.type":"#test.PostBox","zip":null}',
    )
  })

  it('refuses paths through navigation properties', () => {
    const navigation: MemberStep = { kind: 'navigation', property: sample.thing.allNavigationProperties.get('items')! }
    expect(() => compileMemberWriter([navigation], undefined, dialect({}), layout, owner)).toThrow('items')
  })
})
