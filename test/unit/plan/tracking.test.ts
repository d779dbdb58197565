import { describe, expect, it } from 'vitest'
import { parseCsdl } from '../../../src/csdl/read-csdl.ts'
import { Planner } from '../../../src/service/planner.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseRequestUrl } from '../../../src/url/parse-url.ts'

const model = parseCsdl(
  `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="n" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="A"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Int32" Nullable="false"/>
    <Property Name="b" Type="Edm.Int32"/><Property Name="c" Type="Edm.Int32"/>
    <NavigationProperty Name="one" Type="n.A"><ReferentialConstraint Property="b" ReferencedProperty="id"/></NavigationProperty>
    <NavigationProperty Name="back" Type="Collection(n.A)" Partner="one"/>
    <NavigationProperty Name="many" Type="Collection(n.A)"/>
    <NavigationProperty Name="parts" Type="Collection(n.A)" ContainsTarget="true"/></EntityType>
  <EntityType Name="T"><Key><PropertyRef Name="at"/></Key><Property Name="at" Type="Edm.DateTimeOffset" Nullable="false"/></EntityType>
  <EntityContainer Name="C">
    <EntitySet Name="As" EntityType="n.A">
      <NavigationPropertyBinding Path="one" Target="As"/><NavigationPropertyBinding Path="many" Target="As"/>
      <NavigationPropertyBinding Path="back" Target="As"/></EntitySet>
    <EntitySet Name="Ts" EntityType="n.T"/>
    <EntitySet Name="Denied" EntityType="n.A"><Annotation Term="Org.OData.Capabilities.V1.ChangeTracking"><Record>
      <PropertyValue Property="Supported" Bool="false"/></Record></Annotation></EntitySet>
    <EntitySet Name="Few" EntityType="n.A">
      <NavigationPropertyBinding Path="one" Target="As"/><NavigationPropertyBinding Path="back" Target="As"/><Annotation Term="Org.OData.Capabilities.V1.ChangeTracking"><Record>
      <PropertyValue Property="FilterableProperties"><Collection><PropertyPath>b</PropertyPath></Collection></PropertyValue>
      <PropertyValue Property="ExpandableProperties"><Collection><NavigationPropertyPath>one</NavigationPropertyPath></Collection></PropertyValue>
    </Record></Annotation></EntitySet>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`,
  { file: 'tracking.xml' },
)
const planner = new Planner(model, { keyAsSegment: false })

function refusal(url: string): string | undefined {
  const { plan } = planner.plan('GET', parseRequestUrl(url, { version: '4.01', limits: defaultUrlLimits }))
  if (plan.kind !== 'read') throw new Error(`${url} is no read`)
  return plan.untracked
}

describe('what can be tracked', () => {
  it.each([
    'As',
    'As?$filter=b%20eq%201&$select=b&$count=true&$orderby=b',
    'As?$expand=one',
    'As?$expand=one($expand=parts($expand=parts))',
    'As(1)/back',
    'Few?$expand=one',
    'Few?$filter=b%20eq%201&$orderby=c',
    'As(1)/parts',
    'As(1)/parts(2)/parts',
  ])('%s', (url) => expect(refusal(url)).toBeUndefined())

  it.each([
    ['Denied', 'Denied is not tracked (Capabilities.ChangeTracking)'],
    ['Few?$filter=b%20eq%201%20and%20c%20gt%202', /on c .*FilterableProperties/],
    ['Few/$filter(c%20gt%202)', /on c .*FilterableProperties/],
    ['Few?$expand=back', /of back .*ExpandableProperties/],
    ['Few?$expand=one($expand=parts)', /of one\/parts .*ExpandableProperties/],
    ['Ts', /DateTimeOffset/],
    ['As?$top=1', /\$top/],
    ['As?$skip=1', /\$top and \$skip/],
    ['As?$filter=one/b%20eq%201', /navigation/],
    ['As(1)/many', /links/],
    ['As(1)/one/parts', /single-valued/],
  ])('%s is not', (url, reason) => expect(refusal(url)).toMatch(reason))
})
