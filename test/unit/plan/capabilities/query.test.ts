import { describe, expect, it } from 'vitest'
import { modelOf } from '../../../support/csdl.ts'
import { judge, refusal } from './requests.ts'

describe('options that a set does not support', () => {
  it.each([
    ['$top=1', '$top Capabilities.TopSupported'],
    ['$skip=1', '$skip Capabilities.SkipSupported'],
    ['$count=true', '$count=true Capabilities.CountRestrictions/Countable'],
    ['$filter=ID eq 1', '$filter Capabilities.FilterRestrictions/Filterable'],
    ['$orderby=ID', '$orderby Capabilities.SortRestrictions/Sortable'],
    ['$search=x', '$search Capabilities.SearchRestrictions/Searchable'],
    ['$select=ID', '$select Capabilities.SelectSupport/Supported'],
    ['$compute=ID add 1 as x', '$compute Capabilities.ComputeSupported'],
    ['$expand=Owner', '$expand Capabilities.ExpandRestrictions/Expandable'],
  ])('%s', (option, expected) => {
    expect(refusal(`GET Plain?${option}`)).toBe(`400 ${expected}`)
    expect(refusal(`GET Free?${option}`)).toBe('allowed')
  })

  it.each([
    ["Tags($filter=$this eq 'a')", '$filter', 'Filterable'],
    ['Tags($orderby=$this)', '$orderby', 'Sortable'],
    ['Tags($count=true)', '$count', 'Countable'],
    ['Tags($top=1)', '$top', 'TopSupported'],
    ['Tags($skip=1)', '$skip', 'SkipSupported'],
    ['Address($compute=City as x;$select=x)', '$compute', 'ComputeSupported'],
  ])('inside $select: %s', (select, option, member) => {
    expect(refusal(`GET Narrow?$select=${select}`)).toBe(`400 ${option} Capabilities.SelectSupport/${member}`)
    expect(refusal(`GET Free?$select=${select}`)).toBe('allowed')
    expect(refusal('GET Narrow?$select=Tags&$top=1&$count=true')).toBe('allowed')
  })

  it('refuses /$count and keys', () => {
    expect(refusal('GET Plain/$count')).toBe('400 $count Capabilities.CountRestrictions/Countable')
    expect(refusal('GET Plain(1)')).toBe('404 Plain Capabilities.IndexableByKey')
    expect(refusal('GET Plain')).toBe('allowed')
  })
})

describe('FilterRestrictions', () => {
  const picky = (filter: string): string => refusal(`GET Picky?$filter=${filter}`)

  it('requires a filter on collections, counts included, and none on single entities', () => {
    expect(refusal('GET Picky')).toBe('400 $filter Capabilities.FilterRestrictions/RequiresFilter')
    expect(refusal('GET Picky/$count')).toBe('400 $filter Capabilities.FilterRestrictions/RequiresFilter')
    expect(refusal('GET Picky(1)')).toBe('allowed')
    expect(refusal("GET Picky/$filter(Name eq 'a')")).toBe('allowed')
  })

  it('requires conditions on the required properties', () => {
    expect(picky('ID eq 1')).toBe('400 $filter Capabilities.FilterRestrictions/RequiredProperties')
    expect(picky("Owner/Name eq 'a'")).toBe('400 $filter Capabilities.FilterRestrictions/RequiredProperties')
    expect(picky("Name eq 'a' and ID eq 1")).toBe('allowed')
  })

  it.each([
    "Name eq 'a' and Price eq 1",
    "Name eq 'a' and Address/City eq 'x'",
    "Name eq 'a' and contains(Address/City,'x')",
    "Name eq 'a' and Price eq Price",
    "Name eq 'a' and Owner/Age eq 3",
  ])('refuses properties that are not filterable: %s', (filter) => {
    expect(picky(filter)).toBe('400 $filter Capabilities.FilterRestrictions/NonFilterableProperties')
  })

  it('finds them behind $compute, inside case(), in, casts and functions', () => {
    for (const query of [
      '$compute=Price add 1 as p&$filter=p eq 2',
      "$filter=Name eq 'a' and restricted.SpecialItem/Price eq 1",
      '$filter=Price in (1,2)',
      '$filter=isof(Price,Edm.Int32)',
      '$filter=case(true:Price) eq 1',
      "$filter=cast(Price,Edm.String) eq '1'",
      '$filter=not (Price eq 1)',
    ])
      expect(refusal(`GET Picky?${query}`), query).toMatch(/FilterRestrictions\/Non|FilterFunctions/)
  })

  it('holds for the set behind a navigation property, not for what was passed on the way to the resource', () => {
    expect(refusal('GET Free?$filter=Owner/Age gt 3')).toBe(
      '400 $filter Capabilities.FilterRestrictions/NonFilterableProperties',
    )
    expect(refusal('GET Free?$expand=Owner($expand=Items($filter=Owner/Age gt 3))')).toBe(
      '400 $expand Capabilities.FilterRestrictions/NonFilterableProperties',
    )
    expect(refusal("GET Owners(1)/Items?$filter=Name eq 'a'")).toBe('allowed')
  })

  it('limits levels', () => {
    expect(picky("Name eq 'a' and Owner/Name eq 'b'")).toBe('allowed')
    expect(picky("Name eq 'a' and Owner/Boss/Name eq 'b'")).toBe(
      '400 $filter Capabilities.FilterRestrictions/MaxLevels',
    )
  })

  it('allows listed functions and operators only', () => {
    expect(picky("contains(Name,'a') and Tags/any(t: t eq 'x')")).toBe('allowed')
    for (const filter of ["Name ne 'a'", "startswith(Name,'a')", "Name eq 'a' or ID eq 1", 'length(Name) eq 1'])
      expect(picky(filter), filter).toBe('400 $filter Capabilities.FilterFunctions')
  })

  it('reads annotations whose target is a path of the container', () => {
    expect(refusal("GET Staff(1)/Items?$filter=Open eq 'a'")).toBe(
      '400 $filter Capabilities.FilterRestrictions/NonFilterableProperties',
    )
    expect(refusal("GET Staff?$filter=Items/any(i: i/Open eq 'a')")).toBe(
      '400 $filter Capabilities.FilterRestrictions/NonFilterableProperties',
    )
    expect(refusal("GET Free?$filter=Open eq 'a'")).toBe('allowed')
  })
})

