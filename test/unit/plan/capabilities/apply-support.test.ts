import { describe, expect, it } from 'vitest'
import { bindTransformation } from '../../../../src/bind/apply/bind-query.ts'
import { bindPath } from '../../../../src/bind/bind-path.ts'
import type { Model } from '../../../../src/edm/model.ts'
import { ODataError } from '../../../../src/errors/odata-error.ts'
import { applyPlan } from '../../../../src/plan/apply.ts'
import { defaultUrlLimits } from '../../../../src/url/ast.ts'
import { parseRequestUrl } from '../../../../src/url/parse-url.ts'
import { modelOf } from '../../../support/csdl.ts'
import { restrictedModel } from './requests.ts'

const plan = (url: string, model: Model) => {
  const { segments, options } = parseRequestUrl(`/${url}`, { version: '4.01', limits: defaultUrlLimits })
  const { path, slots, values } = bindPath(model, segments, options, { keyAsSegment: true })
  return applyPlan(model, path, options, slots, () => bindTransformation(model, path, options, values.length))
}

/** The term of the refusal, `allowed`, or the whole message. */
const verdict = (url: string, model: Model): string => {
  try {
    plan(url, model)
    return 'allowed'
  } catch (error) {
    if (!(error instanceof ODataError)) throw error
    return /\(((?:Aggregation|Capabilities|Core)\.[\w/]+)\)\.$/.exec(error.message)?.[1] ?? error.message
  }
}
const scopes = (url: string, model: Model) =>
  plan(url, model).requires.map(({ path, anyOf }) => `${path}: ${anyOf.map(({ scope }) => scope).join(' or ')}`)

const vocabulary = `<edmx:Reference Uri="https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Aggregation.V1.xml">
  <edmx:Include Namespace="Org.OData.Aggregation.V1" Alias="Aggregation"/></edmx:Reference>`
const text = (name: string, ...values: string[]) =>
  `<PropertyValue Property="${name}"><Collection>${values.map((value) => `<String>${value}</String>`).join('')}</Collection></PropertyValue>`
const pathList = (name: string, ...values: string[]) =>
  `<PropertyValue Property="${name}"><Collection>${values.map((value) => `<PropertyPath>${value}</PropertyPath>`).join('')}</Collection></PropertyValue>`

/** A set with what ApplySupported says of it, and the container's defaults. */
const annotated = (own: string, defaults = ''): Model =>
  modelOf(
    `<EntityType Name="B"><Key><PropertyRef Name="Id"/></Key><Property Name="Id" Type="Edm.Int32" Nullable="false"/>
       <Property Name="Size" Type="Edm.Int32"/></EntityType>
     <EntityType Name="A"><Key><PropertyRef Name="Id"/></Key><Property Name="Id" Type="Edm.Int32" Nullable="false"/>
       <Property Name="Kind" Type="Edm.String"><Annotation Term="Aggregation.Groupable"/></Property>
       <Property Name="Price" Type="Edm.Int32"><Annotation Term="Aggregation.Aggregatable"/></Property>
       <NavigationProperty Name="Bs" Type="Collection(self.B)" ContainsTarget="true"/></EntityType>
     <EntityType Name="L"><Key><PropertyRef Name="Id"/></Key><Property Name="Id" Type="Edm.Int32" Nullable="false"/>
       <NavigationProperty Name="As" Type="Collection(self.A)"/></EntityType>
     <EntityContainer Name="C">
       <EntitySet Name="Limited" EntityType="self.L"><NavigationPropertyBinding Path="As" Target="As"/></EntitySet>
       <EntitySet Name="As" EntityType="self.A">${own === '' ? '' : `<Annotation Term="Aggregation.ApplySupported"><Record>${own}</Record></Annotation>`}</EntitySet>
       ${defaults === '' ? '' : `<Annotation Term="Aggregation.ApplySupportedDefaults"><Record>${defaults}</Record></Annotation>`}
     </EntityContainer>`,
    { references: vocabulary },
  )
const rollup = (value: string) =>
  `<PropertyValue Property="Rollup"><EnumMember>Aggregation.RollupType/${value}</EnumMember></PropertyValue>`
const apply = (sequence: string) => `As?$apply=${encodeURIComponent(sequence)}`

