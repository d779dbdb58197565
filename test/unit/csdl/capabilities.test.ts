import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  countRestrictions,
  deleteRestrictions,
  expandRestrictions,
  filterFunctions,
  filterRestrictions,
  insertRestrictions,
  keyAsSegmentSupported,
  navigationRestrictions,
  readRestrictions,
  searchRestrictions,
  selectSupport,
  skipSupported,
  sortRestrictions,
  topSupported,
  updateRestrictions,
} from '../../../src/csdl/capabilities.ts'
import { readModel } from '../../../src/csdl/read-model.ts'
import type { Annotatable } from '../../../src/edm/model.ts'
import { modelOf } from '../../support/csdl.ts'

const references =
  '<edmx:Reference Uri="c"><edmx:Include Namespace="Org.OData.Capabilities.V1" Alias="Capabilities"/></edmx:Reference>'

/** The entity set `Es` with the given annotations. */
function annotated(annotations: string): Annotatable {
  const model = modelOf(
    `<EntityType Name="E"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Int32" Nullable="false"/>
      <NavigationProperty Name="n" Type="Collection(self.E)" ContainsTarget="true"/></EntityType>
     <EntityContainer Name="C"><EntitySet Name="Es" EntityType="self.E">${annotations}</EntitySet></EntityContainer>`,
    { references },
  )
  const set = model.container?.children.get('Es')
  if (!set) throw new Error('no set')
  return set
}

const annotation = (term: string, members: string) =>
  `<Annotation Term="Capabilities.${term}"><Record>${members}</Record></Annotation>`
const flag = (name: string, value: boolean) => `<PropertyValue Property="${name}" Bool="${value}"/>`
const paths = (name: string, ...items: string[]) =>
  `<PropertyValue Property="${name}"><Collection>${items.map((item) => `<PropertyPath>${item}</PropertyPath>`).join('')}</Collection></PropertyValue>`

