import { describe, expect, it } from 'vitest'
import { parseCsdl } from '../../../../src/csdl/read-csdl.ts'
import type { EntitySet, NavigationProperty } from '../../../../src/edm/model.ts'
import { keptAtMost, placeBehind, placeOfRoot } from '../../../../src/plan/capabilities/place.ts'

const model = parseCsdl(
  `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="n" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="A"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Int32" Nullable="false"/>
    <NavigationProperty Name="one" Type="n.A"/></EntityType>
  <EntityContainer Name="C"><EntitySet Name="As" EntityType="n.A"><NavigationPropertyBinding Path="one" Target="As"/></EntitySet></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`,
  { file: 'place.xml' },
)
const set = model.container?.children.get('As') as EntitySet
const one = set.type.allNavigationProperties.get('one') as NavigationProperty

describe('places', () => {
  it('are kept for the next request', () => {
    expect(placeOfRoot(model, set)).toBe(placeOfRoot(model, set))
    expect(placeBehind(placeOfRoot(model, set), [], one)).toBe(placeBehind(placeOfRoot(model, set), [], one))
  })

  it('are given up together once clients have asked for too many of them, and a request keeps its own', () => {
    const first = placeOfRoot(model, set)
    for (let i = 0; i <= keptAtMost; i++) placeBehind(first, [], { ...one, name: `one${i}` })
    const next = placeOfRoot(model, set)
    expect(next).not.toBe(first)
    expect(next.name).toBe('As')
    expect(placeBehind(first, [], one)).toBe(placeBehind(first, [], one))
  })
})
