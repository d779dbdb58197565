import { serialize } from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findField } from '../../../src/bson/reader.ts'
import { FieldScanner } from '../../../src/payload/field-scanner.ts'

const names = ['a', 'b', 'ab', 'ba', 'aXb', 'aYb', 'longer name', 'longer same', 'é']

describe('FieldScanner', () => {
  it('finds what findField finds, whatever came before', () => {
    const document = fc.uniqueArray(fc.constantFrom(...names, 'other', 'aZb', 'c'), { minLength: 1 })
    fc.assert(
      fc.property(fc.array(document, { minLength: 1, maxLength: 6 }), (documents) => {
        const scanner = new FieldScanner(new Map(names.map((name, slot) => [name, slot])))
        const slots = new Int32Array(names.length)
        for (const fields of documents) {
          const row = serialize(Object.fromEntries(fields.map((name, i) => [name, i % 2 ? 'text' : i])))
          const unknown: number[] = []
          scanner.scan(row, 0, slots, unknown)
          expect([...slots].map((at) => at || -1)).toEqual(names.map((name) => findField(row, name)))
          expect(unknown).toEqual(fields.filter((name) => !names.includes(name)).map((name) => findField(row, name)))
        }
      }),
    )
  })

  it('takes no note of fields of no interest', () => {
    const scanner = new FieldScanner(
      new Map([
        ['a', 0],
        ['b', -1],
      ]),
    )
    const unknown: number[] = []
    const slots = new Int32Array(1)
    scanner.scan(serialize({ b: 1, a: 2 }), 0, slots, unknown)
    expect([slots[0], unknown]).toEqual([11, []])
  })
})