describe('FilterExpressionRestrictions', () => {
  const allowed = [
    'ID eq 1',
    '1 eq ID and Price gt 1 and Price le 5',
    '(Price ge 3)',
    "contains(Name,'a') or startswith(Name,'b')",
    "Open eq 'a' or Open in ('b','c')",
    'OwnerID lt 3 or (OwnerID gt 5 and OwnerID lt 7) or OwnerID eq 9',
    'OwnerID ne 3 and OwnerID ne null',
    "Address/City ge 'a' or endswith(Address/City,'z')",
    "Tags/any(t: t eq 'a') and ID eq 1",
  ]
  const refused = [
    'ID eq 1 and ID eq 2',
    'ID gt 1',
    'ID eq Price',
    'ID eq 1 or Price eq 2',
    'Price gt 1 and Price gt 2',
    'Price lt 1 or Price gt 5',
    "Name eq 'a'",
    "contains(Name,'a') and contains(Name,'b')",
    "not contains(Name,'a')",
    'contains(Name,Open)',
    "Open gt 'a'",
    'OwnerID add 1 eq 3',
    "tolower(Address/City) eq 'a'",
  ]
  it.each(allowed)('allows %s', (filter) => expect(refusal(`GET Forms?$filter=${filter}`)).toBe('allowed'))
  it.each(refused)('refuses %s', (filter) =>
    expect(refusal(`GET Forms?$filter=${filter}`)).toBe(
      '400 $filter Capabilities.FilterRestrictions/FilterExpressionRestrictions',
    ),
  )
})

describe('SortRestrictions', () => {
  const sort = (orderby: string): string => refusal(`GET Picky?$filter=Name eq 'a'&$orderby=${orderby}`)
  const term = '400 $orderby Capabilities.SortRestrictions'
  it.each([
    ['Name', 'allowed'],
    ['Name desc', `${term}/AscendingOnlyProperties`],
    ['length(Name)', `${term}/AscendingOnlyProperties`],
    ['Price desc', 'allowed'],
    ['Price', `${term}/DescendingOnlyProperties`],
    ['ID,Open', `${term}/NonSortableProperties`],
    ['toupper(Open)', `${term}/NonSortableProperties`],
    ['Owner/Age', `${term}/NonSortableProperties`],
    ['Owner/Name desc', 'allowed'],
  ])('%s: %s', (orderby, expected) => expect(sort(orderby)).toBe(expected))
})

