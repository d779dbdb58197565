import { expect, it } from 'vitest'
import { parseCsdl } from '../../../src/csdl/read-csdl.ts'
import type { Model } from '../../../src/edm/model.ts'
import { unenforcedIn } from '../../../src/service/unenforced.ts'

function modelWith(annotations: string): Model {
  return parseCsdl(
    `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="n" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="A"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Int32" Nullable="false"/>
    <Property Name="Open" Type="Edm.Boolean"/><Property Name="P" Type="Edm.String">${annotations}</Property></EntityType>
  <EntityContainer Name="C"><EntitySet Name="As" EntityType="n.A">
    <Annotation Term="Org.OData.Capabilities.V1.UpdateRestrictions"><Record>
      <PropertyValue Property="Updatable" ${annotations === '' ? 'Bool="true"' : 'Path="Open"'}/></Record></Annotation></EntitySet></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`,
    { file: 'unenforced.xml' },
  )
}

it('finds what has no effect: terms, patterns, values that depend on the data', () => {
  const model = modelWith(
    `<Annotation Term="Org.OData.JSON.V1.Schema" String='{"pattern":"(?=a)b"}'/><Annotation Term="Org.OData.Temporal.V1.ApplicationTimeSupport"/><Annotation Term="Org.OData.Validation.V1.Pattern" String="(?=a)b"/>
     <Annotation Term="Org.OData.Core.V1.Description" String="x"/><Annotation Term="com.example.Unknown" String="x"/>`,
  )
  expect(unenforcedIn(model)).toEqual({
    terms: { 'Org.OData.Temporal.V1.ApplicationTimeSupport': 1 },
    patterns: ['(?=a)b'],
    schemas: ['{"pattern":"(?=a)b"}'],
    dynamic: ['Org.OData.Capabilities.V1.UpdateRestrictions'],
  })
})

it('says nothing of a model whose annotations all count', () => {
  expect(unenforcedIn(modelWith(''))).toBeUndefined()
})