describe('Capabilities', () => {
  it('are those of the payload service', async () => {
    const model = await readModel(join(import.meta.dirname, '../../../metadata/microsoft.graph.xml'))
    const set = model.container?.children.get('onPremEncryptedPayloads')
    if (!set || !model.container) throw new Error('no set')
    const read = 'DeviceManagementConfiguration.Read.All'
    const write = 'DeviceManagementConfiguration.ReadWrite.All'
    const either = (...scopes: string[]) =>
      ['Delegated', 'Application'].map((scheme) => ({ scheme, scopes: scopes.map((scope) => ({ scope })) }))
    expect(readRestrictions(set)).toMatchObject({
      readable: true,
      permissions: either(read, write),
      readByKey: undefined,
    })
    expect(insertRestrictions(set)).toMatchObject({ insertable: true, permissions: either(write) })
    expect(updateRestrictions(set)).toMatchObject({ updatable: true, upsertable: false, permissions: either(write) })
    expect(deleteRestrictions(set)).toMatchObject({ deletable: true, permissions: either(write) })
    expect(keyAsSegmentSupported(model.container)).toBe(true)
  })

  it('are undefined or empty where nothing is said, and no default is made up', () => {
    const set = annotated('')
    expect(readRestrictions(set)).toEqual({
      readable: undefined,
      permissions: [],
      typecastSegmentSupported: undefined,
      readByKey: undefined,
    })
    expect(insertRestrictions(set)).toMatchObject({
      insertable: undefined,
      requiredProperties: [],
      maxLevels: undefined,
    })
    expect(topSupported(set)).toBeUndefined()
    expect(keyAsSegmentSupported(undefined)).toBeUndefined()
    expect(filterFunctions(set)).toBeUndefined()
  })

  it('are frozen and read once', () => {
    const set = annotated(annotation('InsertRestrictions', flag('Insertable', false)))
    expect(insertRestrictions(set)).toBe(insertRestrictions(set))
    expect(Object.isFrozen(insertRestrictions(set))).toBe(true)
  })

  it('tell reading by key from reading the collection', () => {
    const permission = `<PropertyValue Property="Permissions"><Collection><Record><PropertyValue Property="SchemeName" String="s"/>
      <PropertyValue Property="Scopes"><Collection><Record><PropertyValue Property="Scope" String="a"/><PropertyValue Property="RestrictedProperties" String="x,y"/></Record></Collection></PropertyValue></Record></Collection></PropertyValue>`
    const set = annotated(
      annotation(
        'ReadRestrictions',
        `${flag('Readable', false)}<PropertyValue Property="ReadByKeyRestrictions"><Record>${flag('Readable', true)}${permission}</Record></PropertyValue>`,
      ),
    )
    expect(readRestrictions(set)).toMatchObject({
      readable: false,
      permissions: [],
      readByKey: {
        readable: true,
        permissions: [{ scheme: 's', scopes: [{ scope: 'a', restrictedProperties: 'x,y' }] }],
      },
    })
  })

  it('tell tagging terms with, without and with a false value', () => {
    expect(topSupported(annotated('<Annotation Term="Capabilities.TopSupported"/>'))).toBe(true)
    expect(topSupported(annotated('<Annotation Term="Capabilities.TopSupported" Bool="false"/>'))).toBe(false)
    expect(skipSupported(annotated('<Annotation Term="Capabilities.SkipSupported" Bool="true"/>'))).toBe(true)
  })

  it('are read from all restrictions of queries', () => {
    const set = annotated(
      [
        annotation(
          'FilterRestrictions',
          `${flag('Filterable', true)}${flag('RequiresFilter', true)}${paths('RequiredProperties', 'id')}${paths('NonFilterableProperties', 'a', 'b')}
           <PropertyValue Property="MaxLevels" Int="2"/><PropertyValue Property="FilterExpressionRestrictions"><Collection><Record>
           <PropertyValue Property="Property" PropertyPath="id"/><PropertyValue Property="AllowedExpressions" String="SingleValue"/></Record></Collection></PropertyValue>`,
        ),
        annotation('SortRestrictions', `${flag('Sortable', false)}${paths('AscendingOnlyProperties', 'id')}`),
        annotation('CountRestrictions', flag('Countable', false)),
        annotation('ExpandRestrictions', `${flag('Expandable', true)}<PropertyValue Property="MaxLevels" Int="-1"/>`),
        annotation(
          'SearchRestrictions',
          `${flag('Searchable', true)}<PropertyValue Property="UnsupportedExpressions" EnumMember="Capabilities.SearchExpressions/OR Capabilities.SearchExpressions/NOT"/>`,
        ),
        annotation('SelectSupport', flag('Supported', true) + flag('Expandable', false)),
        '<Annotation Term="Capabilities.FilterFunctions"><Collection><String>contains</String></Collection></Annotation>',
      ]
        .join('')
        .replaceAll('>a<', '>id<')
        .replaceAll('>b<', '>id<'),
    )
    expect(filterRestrictions(set)).toEqual({
      filterable: true,
      requiresFilter: true,
      requiredProperties: ['id'],
      nonFilterableProperties: ['id', 'id'],
      expressionRestrictions: [{ property: 'id', allowed: ['SingleValue'] }],
      maxLevels: 2,
    })
    expect(sortRestrictions(set)).toMatchObject({ sortable: false, ascendingOnlyProperties: ['id'] })
    expect(countRestrictions(set).countable).toBe(false)
    expect(expandRestrictions(set)).toMatchObject({ expandable: true, maxLevels: undefined })
    expect(searchRestrictions(set)).toEqual({ searchable: true, unsupportedExpressions: ['OR', 'NOT'] })
    expect(selectSupport(set)).toMatchObject({ supported: true, expandable: false, sortable: undefined })
    expect(filterFunctions(set)).toEqual(['contains'])
  })

  it('are read along navigation properties', () => {
    const set = annotated(
      annotation(
        'NavigationRestrictions',
        `<PropertyValue Property="Navigability" EnumMember="Capabilities.NavigationType/Single"/>
         <PropertyValue Property="RestrictedProperties"><Collection><Record>
           <PropertyValue Property="NavigationProperty" NavigationPropertyPath="n"/>${flag('TopSupported', false)}
           <PropertyValue Property="InsertRestrictions"><Record>${flag('Insertable', false)}</Record></PropertyValue>
         </Record></Collection></PropertyValue>`,
      ),
    )
    expect(navigationRestrictions(set)).toMatchObject({
      navigability: 'Single',
      restrictedProperties: [
        { navigationProperty: 'n', topSupported: false, insert: { insertable: false }, read: { readable: undefined } },
      ],
    })
  })

  it('take what is malformed as not said', () => {
    const set = annotated(
      annotation(
        'ReadRestrictions',
        `<PropertyValue Property="Readable" String="maybe"/><PropertyValue Property="Permissions"><Collection><Record/><String>x</String></Collection></PropertyValue>`,
      ),
    )
    expect(readRestrictions(set)).toMatchObject({ readable: undefined, permissions: [] })
  })
})
