import { bindPath } from '../../../src/bind/bind-path.ts'
import { bindQuery } from '../../../src/bind/bind-query.ts'
import { readParameters } from '../../../src/bind/parameters.ts'
import { printQuery } from '../../../src/bind/print.ts'
import type { Parameters } from '../../../src/bind/tree.ts'
import { parseCsdl } from '../../../src/csdl/read-csdl.ts'
import type { Model } from '../../../src/edm/model.ts'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseRequestUrl } from '../../../src/url/parse-url.ts'

/** A model with one of everything that binding can meet. */
export const shop: Model = parseCsdl(
  `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="my.shop" Alias="s" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="Color" IsFlags="true"><Member Name="Red" Value="1"/><Member Name="Green" Value="2"/></EnumType>
  <EnumType Name="Size"><Member Name="Small"/><Member Name="Large"/></EnumType>
  <TypeDefinition Name="Money" UnderlyingType="Edm.Decimal" Scale="2"/>
  <ComplexType Name="Address"><Property Name="city" Type="Edm.String"/><Property Name="zip" Type="Edm.Int32"/>
    <NavigationProperty Name="country" Type="s.Country"/></ComplexType>
  <ComplexType Name="FullAddress" BaseType="s.Address"><Property Name="street" Type="Edm.String"/></ComplexType>
  <ComplexType Name="OtherAddress" BaseType="s.Address"><Property Name="street" Type="Edm.String"/>
    <Property Name="box" Type="Edm.Int32"/></ComplexType>
  <EntityType Name="Product" HasStream="true"><Key><PropertyRef Name="ID"/></Key>
    <Property Name="ID" Type="Edm.Int32" Nullable="false"/>
    <Property Name="name" Type="Edm.String"/><Property Name="code" Type="Edm.String"/>
    <Property Name="guid" Type="Edm.Guid"/><Property Name="flag" Type="Edm.Boolean"/>
    <Property Name="byte" Type="Edm.Byte"/><Property Name="small" Type="Edm.Int16"/><Property Name="status" Type="Edm.Int32"/>
    <Property Name="big" Type="Edm.Int64"/><Property Name="price" Type="Edm.Decimal" Scale="2"/>
    <Property Name="cost" Type="s.Money"/>
    <Property Name="single" Type="Edm.Single"/><Property Name="weight" Type="Edm.Double"/>
    <Property Name="created" Type="Edm.DateTimeOffset"/><Property Name="day" Type="Edm.Date"/>
    <Property Name="at" Type="Edm.TimeOfDay"/><Property Name="span" Type="Edm.Duration"/>
    <Property Name="blob" Type="Edm.Binary"/><Property Name="photo" Type="Edm.Stream"/>
    <Property Name="color" Type="s.Color"/><Property Name="size" Type="s.Size"/>
    <Property Name="place" Type="Edm.GeographyPoint"/>
    <Property Name="tags" Type="Collection(Edm.String)"/><Property Name="numbers" Type="Collection(Edm.Int32)"/>
    <Property Name="address" Type="s.Address"/><Property Name="addresses" Type="Collection(s.Address)"/>
    <NavigationProperty Name="category" Type="s.Category"/>
    <NavigationProperty Name="parts" Type="Collection(s.Part)" ContainsTarget="true"/>
    <NavigationProperty Name="related" Type="Collection(s.Product)"/></EntityType>
  <EntityType Name="Book" BaseType="s.Product"><Property Name="pages" Type="Edm.Int32"/>
    <NavigationProperty Name="author" Type="s.Category"/></EntityType>
  <EntityType Name="Part"><Key><PropertyRef Name="no"/></Key><Property Name="no" Type="Edm.Int16" Nullable="false"/>
    <Property Name="quantity" Type="Edm.Int32"/><Property Name="serial" Type="Edm.String"/>
    <NavigationProperty Name="maker" Type="s.Category"/></EntityType>
  <EntityType Name="Category" OpenType="true"><Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.String" Nullable="false"/><Property Name="title" Type="Edm.String"/>
    <NavigationProperty Name="products" Type="Collection(s.Product)"/></EntityType>
  <EntityType Name="Country"><Key><PropertyRef Name="code"/></Key><Property Name="code" Type="Edm.String" Nullable="false"/></EntityType>
  <EntityType Name="Line"><Key><PropertyRef Name="order"/><PropertyRef Name="no"/></Key>
    <Property Name="order" Type="Edm.Guid" Nullable="false"/><Property Name="no" Type="Edm.Int64" Nullable="false"/></EntityType>
  <EntityType Name="Paint"><Key><PropertyRef Name="color"/></Key><Property Name="color" Type="s.Size" Nullable="false"/></EntityType>
  <Function Name="Cheapest" IsBound="true" IsComposable="true" EntitySetPath="all"><Parameter Name="all" Type="Collection(s.Product)"/>
    <ReturnType Type="s.Product"/></Function>
  <Function Name="Near" IsBound="true" IsComposable="true" EntitySetPath="it/related"><Parameter Name="it" Type="s.Product"/>
    <Parameter Name="count" Type="Edm.Int32"/><ReturnType Type="Collection(s.Product)"/></Function>
  <Action Name="Discount" IsBound="true"><Parameter Name="it" Type="s.Product"/><Parameter Name="rate" Type="Edm.Int32"/></Action>
  <Function Name="Top" IsComposable="true"><Parameter Name="n" Type="Edm.Int32"/><ReturnType Type="Collection(s.Product)"/></Function>
  <Function Name="Sum"><Parameter Name="of" Type="Collection(Edm.Int32)"/><ReturnType Type="Edm.Int32"/></Function>
  <Action Name="Reset"/>
  <EntityContainer Name="Shop">
    <EntitySet Name="Products" EntityType="s.Product"><NavigationPropertyBinding Path="category" Target="Categories"/>
      <NavigationPropertyBinding Path="related" Target="Products"/>
      <NavigationPropertyBinding Path="parts/maker" Target="Categories"/>
      <NavigationPropertyBinding Path="address/country" Target="s.Shop/Countries"/>
      <NavigationPropertyBinding Path="s.Book/author" Target="Categories"/>
      <Annotation Term="Org.OData.Core.V1.AlternateKeys"><Collection>
        <Record><PropertyValue Property="Key"><Collection><Record><PropertyValue Property="Name" PropertyPath="code"/>
          <PropertyValue Property="Alias" String="code"/></Record></Collection></PropertyValue></Record>
        <Record><PropertyValue Property="Key"><Collection>
          <Record><PropertyValue Property="Name" PropertyPath="address/city"/><PropertyValue Property="Alias" String="town"/></Record>
          <Record><PropertyValue Property="Name" PropertyPath="name"/><PropertyValue Property="Alias" String="name"/></Record>
        </Collection></PropertyValue></Record></Collection></Annotation></EntitySet>
    <EntitySet Name="Categories" EntityType="s.Category"/><EntitySet Name="Countries" EntityType="s.Country"/>
    <EntitySet Name="Lines" EntityType="s.Line"/><EntitySet Name="Paints" EntityType="s.Paint"/>
    <Singleton Name="Best" Type="s.Product"/>
    <FunctionImport Name="Top" Function="s.Top" EntitySet="Products"/><FunctionImport Name="Sum" Function="s.Sum"/>
    <ActionImport Name="Reset" Action="s.Reset"/>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`,
  { file: 'shop.xml' },
)

