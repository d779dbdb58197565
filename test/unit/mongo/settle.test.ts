import { Double, serialize } from 'bson'
import { describe, expect, it } from 'vitest'
import { reflects } from '../../../src/mongo/settle.ts'

const row = serialize({
  _id: 'a',
  '@version': 2,
  n: 5,
  ratio: new Double(5),
  address: { city: 'Ulm' },
  kept: 1,
  'k@exact': { digits: 1 },
})

describe('whether a row is in the state a change asks for', () => {
  it('looks at what a merge sets and takes away', () => {
    const merge = (set: object, unset: string[] = []) => reflects({ kind: 'merge', set, unset }, row)
    expect(merge({ n: 5, 'address.city': 'Ulm' }, ['gone', 'address.zip'])).toBe(true)
    expect(merge({ ratio: new Double(5) })).toBe(true)
    expect(merge({ n: 6 })).toBe(false)
    expect(merge({ 'address.city': 'Aachen' })).toBe(false)
    expect(merge({ missing: 1 })).toBe(false)
    expect(merge({}, ['n'])).toBe(false)
    expect(merge({}, ['address.city'])).toBe(false)
  })

  it('looks at all that a replacement does not keep', () => {
    const replace = (document: object, keep = ['kept']) => reflects({ kind: 'replace', document, keep }, row)
    expect(replace({ n: 5, ratio: new Double(5), address: { city: 'Ulm' } })).toBe(true)
    expect(replace({ n: 5, ratio: new Double(5), address: { city: 'Ulm' } }, [])).toBe(false)
    expect(replace({ n: 5, ratio: new Double(5) })).toBe(false)
    expect(replace({ n: 5, ratio: new Double(5), address: { city: 'Ulm' }, more: 1 })).toBe(false)
  })
})