describe('ApplySupported', () => {
  it.each([
    ['join(As as A,filter(Price gt 1))', 'allowed'],
    ['join(As as A,groupby((Kind)))', 'Transformations'],
    ['addnested(As,filter(Price gt 1)/top(1) as N)', 'Transformations'],
    ['outerjoin(As as A)/groupby((Id))', 'allowed'],
  ])('of related collections: %s', (sequence, expected) => {
    const model = annotated(text('Transformations', 'filter'))
    const found = verdict(`Limited?$apply=${encodeURIComponent(sequence)}`, model)
    expect(found.replace('Aggregation.ApplySupported/', '')).toBe(expected)
  })

  it.each([
    ['', '', 'concat(identity,groupby((rollup(Kind,Price))))', 'allowed'],
    [text('Transformations', 'filter'), '', 'filter(Price gt 1)', 'allowed'],
    [text('Transformations', 'filter'), '', 'filter(Price gt 1)/top(1)', 'Transformations'],
    [text('Transformations', 'groupby'), '', 'groupby((Kind),topcount(1,Price))', 'Transformations'],
    [text('Transformations', 'groupby'), '', 'groupby((rollup(Kind,Price)))', 'allowed'],
    ['', text('Transformations', 'filter'), 'top(1)', 'Transformations'],
    [text('Transformations', 'top'), text('Transformations', 'filter'), 'top(1)', 'allowed'],
    [rollup('None'), '', 'groupby((rollup(Kind,Price)))', 'Rollup'],
    [rollup('SingleHierarchy'), '', 'groupby((rollup(Kind,Price)))', 'allowed'],
    [rollup('SingleHierarchy'), '', 'groupby((rollup(Kind,Price),rollup($all,Id)))', 'Rollup'],
    ['<PropertyValue Property="From" Bool="false"/>', '', 'aggregate(Price with sum from Kind with max as X)', 'From'],
    [pathList('GroupableProperties', 'Kind'), '', 'groupby((Kind),aggregate(Price with sum as S))', 'allowed'],
    [pathList('GroupableProperties', 'Kind'), '', 'groupby((Kind,Price))', 'GroupableProperties'],
    [pathList('GroupableProperties', 'Kind'), '', 'compute(Price as P)/groupby((P))', 'GroupableProperties'],
    [
      pathList('GroupableProperties', 'Kind'),
      '',
      'compute(Price as P,P add 1 as Q)/groupby((Kind,Q))',
      'GroupableProperties',
    ],
    [pathList('GroupableProperties', 'Kind'), '', 'compute(tolower(Kind) as K)/groupby((K))', 'allowed'],
    [pathList('GroupableProperties', 'Kind'), '', 'compute(1 as One)/groupby((One))', 'allowed'],
    ['<PropertyValue Property="PropertyRestrictions" Bool="true"/>', '', 'groupby((Kind))', 'allowed'],
    ['<PropertyValue Property="PropertyRestrictions" Bool="true"/>', '', 'groupby((Price))', 'PropertyRestrictions'],
    [
      '<PropertyValue Property="PropertyRestrictions" Bool="true"/>',
      '',
      'aggregate(Id add Price with sum as X)',
      'PropertyRestrictions',
    ],
  ])('%s %s: %s is %s', (own, defaults, sequence, expected) => {
    const term = expected === 'allowed' ? expected : `Aggregation.ApplySupported/${expected}`
    expect(verdict(apply(sequence), annotated(own, defaults))).toBe(term)
  })

  it('lists properties with their methods', () => {
    const own = `<PropertyValue Property="AggregatableProperties"><Collection><Record>
      <PropertyValue Property="Property" PropertyPath="Price"/>${text('SupportedAggregationMethods', 'sum')}
    </Record></Collection></PropertyValue>`
    const model = annotated(own)
    expect(verdict(apply('aggregate(Price with sum as S,$count as N)'), model)).toBe('allowed')
    expect(verdict(apply('compute(Price mul 2 as P)/aggregate(P with sum as S)'), model)).toBe('allowed')
    for (const sequence of [
      'aggregate(Price with max as M)',
      'aggregate(Id with sum as S)',
      'compute(Price as P)/aggregate(P with max as M)',
      'compute(Id as I)/groupby((Kind),aggregate(I add 1 with sum as S))',
    ])
      expect(verdict(apply(sequence), model)).toBe('Aggregation.ApplySupported/AggregatableProperties')
  })
})

