import { describe, expect, it } from 'vitest'
import type { Value } from '../../../src/edm/value.ts'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { parseProperty, readProperty } from '../../../src/payload/read-property.ts'
import { ref, sampleModel } from './fixture.ts'

const sample = sampleModel()
const read = (body: unknown, type: ReturnType<typeof ref> | undefined = ref('Edm.Int32')) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const node = parseProperty(new TextEncoder().encode(text))
  return readProperty(node, type, { model: sample.model, mode: 'replace', name: 'size' })
}
const value = (body: unknown, type?: ReturnType<typeof ref>): Value => read(body, type).value
const fault = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof ODataError) return error.code
    throw error
  }
  throw new Error('was taken')
}

describe('readProperty', () => {
  it('reads the member "value" or the object of a complex type', () => {
    expect(value({ '@odata.context': 'x', value: 5 })).toBe(5)
    expect(value({ value: null })).toBeNull()
    expect(value('null', ref(sample.address))).toBeNull()
    expect(value({ value: ['a'] }, ref('Edm.String', { collection: true }))).toEqual(['a'])
    expect(value({ city: 'Bonn' }, ref(sample.address))).toMatchObject({ members: new Map([['city', 'Bonn']]) })
  })

  it('refuses wrong values', () => {
    expect(fault(() => value({}))).toBe('propertyRequired')
    expect(fault(() => value({ value: 'x' }))).toBe('valueInvalid')
    expect(fault(() => value({ value: null }, ref('Edm.Int32', { nullable: false })))).toBe('propertyNull')
    expect(fault(() => value({ value: null }, ref('Edm.Int32', { collection: true })))).toBe('propertyNull')
    expect(fault(() => value('{"value":1,"value":2}'))).toBe('propertyDuplicate')
    expect(fault(() => value('[1]'))).toBe('bodyInvalid')
    expect(fault(() => value(''))).toBe('bodySyntax')
  })
})
