import { describe, expect, it } from 'vitest'
import {
  acceptableMediaTypes,
  alternateKeysOf,
  computedDefaultValue,
  description,
  isComputed,
  isImmutable,
  isInsertable,
  mediaType,
  mediaTypePath,
  optimisticConcurrency,
  optionalParameter,
  permissions,
} from '../../../src/csdl/core.ts'
import type { EntityType } from '../../../src/edm/model.ts'
import { modelOf } from '../../support/csdl.ts'

const references = '<edmx:Reference Uri="c"><edmx:Include Namespace="Org.OData.Core.V1" Alias="Core"/></edmx:Reference>'

const model = modelOf(
  `<EntityType Name="E"><Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.Int32" Nullable="false"><Annotation Term="Core.Computed"/><Annotation Term="Core.Description" String="the key"/></Property>
    <Property Name="a" Type="Edm.String"><Annotation Term="Core.Immutable" Bool="true"/><Annotation Term="Core.Computed" Bool="false"/></Property>
    <Property Name="b" Type="Edm.String"><Annotation Term="Core.ComputedDefaultValue"/><Annotation Term="Core.Permissions" EnumMember="Core.Permission/Read"/></Property>
    <Property Name="c" Type="Edm.Stream"><Annotation Term="Core.MediaType" Path="a"/>
      <Annotation Term="Core.AcceptableMediaTypes"><Collection><String>image/png</String></Collection></Annotation></Property>
    <Annotation Term="Core.AlternateKeys"><Collection>
      <Record><PropertyValue Property="Key"><Collection><Record><PropertyValue Property="Name" PropertyPath="a"/><PropertyValue Property="Alias" String="x"/></Record>
        <Record><PropertyValue Property="Name" PropertyPath="b"/></Record></Collection></PropertyValue></Record></Collection></Annotation>
    <Annotation Term="Core.MediaType" String="text/plain"/>
  </EntityType>
  <EntityType Name="F" BaseType="self.E"/>
  <Function Name="G"><Parameter Name="p" Type="Edm.Int32"/><Parameter Name="q" Type="Edm.Int32"><Annotation Term="Core.OptionalParameter">
    <Record><PropertyValue Property="DefaultValue" String="5"/></Record></Annotation></Parameter>
    <Parameter Name="r" Type="Edm.Int32"><Annotation Term="Core.OptionalParameter"/></Parameter><ReturnType Type="Edm.Int32"/></Function>
  <EntityContainer Name="C"><EntitySet Name="Fs" EntityType="self.F">
    <Annotation Term="Core.OptimisticConcurrency"><Collection><PropertyPath>a</PropertyPath><PropertyPath>b</PropertyPath></Collection></Annotation></EntitySet>
    <EntitySet Name="Es" EntityType="self.E"><Annotation Term="Core.OptimisticConcurrency"><Collection/></Annotation></EntitySet></EntityContainer>`,
  { references },
)
const type = model.types.get('t.E') as EntityType
const derived = model.types.get('t.F') as EntityType
const property = (name: string) => {
  const found = type.allProperties.get(name)
  if (!found) throw new Error(name)
  return found
}
const child = (name: string) => {
  const found = model.container?.children.get(name)
  if (!found) throw new Error(name)
  return found
}

describe('Core', () => {
  it('tells who makes a value', () => {
    expect(['id', 'a', 'b'].map((name) => isComputed(property(name)))).toEqual([true, false, false])
    expect(['id', 'a', 'b'].map((name) => isImmutable(property(name)))).toEqual([false, true, false])
    expect(['id', 'a', 'b'].map((name) => computedDefaultValue(property(name)))).toEqual([false, false, true])
    expect(['id', 'a', 'b', 'c'].map((name) => isInsertable(property(name)))).toEqual([false, true, false, true])
  })

  it('reads permissions, descriptions and media types', () => {
    expect(permissions(property('b'))).toEqual(['Read'])
    expect(permissions(property('a'))).toBeUndefined()
    expect(description(property('id'))).toBe('the key')
    expect(mediaType(type)).toBe('text/plain')
    expect([mediaType(property('c')), mediaTypePath(property('c'))]).toEqual([undefined, 'a'])
    expect(acceptableMediaTypes(property('c'))).toEqual(['image/png'])
  })

  it('tells an empty list of concurrency properties from none', () => {
    expect(optimisticConcurrency(child('Fs'))).toEqual(['a', 'b'])
    expect(optimisticConcurrency(child('Es'))).toEqual([])
    expect(optimisticConcurrency(type)).toBeUndefined()
  })

  it('finds alternate keys of base types', () => {
    expect(alternateKeysOf(child('Fs'), derived)).toEqual([
      [
        { path: 'a', alias: 'x' },
        { path: 'b', alias: 'b' },
      ],
    ])
  })

  it('knows optional parameters and their defaults', () => {
    const parameters = model.operations.get('t.G')?.[0]?.parameters ?? []
    expect(parameters.map(optionalParameter)).toEqual([undefined, { defaultValue: '5' }, { defaultValue: undefined }])
  })
})
