import { serialize } from 'bson'
import { describe, expect, it } from 'vitest'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import { encodePath, rowPath } from '../../../src/payload/row-path.ts'
import { modelOf } from '../../support/csdl.ts'

const model = modelOf(`
  <EntityType Name="Root"><Key><PropertyRef Name="a"/><PropertyRef Name="b"/></Key>
    <Property Name="a" Type="Edm.String" Nullable="false"/><Property Name="b" Type="Edm.DateTimeOffset" Nullable="false" Precision="3"/>
    <NavigationProperty Name="parts" Type="Collection(self.Part)" ContainsTarget="true"/>
    <NavigationProperty Name="one" Type="self.Part" ContainsTarget="true"/></EntityType>
  <EntityType Name="Part"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Int32" Nullable="false"/></EntityType>
  <EntityContainer Name="C"><EntitySet Name="roots" EntityType="self.Root"/><Singleton Name="me" Type="self.Root"/></EntityContainer>`)
const layout = layoutOf(model)
const root = model.types.get('t.Root')
const navigation = (name: string) => {
  const property = root?.kind === 'entity' ? root.allNavigationProperties.get(name) : undefined
  if (!property) throw new Error(name)
  return property
}
const collection = (name: string) => {
  const found = layout.collections.get(name)
  if (!found) throw new Error(name)
  return found
}

describe('rowPath', () => {
  it('of a set is the set and the key, unencoded', () => {
    const row = serialize({ _id: { a: "o'x/y", b: '2024-01-01T00:00:00.000000000000Z' } })
    expect(rowPath(collection('roots'), 'roots', layout)(row)).toBe("roots(a='o''x/y',b=2024-01-01T00:00:00Z)")
  })

  it('of a singleton is its name', () => {
    expect(rowPath(collection('me'), 'me', layout)(serialize({ _id: 'me' }))).toBe('me')
  })

  it('of a contained entity begins with its owner', () => {
    const parts = rowPath(layout.contained(navigation('parts')), '', layout)
    expect(parts(serialize({ _id: { p: 'me', k: 7 } }))).toBe('me/parts(7)')
    const one = rowPath(layout.contained(navigation('one')), '', layout)
    expect(one(serialize({ _id: { p: "roots('x')", k: '' } }))).toBe("roots('x')/one")
  })

  it('never throws on what others stored', () => {
    const parts = rowPath(layout.contained(navigation('parts')), '', layout)
    for (const id of [null, 5, 'x', {}, { p: 1, k: {} }]) expect(parts(serialize({ _id: id }))).toContain('/parts(')
  })
})

describe('encodePath', () => {
  it.each([
    ["users('u1')/folders('f')", "users('u1')/folders('f')"],
    ["users('o''x/y (1),=')/f", "users('o''x%2Fy%20(1)%2C%3D')/f"],
    ["roots(a='é',b=2024-01-01T00:00:00+01:00)", "roots(a='%C3%A9',b=2024-01-01T00%3A00%3A00%2B01%3A00)"],
    ["users('')/ns.Type/x(-5)", "users('')/ns.Type/x(-5)"],
  ])('%s', (path, url) => {
    expect(encodePath(path)).toBe(url)
  })
})
