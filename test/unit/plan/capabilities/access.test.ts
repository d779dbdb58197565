import { describe, expect, it } from 'vitest'
import { parseCsdl } from '../../../../src/csdl/read-csdl.ts'
import { judge, refusal } from './requests.ts'

const scopes = (request: string) =>
  judge(request).requires.map(({ path, anyOf }) => `${path}: ${anyOf.map(({ scope }) => scope).join(' ')}`)

describe('methods', () => {
  it.each([
    ['POST Locked', '405 GET, HEAD, PATCH Capabilities.InsertRestrictions'],
    ['DELETE Locked(1)', '405 GET, HEAD, PATCH Capabilities.DeleteRestrictions'],
    ['PUT Locked(1)', '405 GET, HEAD, PATCH Capabilities.UpdateRestrictions/UpdateMethod'],
    ['PATCH Locked(1)', 'allowed'],
    ['POST Picky', 'allowed'],
    [
      'GET Careful/restricted.SpecialItem',
      '400 restricted.SpecialItem Capabilities.ReadRestrictions/TypecastSegmentSupported',
    ],
    ['POST Careful?$select=ID', 'allowed'],
    ['POST Careful?$expand=Parts', '400 $expand Capabilities.InsertRestrictions/QueryOptions'],
    ['POST Free?$expand=Parts', 'allowed'],
  ])('%s: %s', (request, expected) => expect(refusal(request)).toBe(expected))

  it('creates nothing by PUT where entities are not insertable or upsertable', () => {
    expect(judge('PATCH Locked(1)').conditions.upsert).toBe(false)
    expect(judge('PATCH Careful(1)').conditions.upsert).toBe(false)
    expect(judge('PATCH Free(1)').conditions.upsert).toBeUndefined()
  })
})

describe('what a plan requires', () => {
  it('asks for the rows that expressions and expansions look into', () => {
    expect(scopes('GET Owners')).toEqual(['Owners: Owners.ReadBasic Owners.Read'])
    expect(scopes('GET Free')).toEqual([])
    expect(scopes("GET Free?$filter=Owner/Name eq 'a'")).toEqual(
      ['Owners: Owners.ReadBasic Owners.Read']
        .map((text) => text.replace('Owners:', 'Free/Owner:'))
        .concat('Free/Owner/Name: Owners.ReadBasic Owners.Read'),
    )
    expect(scopes('GET Free?$expand=Owner($select=Name)')).toEqual([
      'Free/Owner: Owners.ReadBasic Owners.Read',
      'Free/Owner/Name: Owners.ReadBasic Owners.Read',
    ])
    expect(scopes('GET Free?$expand=Owner')).toContain('Free/Owner/*: Owners.Read')
    expect(scopes('GET Owners(1)/Items')).toEqual(['Owners: Owners.ReadBasic Owners.Read'])
  })

  it('asks for a scope that gives access to every property looked at', () => {
    expect(scopes("GET Owners?$filter=Mail eq 'a'")).toContain('Owners/Mail: Owners.Read')
    expect(scopes('GET Owners?$orderby=Mail')).toContain('Owners/Mail: Owners.Read')
    expect(scopes('GET Owners?$select=Name,Mail')).toContain('Owners/Mail: Owners.Read')
    expect(scopes('GET Owners?$compute=Mail as m')).toContain('Owners/Mail: Owners.Read')
    expect(scopes('GET Owners(1)/Mail')).toContain('Owners/Mail: Owners.Read')
    expect(scopes('GET Owners?$search=x')).toContain('Owners/*: Owners.Read')
    expect(scopes("GET Free?$filter=Owner/Mail eq 'a'")).toContain('Free/Owner/Mail: Owners.Read')
    expect(scopes("GET Owners?$filter=Name eq 'a'")).toContain('Owners/Name: Owners.ReadBasic Owners.Read')
  })

  it('tells the properties of each scope', () => {
    const { grants } = judge('GET Owners').conditions
    expect(grants?.map(({ scope, properties }) => [scope, properties && [...properties.named]])).toEqual([
      ['Owners.ReadBasic', ['ID', 'Name']],
      ['Owners.Read', undefined],
    ])
    expect(judge('GET Free').conditions.grants).toBeUndefined()
  })

  it('lists demands of headers and query options', () => {
    expect(judge('GET Careful').conditions.demands).toEqual({ headers: ['x-purpose'], queryOptions: ['reason'] })
    expect(judge('POST Careful').conditions.demands).toBeUndefined()
  })

  it('asks for a precondition where the model wants optimistic concurrency', () => {
    expect(judge('PATCH Versioned(1)').conditions.preconditionRequired).toBe(true)
    expect(judge('DELETE Versioned(1)').conditions.preconditionRequired).toBe(true)
    expect(judge('POST Versioned').conditions.preconditionRequired).toBeUndefined()
    expect(judge('PATCH Free(1)').conditions.preconditionRequired).toBeUndefined()
  })

  it('lists the rules of bodies', () => {
    const rules = (request: string) => {
      const { body } = judge(request).conditions
      return {
        refused: body?.refused.map(({ path }) => path.join('/')),
        required: body?.required.map(({ path }) => path.join('/')),
      }
    }
    expect(rules('POST Careful')).toEqual({ refused: ['Price', 'Address/City'], required: ['Name'] })
    expect(rules('PATCH Careful(1)')).toEqual({ refused: ['Name'], required: ['Price'] })
    expect(judge('POST Free').conditions.body).toBeUndefined()
  })
})

