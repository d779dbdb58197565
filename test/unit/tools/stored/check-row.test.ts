import { type Document, Int32, Long, serialize } from 'bson'
import { describe, expect, it } from 'vitest'
import { layoutOf } from '../../../../src/bson/layout-of-model.ts'
import { parseCsdl } from '../../../../src/csdl/read-csdl.ts'
import { checkRow } from '../../../../src/tools/stored/check-row.ts'

const model = parseCsdl(
  `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
  <Schema Namespace="n" xmlns="http://docs.oasis-open.org/odata/ns/edm">
    <EnumType Name="Colour"><Member Name="Red" Value="1"/><Member Name="Blue" Value="2"/></EnumType>
    <EnumType Name="Rights" IsFlags="true"><Member Name="Read" Value="1"/><Member Name="Write" Value="2"/></EnumType>
    <ComplexType Name="Place"><Property Name="city" Type="Edm.String" Nullable="false" MaxLength="5"/></ComplexType>
    <ComplexType Name="Bag" OpenType="true"/>
    <EntityType Name="Base" Abstract="true"><Key><PropertyRef Name="id"/></Key>
      <Property Name="id" Type="Edm.Int32" Nullable="false"/></EntityType>
    <EntityType Name="Thing" BaseType="n.Base">
      <Property Name="name" Type="Edm.String" MaxLength="3"/>
      <Property Name="must" Type="Edm.Boolean" Nullable="false"/>
      <Property Name="small" Type="Edm.Byte"/>
      <Property Name="day" Type="Edm.Date"/>
      <Property Name="when" Type="Edm.DateTimeOffset" Precision="0"/>
      <Property Name="price" Type="Edm.Decimal" Precision="4" Scale="1"/>
      <Property Name="colour" Type="n.Colour"/>
      <Property Name="rights" Type="n.Rights"/>
      <Property Name="place" Type="n.Place"/>
      <Property Name="places" Type="Collection(n.Place)" Nullable="false"/>
      <Property Name="tags" Type="Collection(Edm.String)" Nullable="false"/>
      <Property Name="bag" Type="n.Bag"/>
      <Property Name="any" Type="Edm.Untyped"/>
    </EntityType>
    <EntityType Name="Other" BaseType="n.Base"/>
    <EntityContainer Name="C"><EntitySet Name="things" EntityType="n.Base"/></EntityContainer>
  </Schema></edmx:DataServices></edmx:Edmx>`,
  { file: 'test.xml' },
)
const layout = layoutOf(model)
const good = { _id: 1, '@type': 'n.Thing', must: true }

function misfits(document: Document): string[] {
  const found: string[] = []
  checkRow(layout, layout.collections.get('things')!, serialize(document), (path, problem) =>
    found.push(`${path} ${problem}`),
  )
  return found
}

describe('checkRow', () => {
  it('finds nothing in what fits, leniently read values included', () => {
    expect(misfits(good)).toEqual([])
    expect(
      misfits({
        ...good,
        _id: Long.fromNumber(1),
        '@version': 1,
        name: 'abc',
        small: 5.0,
        day: '2001-02-03',
        when: new Date(0),
        price: 12.5,
        colour: Long.fromNumber(2),
        rights: 3,
        place: { city: 'x' },
        places: [{ city: 'y' }],
        tags: [],
        bag: { whatever: 1 },
        any: new Int32(5),
      }),
    ).toEqual([])
  })

  it.each<[string, Document, string]>([
    ['a key of the wrong type', { _id: 'x' }, 'id is string, which Edm.Int32 cannot hold'],
    ['a value of the wrong type', { name: 5 }, 'name is int32, which Edm.String cannot hold'],
    ['a number that the type cannot hold', { small: 256 }, 'small is int32, which Edm.Byte cannot hold'],
    ['a text that is no date', { day: 'soon' }, 'day is string, which Edm.Date cannot hold'],
    ['a null', { must: null }, 'must is null and must not be'],
    ['a text that is too long', { name: 'abcd' }, 'name does not fit its facets: at most 3 characters are allowed'],
    ['a member that is none', { colour: 3 }, 'colour holds a value that n.Colour has no member for'],
    ['flags that are none', { rights: 4 }, 'rights holds a value that n.Rights has no member for'],
    ['a complex value that is none', { place: 'x' }, 'place is string, which n.Place cannot hold'],
    [
      'a value within a complex one',
      { place: { city: 'abcdef' } },
      'place/city does not fit its facets: at most 5 characters are allowed',
    ],
    ['a property missing from a complex value', { place: {} }, 'place/city is missing and must not be null'],
    ['a collection that is none', { tags: 'x' }, 'tags is string, which array cannot hold'],
    ['an item of a wrong type', { tags: ['x', 1] }, 'tags is int32, which Edm.String cannot hold'],
    ['an item that is null', { tags: [null] }, 'tags is null and must not be'],
    ['an item within a collection', { places: [{ city: 1 }] }, 'places/city is int32, which Edm.String cannot hold'],
    ['a field of no property', { more: 1 }, 'more is a field of no property of n.Thing'],
    [
      'a field within a complex value',
      { place: { city: 'x', zip: 1 } },
      'place/zip is a field of no property of n.Place',
    ],
  ])('finds %s', (_, change, expected) => {
    expect(misfits({ ...good, ...change })).toEqual([expected])
  })

  it('finds a type that is missing or unknown', () => {
    expect(misfits({ _id: 1, must: true })).toContain('@type is missing: n.Base is abstract')
    expect(misfits({ ...good, '@type': 'n.Nothing' })).toContain(
      "@type names 'n.Nothing', which is no type derived from n.Base",
    )
  })

  it('finds what is missing', () => {
    expect(misfits({ _id: 1, '@type': 'n.Thing' })).toEqual(['must is missing and must not be null'])
  })
})
