import { describe, expect, it } from 'vitest'
import { parseCsdl } from '../../../../src/csdl/read-csdl.ts'
import { refusal } from './requests.ts'

/** Where a term may stand: on the set, in DefaultCapabilities, on the navigation property, in NavigationRestrictions, on a path. */
const model = parseCsdl(
  `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="n" Alias="s" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="A"><Key><PropertyRef Name="ID"/></Key>
    <Property Name="ID" Type="Edm.Int32" Nullable="false"/><Property Name="X" Type="Edm.Int32"/><Property Name="Y" Type="Edm.Int32"/>
    <NavigationProperty Name="Bs" Type="Collection(s.B)"/>
    <NavigationProperty Name="Limited" Type="Collection(s.B)">
      <Annotation Term="Org.OData.Capabilities.V1.TopSupported" Bool="false"/></NavigationProperty></EntityType>
  <EntityType Name="B"><Key><PropertyRef Name="ID"/></Key>
    <Property Name="ID" Type="Edm.Int32" Nullable="false"/><Property Name="X" Type="Edm.Int32"/></EntityType>
  <EntityContainer Name="C">
    <Annotation Term="Org.OData.Capabilities.V1.DefaultCapabilities"><Record>
      <PropertyValue Property="SkipSupported" Bool="false"/>
      <PropertyValue Property="FilterRestrictions"><Record><PropertyValue Property="RequiresFilter" Bool="true"/>
        <PropertyValue Property="MaxLevels" Int="0"/></Record></PropertyValue></Record></Annotation>
    <EntitySet Name="Plain" EntityType="s.A"><NavigationPropertyBinding Path="Bs" Target="Bs"/>
      <NavigationPropertyBinding Path="Limited" Target="Bs"/></EntitySet>
    <EntitySet Name="Own" EntityType="s.A"><NavigationPropertyBinding Path="Bs" Target="Bs"/>
      <Annotation Term="Org.OData.Capabilities.V1.SkipSupported" Bool="true"/>
      <Annotation Term="Org.OData.Capabilities.V1.FilterRestrictions"><Record>
        <PropertyValue Property="RequiresFilter" Bool="false"/></Record></Annotation>
      <Annotation Term="Org.OData.Capabilities.V1.NavigationRestrictions"><Record><PropertyValue Property="RestrictedProperties"><Collection>
        <Record><PropertyValue Property="NavigationProperty" NavigationPropertyPath="Bs"/>
          <PropertyValue Property="FilterRestrictions"><Record><PropertyValue Property="RequiresFilter" Bool="false"/></Record></PropertyValue>
        </Record></Collection></PropertyValue></Record></Annotation></EntitySet>
    <EntitySet Name="Bs" EntityType="s.B">
      <Annotation Term="Org.OData.Capabilities.V1.FilterRestrictions"><Record>
        <PropertyValue Property="NonFilterableProperties"><Collection><PropertyPath>X</PropertyPath></Collection></PropertyValue></Record></Annotation>
    </EntitySet>
    <Singleton Name="One" Type="s.A"/>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`,
  { file: 'capability.xml' },
)

describe('where a capability is said', () => {
  it.each([
    ['GET Plain?$filter=X eq 1&$skip=1', '400 $skip Capabilities.SkipSupported', 'DefaultCapabilities'],
    ['GET Plain', '400 $filter Capabilities.FilterRestrictions/RequiresFilter', 'DefaultCapabilities'],
    ['GET Plain?$filter=Bs/any(b: b/ID eq 1)', '400 $filter Capabilities.FilterRestrictions/MaxLevels', 'by default'],
    ['GET Own?$skip=1', 'allowed', 'the set overrides the default'],
    [
      'GET Own?$filter=Bs/any(b: b/ID eq 1)',
      '400 $filter Capabilities.FilterRestrictions/MaxLevels',
      'member by member',
    ],
    ['GET One', 'allowed', 'defaults are about collections'],
    ['GET Own(1)/Bs', 'allowed', 'the path overrides the default'],
    ['GET Plain(1)/Bs', '400 $filter Capabilities.FilterRestrictions/RequiresFilter', 'by default'],
    [
      'GET Own(1)/Bs?$filter=X eq 1',
      '400 $filter Capabilities.FilterRestrictions/NonFilterableProperties',
      'path and set',
    ],
    ['GET Plain(1)/Limited?$filter=ID eq 1&$top=1', '400 $top Capabilities.TopSupported', 'the navigation property'],
    ['GET Plain(1)/Bs?$filter=ID eq 1&$top=1', 'allowed', 'another navigation property to the same set'],
  ])('%s: %s (%s)', (request, expected) => expect(refusal(request, model)).toBe(expected))
})