describe('terms of containers, types and depth', () => {
  const model = parseCsdl(
    `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="n" Alias="s" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="A"><Key><PropertyRef Name="ID"/></Key>
    <Property Name="ID" Type="Edm.Int32" Nullable="false"/>
    <Property Name="Pin" Type="Edm.String"><Annotation Term="Org.OData.Core.V1.Permissions" EnumMember="Org.OData.Core.V1.Permission/Write"/></Property>
    <Annotation Term="Org.OData.Core.V1.AlternateKeys"><Collection><Record><PropertyValue Property="Key"><Collection><Record>
      <PropertyValue Property="Name" PropertyPath="Pin"/></Record></Collection></PropertyValue></Record></Collection></Annotation>
    <NavigationProperty Name="Parts" Type="Collection(s.A)" ContainsTarget="true"/>
    <NavigationProperty Name="Hidden" Type="Collection(s.A)" ContainsTarget="true">
      <Annotation Term="Org.OData.Core.V1.Permissions" EnumMember="Org.OData.Core.V1.Permission/None"/></NavigationProperty></EntityType>
  <EntityContainer Name="C">
    <Annotation Term="Org.OData.Capabilities.V1.ModificationQueryOptions"><Record>
      <PropertyValue Property="SelectSupported" Bool="true"/></Record></Annotation>
    <Annotation Term="Org.OData.Capabilities.V1.CustomHeaders"><Collection><Record>
      <PropertyValue Property="Name" String="X-Tenant"/><PropertyValue Property="Required" Bool="true"/></Record></Collection></Annotation>
    <EntitySet Name="As" EntityType="s.A">
      <Annotation Term="Org.OData.Capabilities.V1.NavigationRestrictions"><Record><PropertyValue Property="RestrictedProperties"><Collection>
        <Record><PropertyValue Property="NavigationProperty" NavigationPropertyPath="Parts"/>
          <PropertyValue Property="DeleteRestrictions"><Record><PropertyValue Property="MaxLevels" Int="0"/></Record></PropertyValue>
        </Record></Collection></PropertyValue></Record></Annotation></EntitySet>
    <EntitySet Name="ReadOnly" EntityType="s.A">
      <Annotation Term="Org.OData.Core.V1.Permissions" EnumMember="Org.OData.Core.V1.Permission/Read"/></EntitySet>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`,
    { file: 'access.xml' },
  )

  it.each([
    ['POST As?$select=ID', 'allowed'],
    ['POST As?$expand=Parts', '400 $expand Capabilities.ModificationQueryOptions'],
    ['PATCH As(1)?$compute=ID add 1 as n', '400 $compute Capabilities.ModificationQueryOptions'],
    ['DELETE As(1)/Parts(1)', '400 As/Parts Capabilities.DeleteRestrictions/MaxLevels'],
    ['PATCH As(1)/Parts(1)', 'allowed'],
    ['POST ReadOnly', '405 GET, HEAD Core.Permissions'],
    ['DELETE ReadOnly(1)', '405 GET, HEAD Core.Permissions'],
    ['GET ReadOnly(1)', 'allowed'],
    ['GET As(1)/Hidden', '404 As/Hidden Core.Permissions'],
    ["GET As(Pin='1234')", '404 As Core.Permissions'],
    ["DELETE As(Pin='1234')", '404 As Core.Permissions'],
    ['GET As?$expand=Hidden', '400 $expand Core.Permissions'],
    ['GET As?$filter=Hidden/any()', '400 $filter Core.Permissions'],
  ])('%s: %s', (request, expected) => expect(refusal(request, model)).toBe(expected))

  it('asks for required headers of the container everywhere', () => {
    for (const request of ['GET As', 'POST As', 'PATCH As(1)', 'DELETE As(1)'])
      expect(judge(request, model).conditions.demands?.headers).toEqual(['x-tenant'])
  })
})

