import { describe, expect, it } from 'vitest'
import { primitiveType } from '../../../src/edm/primitives.ts'
import { instantiableTypes, isSubtypeOf, primitiveOf, typeName } from '../../../src/edm/types.ts'
import { complexType, enumType, ref } from '../bson/models.ts'

const base = complexType('T.Base', {}, { abstract: true })
const middle = complexType('T.Middle', {}, { base })
const leaf = complexType('T.Leaf', {}, { base: middle })

describe('types', () => {
  it('derive at any depth', () => {
    expect(isSubtypeOf(leaf, base)).toBe(true)
    expect(isSubtypeOf(base, base)).toBe(true)
    expect(isSubtypeOf(base, leaf)).toBe(false)
    expect(instantiableTypes(base)).toEqual([middle, leaf])
    expect(instantiableTypes(leaf)).toEqual([leaf])
  })

  it('have names as they are used', () => {
    expect(typeName(ref('Edm.String'))).toBe('Edm.String')
    expect(typeName(ref(leaf, true))).toBe('Collection(T.Leaf)')
  })

  it('are primitive through definitions only', () => {
    const string = primitiveType('Edm.String')
    const definition = { kind: 'typeDefinition', name: 'T.D', underlying: string, facets: {}, annotations: [] } as const
    expect(primitiveOf(definition)).toBe(string)
    expect(primitiveOf(string)).toBe(string)
    expect(primitiveOf(leaf)).toBeUndefined()
    expect(primitiveOf(enumType('T.E', 'Edm.Int32', {}))).toBeUndefined()
  })
})