const urlOptions = { version: '4.01', limits: defaultUrlLimits } as const

/** Binds a whole URL of the shop. */
export function bindUrl(url: string, keyAsSegment = true, model = shop) {
  const { segments, options } = parseRequestUrl(url, urlOptions)
  const bound = bindPath(model, segments, options, { keyAsSegment })
  const { query, slots, literalSlots, roots } = bindQuery(model, bound.path, options, bound.slots.length)
  const parameters: Parameters = [...bound.values, ...readParameters(slots, literalSlots, options.literals)]
  return { ...bound, query, querySlots: slots, parameters, roots }
}

/** One line of what the options of a URL are bound to. */
export function dump(url: string): string {
  return printQuery(bindUrl(url).query)
}

/** What `$filter` on Products is bound to. */
export function filterOf(text: string, more = ''): string {
  return dump(`Products?$filter=${encodeURIComponent(text)}${more}`).replace(/^filter=/, '')
}

/** The refusal of a URL: `code target: message`. */
export function refusal(url: string, keyAsSegment = true): string {
  try {
    bindUrl(url, keyAsSegment)
  } catch (error) {
    if (!(error instanceof ODataError)) throw error
    return `${error.code} ${error.target}: ${error.message}`
  }
  throw new Error(`${url} was not refused`)
}

/** The refusal of a `$filter` on Products. */
export function filterRefusal(text: string, more = ''): string {
  return refusal(`Products?$filter=${encodeURIComponent(text)}${more}`)
}
