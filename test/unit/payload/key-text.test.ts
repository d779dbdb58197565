import { describe, expect, it } from 'vitest'
import type { TypeReference } from '../../../src/edm/model.ts'
import { parsePrimitive } from '../../../src/edm/primitives.ts'
import type { Value } from '../../../src/edm/value.ts'
import { keyPredicate } from '../../../src/payload/key-text.ts'
import { entityType, enumType, ref } from './fixture.ts'

const keyOf = (types: Record<string, TypeReference>) =>
  entityType('test.T', { key: Object.keys(types), properties: types }).key
const one = (type: TypeReference, value: Value, encode = true) => keyPredicate(keyOf({ k: type }), [value], encode)

describe('keyPredicate', () => {
  it('writes a literal of each type as a URL carries it', () => {
    expect(one(ref('Edm.String'), "O'Neil/é?#%")).toBe("('O''Neil%2F%C3%A9%3F%23%25')")
    expect(one(ref('Edm.String'), "O'Neil/é?#%", false)).toBe("('O''Neil/é?#%')")
    expect(one(ref('Edm.String'), '')).toBe("('')")
    expect(one(ref('Edm.Int64'), -5n)).toBe('(-5)')
    expect(one(ref('Edm.Guid'), 'f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9')).toBe('(f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9)')
    expect(one(ref('Edm.Boolean'), true)).toBe('(true)')
    expect(one(ref('Edm.Duration'), parsePrimitive('Edm.Duration', 'PT1H')!)).toBe("(duration'PT1H')")
    expect(one(ref('Edm.DateTimeOffset'), parsePrimitive('Edm.DateTimeOffset', '2017-01-01T00:00:00+01:00')!)).toBe(
      '(2017-01-01T00%3A00%3A00%2B01%3A00)',
    )
    expect(one(ref(enumType('test.Color', { red: 1 })), 1n)).toBe("(test.Color'red')")
  })

  it('names the parts of composite keys', () => {
    expect(keyPredicate(keyOf({ a: ref('Edm.Int32'), b: ref('Edm.String') }), [1, 'x'], true)).toBe("(a=1,b='x')")
  })
})