describe('AutoExpand and AutoExpandReferences', () => {
  const model = parseCsdl(
    `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="n" Alias="s" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="A"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Int32" Nullable="false"/>
    <NavigationProperty Name="Whole" Type="Collection(s.A)" ContainsTarget="true">
      <Annotation Term="Org.OData.Core.V1.AutoExpand"/></NavigationProperty>
    <NavigationProperty Name="Linked" Type="Collection(s.A)" ContainsTarget="true">
      <Annotation Term="Org.OData.Core.V1.AutoExpandReferences"/></NavigationProperty>
    <NavigationProperty Name="Locked" Type="s.B"><Annotation Term="Org.OData.Core.V1.AutoExpand"/></NavigationProperty>
    <NavigationProperty Name="Plain" Type="Collection(s.A)" ContainsTarget="true"/></EntityType>
  <EntityType Name="B"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Int32" Nullable="false"/></EntityType>
  <EntityContainer Name="C">
    <EntitySet Name="As" EntityType="s.A"><NavigationPropertyBinding Path="Locked" Target="Bs"/></EntitySet>
    <EntitySet Name="Bs" EntityType="s.B"><Annotation Term="Org.OData.Capabilities.V1.ReadRestrictions"><Record>
      <PropertyValue Property="Permissions"><Collection><Record><PropertyValue Property="SchemeName" String="Delegated"/>
        <PropertyValue Property="Scopes"><Collection><Record><PropertyValue Property="Scope" String="B.Read"/></Record></Collection></PropertyValue>
      </Record></Collection></PropertyValue></Record></Annotation></EntitySet>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`,
    { file: 'auto-expand.xml' },
  )
  const expanded = (request: string, canExpand = true) =>
    judge(request, model, () => canExpand).expand.map(({ property, as }) => `${property.name} ${as}`)

  it('expands what the model says, but nothing that asks more of the caller than the rows', () => {
    expect(expanded('GET As')).toEqual(['Whole entities', 'Linked references'])
    expect(expanded('GET As(1)')).toEqual(['Whole entities', 'Linked references'])
    expect(judge('GET As', model, () => true).requires).toEqual([])
  })

  it('lets the client say otherwise, and leaves all else alone', () => {
    expect(expanded('GET As?$expand=Whole($select=ID)')).toEqual(['Whole entities', 'Linked references'])
    expect(expanded('GET As?$expand=Plain')).toEqual(['Plain entities', 'Whole entities', 'Linked references'])
    for (const request of ['GET As/$count', 'GET As(1)/ID', 'POST As', 'PATCH As(1)'])
      expect(expanded(request), request).toEqual([])
    expect(expanded('GET As', false), 'what cannot be found').toEqual([])
  })

  it('goes on inside what is expanded, each property once on its way', () => {
    interface Item {
      readonly property: { readonly name: string }
      readonly query: { readonly expand: readonly Item[] }
    }
    const tree = (items: readonly Item[]): string =>
      items.map(({ property, query }) => `${property.name}(${tree(query.expand)})`).join(' ')
    const all = (request: string) => tree(judge(request, model, () => true).expand)
    expect(all('GET As')).toBe('Whole(Linked()) Linked()')
    expect(all('GET As?$expand=Plain')).toBe('Plain(Whole(Linked()) Linked()) Whole(Linked()) Linked()')
    expect(all('GET As?$expand=Plain($levels=18)'), 'never past the limits of $expand').toBe('Plain() Whole() Linked()')
    expect(all('GET As?$expand=Plain($levels=max)')).toBe('Plain(Whole() Linked()) Whole(Linked()) Linked()')
  })
})
