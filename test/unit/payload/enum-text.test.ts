import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { enumText } from '../../../src/payload/enum-text.ts'
import { enumType } from './fixture.ts'

const access = enumType('test.Access', { none: 0, read: 1, write: 2, readWrite: 3, admin: 8, all: 11 }, true)

describe('enumText', () => {
  it.each([
    [0n, 'none'],
    [1n, 'read'],
    [3n, 'readWrite'],
    [9n, 'read,admin'],
    [10n, 'write,admin'],
    [11n, 'all'],
    [4n, '4'],
    [12n, '12'],
    [-1n, '-1'],
  ])('writes flags %s as %s', (value, text) => {
    expect(enumText(access, value)).toBe(text)
  })

  it('writes the number of what is no member', () => {
    expect(enumText(enumType('test.Color', { red: 1, green: 2 }), 3n)).toBe('3')
  })

  it('names members that make up the value exactly', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 20n }), (value) => {
        const text = enumText(access, value)
        const bits = text
          .split(',')
          .reduce((sum, name) => sum | (access.memberByName.get(name)?.value ?? BigInt(name)), 0n)
        expect(bits).toBe(value)
      }),
    )
  })
})
