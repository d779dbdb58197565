import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { guidFromBytes, guidToBytes, parseGuid } from '../../../src/edm/guid.ts'

describe('Guid', () => {
  it('reads any case and prints lower case; its bytes are those of its text', () => {
    fc.assert(
      fc.property(fc.uuid(), (guid) => {
        expect(parseGuid(guid.toUpperCase())).toBe(guid)
        expect(guidFromBytes(guidToBytes(guid))).toBe(guid)
        expect(Buffer.from(guidToBytes(guid)).toString('hex')).toBe(guid.replaceAll('-', ''))
      }),
    )
  })

  it.each([
    '',
    '01234567-89ab-cdef-0123-456789abcde',
    '{01234567-89ab-cdef-0123-456789abcdef}',
    '0123456789abcdef0123456789abcdef',
    '01234567-89ab-cdef-0123-456789abcdeg',
    '01234567-89ab-cdef-0123-456789abcdef\n',
  ])('refuses %j', (text) => void expect(parseGuid(text)).toBeUndefined())
})
