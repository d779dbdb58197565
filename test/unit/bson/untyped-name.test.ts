import fc from 'fast-check'
import { expect, it } from 'vitest'
import { untypedField, untypedName } from '../../../src/bson/untyped-name.ts'

const names = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '_id',
    '%5Fid',
    '__proto__',
    '%5F_proto__',
    '_bsontype',
    '$where',
    '@type',
    'a.b',
    'a%2Eb',
    '',
    '%',
    '%25',
    '\0',
  ),
)

it('gives every name a field of its own that nothing else gives a meaning', () => {
  fc.assert(
    fc.property(names, (name) => {
      const field = untypedField(name)
      expect(untypedName(field)).toBe(name)
      expect(field).not.toMatch(/[.$@\0]|^$|^(?:_id|__proto__|_bsontype)$/)
    }),
  )
})

it('leaves plain names as they are', () => {
  for (const name of ['color', 'größe', 'a b', 'id', 'constructor']) expect(untypedField(name)).toBe(name)
})