describe('CountRestrictions', () => {
  it('knows properties that cannot be counted', () => {
    const query = (filter: string): string => refusal(`GET Picky?$filter=Name eq 'a'&${filter}`)
    expect(query('$orderby=Tags/$count')).toBe('400 $orderby Capabilities.CountRestrictions/NonCountableProperties')
    expect(query('$orderby=Parts/$count')).toBe(
      '400 $orderby Capabilities.CountRestrictions/NonCountableNavigationProperties',
    )
    expect(query('$expand=Parts($count=true)')).toBe(
      '400 $expand Capabilities.CountRestrictions/NonCountableNavigationProperties',
    )
    expect(query('$expand=Parts/$count')).toBe(
      '400 $expand Capabilities.CountRestrictions/NonCountableNavigationProperties',
    )
    expect(refusal('GET Picky(1)/Parts/$count')).toBe(
      '400 $count Capabilities.CountRestrictions/NonCountableNavigationProperties',
    )
    expect(refusal('GET Picky(1)/Tags/$count')).toBe('400 $count Capabilities.CountRestrictions/NonCountableProperties')
  })
})

describe('SearchRestrictions', () => {
  it.each([
    ['a b', 'allowed'],
    ['a OR b', 'refused'],
    ['NOT a', 'refused'],
    ['"a b"', 'refused'],
  ])('%s: %s', (search, expected) => {
    expect(refusal(`GET Picky?$filter=Name eq 'a'&$search=${search}`)).toBe(
      expected === 'allowed' ? expected : '400 $search Capabilities.SearchRestrictions/UnsupportedExpressions',
    )
  })
})

describe('ExpandRestrictions', () => {
  it('limits levels and properties', () => {
    expect(refusal('GET Nested?$expand=Owner($expand=Boss)')).toBe('allowed')
    expect(refusal('GET Nested?$expand=Owner($expand=Boss($expand=Boss))')).toBe(
      '400 $expand Capabilities.ExpandRestrictions/MaxLevels',
    )
    expect(refusal('GET Nested?$expand=Owner($expand=Boss($levels=2))')).toBe(
      '400 $expand Capabilities.ExpandRestrictions/MaxLevels',
    )
    expect(refusal('GET Nested?$expand=Owner($expand=Items)')).toBe(
      '400 $expand Capabilities.ExpandRestrictions/NonExpandableProperties',
    )
  })

  it('looks at every level of $levels', () => {
    expect(refusal('GET Staff?$expand=Boss($levels=2)')).toBe('allowed')
    expect(refusal('GET Staff?$expand=Boss($levels=3)')).toBe(
      '400 $expand Capabilities.ExpandRestrictions/NonExpandableProperties',
    )
    expect(refusal('GET Staff?$expand=Boss($levels=max)')).toBe(
      '400 $expand Capabilities.ExpandRestrictions/NonExpandableProperties',
    )
  })

  it('sets $levels=max to what is left', () => {
    const { expand } = judge('GET Nested?$expand=Owner($levels=max)')
    expect(expand[0]?.levels).toBe(2)
  })
})

describe('ExpandRestrictions of streams', () => {
  const model = (restrictions: string) =>
    modelOf(
      `<EntityType Name="S" HasStream="true"><Key><PropertyRef Name="Id"/></Key><Property Name="Id" Type="Edm.Int32" Nullable="false"/>
         <Property Name="A" Type="Edm.Stream"/><Property Name="B" Type="Edm.Stream"/></EntityType>
       <EntityContainer Name="C"><EntitySet Name="Ss" EntityType="self.S">
         <Annotation Term="Capabilities.ExpandRestrictions"><Record>${restrictions}</Record></Annotation></EntitySet></EntityContainer>`,
      {
        references:
          '<edmx:Reference Uri="c"><edmx:Include Namespace="Org.OData.Capabilities.V1" Alias="Capabilities"/></edmx:Reference>',
      },
    )
  const no = (name: string) => `<PropertyValue Property="${name}" Bool="false"/>`
  const listed =
    '<PropertyValue Property="NonExpandableStreamProperties"><Collection><PropertyPath>B</PropertyPath></Collection></PropertyValue>'

  it.each([
    ['', 'Ss?$expand=A,$value', 'allowed'],
    [no('StreamsExpandable'), 'Ss?$expand=A', 'StreamsExpandable'],
    [no('StreamsExpandable'), 'Ss?$expand=$value', 'StreamsExpandable'],
    [no('Expandable'), 'Ss(1)?$expand=A', 'Expandable'],
    [listed, 'Ss(1)?$expand=A,$value', 'allowed'],
    [listed, 'Ss(1)?$expand=A,B', 'NonExpandableStreamProperties'],
    [
      `${listed}<PropertyValue Property="ExpandByKeyRestrictions"><Record>${no('StreamsExpandable')}</Record></PropertyValue>`,
      'Ss?$expand=A',
      'allowed',
    ],
    [
      `<PropertyValue Property="ExpandByKeyRestrictions"><Record>${no('StreamsExpandable')}</Record></PropertyValue>`,
      'Ss(1)?$expand=A',
      'StreamsExpandable',
    ],
  ])('%s: %s: %s', (restrictions, url, expected) => {
    const found = refusal(`GET ${url}`, model(restrictions))
    expect(found.replace('400 $expand Capabilities.ExpandRestrictions/', '')).toBe(expected)
  })
})