describe('restrictions of $filter and $orderby', () => {
  const filtered = "filter(Name eq 'x')"
  it.each([
    ["concat(filter(Name eq 'a'),identity)", 'allowed'],
    ['concat(filter(Price eq 1),identity)', 'FilterRestrictions/NonFilterableProperties'],
    ['groupby((Name),filter(Price eq 1))', 'FilterRestrictions/NonFilterableProperties'],
    ["concat(filter(startswith(Name,'a')),identity)", 'FilterFunctions'],
    ['orderby(Name)', 'allowed'],
    ['orderby(Name desc)', 'SortRestrictions/AscendingOnlyProperties'],
    ['orderby(Open)', 'SortRestrictions/NonSortableProperties'],
    ['concat(orderby(Open)/top(1),identity)', 'SortRestrictions/NonSortableProperties'],
    // by another name
    ['compute(Price as P)/filter(P eq 1)', 'FilterRestrictions/NonFilterableProperties'],
    ['compute(Price as P)/compute(P as Q)/filter(Q eq 1)', 'FilterRestrictions/NonFilterableProperties'],
    ['compute(Price as P)/groupby((P))/filter(P eq 1)', 'FilterRestrictions/NonFilterableProperties'],
    ['concat(compute(ID as P),compute(Price as P))/filter(P eq 1)', 'FilterRestrictions/NonFilterableProperties'],
    ["compute(startswith(Name,'a') as S)/filter(S)", 'FilterFunctions'],
    ['compute(Open as O)/orderby(O)', 'SortRestrictions/NonSortableProperties'],
    ['compute(Open as O)/topcount(1,O)', 'SortRestrictions/NonSortableProperties'],
    ['compute(Price as P)/orderby(P desc)', 'allowed'],
    ['compute(Price as P)/orderby(P)', 'SortRestrictions/DescendingOnlyProperties'],
    ['compute(Price mul -1 as P)/orderby(P desc)', 'SortRestrictions/DescendingOnlyProperties'],
    ['topcount(1,Open)', 'SortRestrictions/NonSortableProperties'],
    ['groupby((Name),bottomcount(1,Open))', 'SortRestrictions/NonSortableProperties'],
    ['topsum(1,Price)', 'allowed'],
    ['bottomsum(1,Price)', 'SortRestrictions/DescendingOnlyProperties'],
    ['compute(Secret as S)/top(1)', 'Core.Permissions'],
    ['topcount(1,Secret)', 'Core.Permissions'],
  ])('hold transformations: %s', (sequence, expected) => {
    const found = verdict(encodeURI(`Picky?$apply=${filtered}/${sequence}`), restrictedModel)
    expect(found.replace('Capabilities.', '')).toBe(expected)
  })
})

describe('what the caller may read', () => {
  it.each([
    ['Free?$apply=groupby((Secret))', 'Core.Permissions'],
    ['Free?$apply=aggregate(length(Password) with sum as X)', 'Core.Permissions'],
    ['Free?$apply=aggregate(Password with max as X)', 'Core.Permissions'],
    ['Free?$apply=aggregate(Password with countdistinct as X)', 'Core.Permissions'],
    ['Free?$apply=groupby((Name),topcount(1,length(Password)))', 'Core.Permissions'],
    ['Free?$apply=compute(Password as X)', 'Core.Permissions'],
    ['Free?$apply=filter(true)/orderby(Password)', 'Core.Permissions'],
    ['Free?$apply=nest(filter(Address/Code eq null) as X)', 'Core.Permissions'],
    ['Free?$apply=groupby((Address))', 'Core.Permissions'],
    ['Free?$apply=aggregate(Address with countdistinct as X)', 'Core.Permissions'],
    ['Owners?$apply=join(Items as I,groupby((Password)))', 'Core.Permissions'],
    ['Free?$apply=groupby((Name))', 'allowed'],
  ])('%s: %s', (url, expected) => expect(verdict(encodeURI(url), restrictedModel)).toBe(expected))

  it('asks for the scopes of everything that is looked at or written', () => {
    const read = (url: string) => scopes(encodeURI(url), restrictedModel)
    expect(read('Free?$apply=groupby((Name))')).toEqual([])
    expect(read('Free?$apply=aggregate(Owner/Age with max as X)')).toContain('Free/Owner/Age: Owners.Read')
    expect(read('Free?$apply=groupby((Owner))')).toContain('Free/Owner/*: Owners.Read')
    expect(read('Owners?$apply=aggregate($count as N)')).not.toContain('Owners/*: Owners.Read')
    for (const sequence of [
      'identity',
      'concat(identity,aggregate($count as N))',
      'nest(top(1) as X)',
      'groupby((Name),top(1))',
    ])
      expect(read(`Owners?$apply=${sequence}`), sequence).toContain('Owners/*: Owners.Read')
  })
})
