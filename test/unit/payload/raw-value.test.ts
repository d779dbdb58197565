import { Binary, Decimal128, serialize } from 'bson'
import { describe, expect, it } from 'vitest'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import type { Annotation, Property } from '../../../src/edm/model.ts'
import { compileRawValue } from '../../../src/payload/raw-value.ts'
import { sampleModel } from './fixture.ts'

const sample = sampleModel()
const layout = layoutOf(sample.model)
const owner = { type: sample.thing, collection: layout.collections.get('Things') }

function raw(name: string, stored: unknown, change: (property: Property) => Property = (property) => property) {
  const property = change(sample.thing.allProperties.get(name)!)
  const read = compileRawValue([{ kind: 'property', property }], property.type, layout, owner)
  const value = read(serialize({ _id: 'k', [name]: stored }))
  return value && [value.contentTypes[0], Buffer.from(value.body).toString('latin1')]
}
const text = 'text/plain;charset=utf-8'

describe('raw value', () => {
  it.each([
    ['text', 'é"', [text, 'Ã©"']],
    ['int32', 5, [text, '5']],
    ['flag', true, [text, 'true']],
    ['color', 2, [text, 'green']],
    ['access', 11, [text, 'readWrite,admin']],
    ['decimal', Decimal128.fromString('1.10'), [text, '1.10']],
    ['moment', new Date(0), [text, '1970-01-01T00:00:00Z']],
    ['point', { type: 'Point', coordinates: [1, 2] }, [text, 'SRID=4326;Point(1 2)']],
    ['binary', new Binary(Buffer.from([0, 255]), 0), ['application/octet-stream', '\0ÿ']],
    ['guid', null, undefined],
    ['int32', 'x', undefined],
  ])('reads %s %j', (name, stored, expected) => {
    expect(raw(name, stored)).toEqual(expected)
  })

  it('takes the media type of Core.MediaType', () => {
    const annotation: Annotation = {
      term: 'Org.OData.Core.V1.MediaType',
      qualifier: undefined,
      value: { kind: 'string', value: 'image/png' },
      annotations: [],
      externalTarget: undefined,
    }
    const png = raw('binary', new Binary(Buffer.from('x'), 0), (property) => ({
      ...property,
      annotations: [annotation],
    }))
    expect(png).toEqual(['image/png', 'x'])
  })

  it('refuses complex values and collections', () => {
    expect(() => raw('address', {})).toThrow('primitive')
    expect(() => raw('words', [])).toThrow('primitive')
  })
})
