import { describe, expect, it, vi } from 'vitest'
import { parseCsdl } from '../../../src/csdl/read-csdl.ts'
import { canMakeKey, makeKey, timeOrderedUuid } from '../../../src/service/keys.ts'

const model = parseCsdl(
  `<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
  <edmx:Reference Uri="https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Core.V1.xml"><edmx:Include Namespace="Org.OData.Core.V1" Alias="Core"/></edmx:Reference>
  <edmx:DataServices><Schema Namespace="n" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  ${[
    ['Text', 'Edm.String', true],
    ['Short', 'Edm.String" MaxLength="20', true],
    ['Guid', 'Edm.Guid', true],
    ['Long', 'Edm.Int64', true],
    ['Date', 'Edm.Date', true],
    ['Given', 'Edm.Guid', false],
  ]
    .map(
      ([name, type, computed]) =>
        `<EntityType Name="${name}"><Key><PropertyRef Name="k"/></Key><Property Name="k" Type="${type}" Nullable="false">${
          computed ? '<Annotation Term="Core.Computed" Bool="true"/>' : ''
        }</Property></EntityType>`,
    )
    .join('')}
  </Schema></edmx:DataServices></edmx:Edmx>`,
  { file: 'keys.xml' },
)

const typeOf = (name: string) => {
  const type = model.types.get(`n.${name}`)
  if (type?.kind !== 'entity') throw new Error(name)
  return type
}

describe('keys that the service makes', () => {
  it('are version 7 UUIDs', () => {
    for (let i = 0; i < 500; i++)
      expect(timeOrderedUuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('begin with the millisecond they were made in, so that they sort by it', () => {
    vi.useFakeTimers()
    const made: string[] = []
    for (const time of [0, 1, 255, 1_700_000_000_000, 1_700_000_000_001, 2 ** 44]) {
      vi.setSystemTime(time)
      const uuid = timeOrderedUuid()
      expect(Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)).toBe(time)
      made.push(uuid)
    }
    vi.useRealTimers()
    expect([...made].sort()).toEqual(made)
  })

  it('differ', () => {
    expect(new Set(Array.from({ length: 20_000 }, timeOrderedUuid)).size).toBe(20_000)
  })

  it('are made for computed properties only, in the type of the property', () => {
    expect(makeKey(typeOf('Text')).get('k')).toMatch(/^[0-9a-f-]{36}$/)
    expect(makeKey(typeOf('Guid')).get('k')).toMatch(/^[0-9a-f-]{36}$/)
    const numbers = Array.from({ length: 1_000 }, () => makeKey(typeOf('Long')).get('k') as bigint)
    expect(typeof numbers[0]).toBe('bigint')
    expect(numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0n))).toBe(true)
    expect(numbers.every((number) => number > 0n && number < 2n ** 53n)).toBe(true)
    expect(makeKey(typeOf('Given')).size).toBe(0)
  })

  it('cannot be made where the type has no room for one', () => {
    const can = (name: string): boolean => canMakeKey(typeOf(name).key[0]!.property)
    expect([can('Text'), can('Guid'), can('Long'), can('Short'), can('Date')]).toEqual([true, true, true, false, false])
    expect(makeKey(typeOf('Date')).size).toBe(0)
  })
})