describe('NavigationRestrictions and CollectionPropertyRestrictions', () => {
  it('holds for the path, not for the type elsewhere', () => {
    expect(refusal('GET Nested(1)/Parts?$top=1')).toBe('400 $top Capabilities.TopSupported')
    expect(refusal('GET Nested?$expand=Parts($top=1)')).toBe('400 $expand Capabilities.TopSupported')
    expect(refusal('GET Nested(1)/Parts?$filter=Weight eq 1')).toBe(
      '400 $filter Capabilities.FilterRestrictions/NonFilterableProperties',
    )
    expect(refusal('GET Nested?$filter=Parts/any(p: p/Weight eq 1)')).toBe(
      '400 $filter Capabilities.FilterRestrictions/NonFilterableProperties',
    )
    expect(refusal('GET Free(1)/Parts?$filter=Weight eq 1&$top=1')).toBe('allowed')
    expect(refusal('POST Nested(1)/Parts')).toBe('405 GET, HEAD, PATCH, PUT Capabilities.InsertRestrictions')
  })

  it('holds for collection-valued properties', () => {
    expect(refusal("GET Nested(1)/Tags?$filter=$it eq 'a'")).toBe(
      '400 $filter Capabilities.FilterRestrictions/Filterable',
    )
    expect(refusal('GET Nested(1)/Tags?$top=1')).toBe('400 $top Capabilities.TopSupported')
    expect(refusal("GET Free(1)/Tags?$filter=$it eq 'a'&$top=1")).toBe('allowed')
  })

  it('forbids what is not navigable, in paths and in $expand', () => {
    expect(refusal('GET Locked(1)/Owner')).toBe('404 Locked/Owner Capabilities.NavigationRestrictions')
    expect(refusal('GET Locked?$expand=Owner')).toBe('400 $expand Capabilities.NavigationRestrictions')
  })
})

describe('Core.Permissions of properties', () => {
  it.each([
    '$filter=Secret eq null',
    "$filter=startswith(Password,'a')",
    "$filter=Address/Code eq 'a'",
    '$orderby=Secret',
    '$orderby=length(Password)',
    '$select=Secret',
    '$select=Address/Code',
    '$compute=Secret as x&$select=x',
  ])('refuses %s', (query) => {
    expect(refusal(`GET Free?${query}`)).toBe(`400 ${query.split('=')[0]} Core.Permissions`)
    const nested = query.replaceAll('&', ';')
    expect(refusal(`GET Staff?$expand=Items(${nested})`)).toBe('400 $expand Core.Permissions')
  })

  it('finds them in what is calculated inside $select', () => {
    expect(refusal('GET Free?$select=Address($compute=Code as x;$select=x)')).toBe('400 $compute Core.Permissions')
    expect(refusal('GET Free?$select=Address($compute=City as x;$select=x)')).toBe('allowed')
    const nested = '$select=Address($compute=Code as x;$select=x)'
    expect(refusal(`GET Staff?$expand=Items(${nested})`)).toBe('400 $expand Core.Permissions')
  })

  it('finds them behind navigation', () => {
    expect(refusal('GET Owners?$filter=Items/any(i: i/Secret eq null)')).toBe('400 $filter Core.Permissions')
    expect(refusal('GET Owners?$orderby=Items/$count($filter=Secret eq null)'), 'in a count').toBe(
      '400 $orderby Core.Permissions',
    )
  })

  it('does not serve them by their path', () => {
    expect(refusal('GET Free(1)/Secret')).toMatch(/^405 Secret/)
    expect(refusal('GET Free(1)/Password/$value')).toMatch(/^405 Password/)
    expect(refusal('GET Free(1)/Address/Code')).toMatch(/^405 Code/)
    expect(refusal('GET Free(1)/Made')).toBe('allowed')
  })
})
