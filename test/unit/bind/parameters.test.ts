import { describe, expect, it } from 'vitest'
import { readEnum, readLiteral } from '../../../src/bind/parameters.ts'
import type { EnumType } from '../../../src/edm/model.ts'
import { bindUrl, filterRefusal, shop } from './shop.ts'

function values(filter: string): readonly unknown[] {
  return bindUrl(`Products?$filter=${encodeURIComponent(filter)}`).parameters
}

function enumType(name: string): EnumType {
  const type = shop.types.get(name)
  if (type?.kind !== 'enum') throw new Error(`no enumeration ${name}`)
  return type
}

describe('readParameters', () => {
  it('types the values as their slots', () => {
    expect(values('status eq 1')).toEqual([1])
    expect(values('big eq 1')).toEqual([1n])
    expect(values('status eq 3000000000')).toEqual([3000000000n])
    expect(values('weight eq 1')).toEqual([1])
    expect(values('weight eq INF')).toEqual([Number.POSITIVE_INFINITY])
    expect(values('single eq 1.1')).toEqual([Math.fround(1.1)])
    expect(values("name eq 'it''s'")).toEqual(["it's"])
    expect(values("color eq 'Red,Green'")).toEqual([3n])
    expect(values('price eq 1.10').map(String)).toEqual(['1.10'])
    expect(values("guid eq 'F98B7E83-6B0C-4B1A-B1A3-9F0E5F5A1111'")).toEqual(['f98b7e83-6b0c-4b1a-b1a3-9f0e5f5a1111'])
    expect(values('status in [1,null]')).toEqual([[1, null]])
    expect(values('hassubset(tags,["a","b"])')).toEqual([['a', 'b']])
  })

  it('gives one literal to all parameters that an alias makes of it', () => {
    const { parameters } = bindUrl(
      'Products?$filter=status%20eq%20@p%20or%20big%20eq%20@p%20or%20weight%20eq%20@p&@p=7',
    )
    expect(parameters).toEqual([7, 7n, 7])
  })

  it('puts the values of the path before those of the options', () => {
    expect(bindUrl("Products(3)/parts?$filter=serial%20eq%20'x'").parameters).toEqual([3, 'x'])
  })

  it.each([
    ["color eq 'Bleu'", "literalInvalid $filter: 'Bleu' is no valid my.shop.Color. Its members are Red, Green."],
    ["color eq 'Gren'", "literalInvalid $filter: 'Gren' is no valid my.shop.Color. Did you mean 'Green'?"],
    [
      "size eq 'Small,Large'",
      "literalInvalid $filter: 'Small,Large' is no valid my.shop.Size. Its members are Small, Large.",
    ],
    ["guid eq 'x'", "literalInvalid $filter: 'x' is no valid Edm.Guid."],
    ["span eq 'x'", "literalInvalid $filter: 'x' is no valid Edm.Duration."],
    ['day eq 2021-02-30', "literalInvalid $filter: '2021-02-30' is no valid Edm.Date."],
    ['status in ["x"]', 'literalInvalid $filter: \'["x"]\' is no valid Collection(Edm.Int32).'],
    ['flag in ["true"]', 'literalInvalid $filter: \'["true"]\' is no valid Collection(Edm.Boolean).'],
  ])('refuses %s', (filter, message) => {
    expect(filterRefusal(filter)).toBe(message)
  })

  it('says where the literal stands', () => {
    const slot = { type: { type: enumType('my.shop.Size'), collection: false, nullable: true, facets: {} } }
    expect(() => readLiteral(slot, { literal: 'string', text: 'x', offset: 7, length: 3 })).toThrow(
      expect.objectContaining({ code: 'literalInvalid', target: undefined, position: { offset: 7, length: 3 } }),
    )
  })
})

describe('readEnum', () => {
  it.each([
    ['Red', 1n],
    ['Red,Green', 3n],
    ['Green, Red', 3n],
    ['2', 2n],
    ['1,Green', 3n],
    ['red', undefined],
    ['', undefined],
    ['Red,', undefined],
    ['99999999999', undefined],
  ])('reads %s', (text, value) => {
    expect(readEnum(enumType('my.shop.Color'), text)).toBe(value)
  })
})
