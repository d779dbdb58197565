import { describe, expect, it } from 'vitest'
import { exactFieldPathOf, fieldPathOf, isDynamicName } from '../../../src/bson/field-path.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import type { Property } from '../../../src/edm/model.ts'
import { annotation, complexType, entitySet, entityType, modelOf, ref, str } from './models.ts'

const address = complexType(
  'T.Address',
  { city: ref('Edm.String'), since: ref('Edm.DateTimeOffset') },
  { open: true, propertyAnnotations: { city: [annotation('Odatum.V1.Field', str('c'))] } },
)
const one = entityType(
  'T.One',
  { id: ref('Edm.DateTimeOffset'), address: ref(address), when: ref('Edm.DateTimeOffset') },
  { key: ['id'], open: true },
)
const two = entityType(
  'T.Two',
  { a: ref('Edm.String'), address: ref(address) },
  { key: ['a', { path: ['address', 'city'], alias: 'town' }] },
)
const layout = layoutOf(modelOf(entitySet('ones', one), entitySet('twos', two)))
const ones = layout.collections.get('ones')!
const twos = layout.collections.get('twos')!
const of = (type: typeof one | typeof two | typeof address, name: string): Property => type.allProperties.get(name)!

describe('field paths', () => {
  it('of keys lead into _id', () => {
    expect(fieldPathOf(layout, ones, [of(one, 'id')])).toEqual(['_id'])
    expect(exactFieldPathOf(layout, ones, [of(one, 'id')])).toEqual(['id@exact'])
    expect(fieldPathOf(layout, twos, [of(two, 'a')])).toEqual(['_id', 'a'])
    expect(fieldPathOf(layout, twos, [of(two, 'address'), of(address, 'city')])).toEqual(['_id', 'town'])
  })

  it('of others lead to their fields, mapped names included', () => {
    expect(fieldPathOf(layout, ones, [of(one, 'address'), of(address, 'city')])).toEqual(['address', 'c'])
    expect(fieldPathOf(layout, undefined, [of(address, 'city')])).toEqual(['c'])
    expect(fieldPathOf(layout, twos, [of(two, 'address')])).toEqual(['address'])
    expect(exactFieldPathOf(layout, ones, [of(one, 'when')])).toEqual(['when@exact'])
    expect(exactFieldPathOf(layout, ones, [of(one, 'address'), of(address, 'since')])).toEqual([
      'address',
      'since@exact',
    ])
    expect(exactFieldPathOf(layout, ones, [])).toEqual([])
  })

  it('of dynamic properties lead nowhere where the name is not theirs', () => {
    expect(fieldPathOf(layout, ones, ['extra'])).toEqual(['extra'])
    expect(fieldPathOf(layout, ones, [of(one, 'address'), 'extra'])).toEqual(['address', 'extra'])
    for (const name of ['_id', '@version', '$where', 'a.b', 'when@exact'])
      expect(fieldPathOf(layout, ones, [name])).toEqual(['@nowhere'])
    expect(fieldPathOf(layout, ones, [of(one, 'address'), 'c'])).toEqual(['address', '@nowhere'])
    expect(isDynamicName(layout, address, 'city')).toBe(true)
    expect(isDynamicName(layout, address, 'c')).toBe(false)
  })
})
