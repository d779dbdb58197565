import { describe, expect, it } from 'vitest'
import { canonicalFunctions } from '../../../src/bind/functions.ts'
import { canonicalFunctions as parsedFunctions } from '../../../src/url/names.ts'
import { bindUrl, filterOf, filterRefusal } from './shop.ts'

describe('canonical functions', () => {
  it('are those that the parser knows', () => {
    expect([...canonicalFunctions.keys()].sort()).toEqual([...parsedFunctions].sort())
  })

  it.each([
    ["contains(name,'x')", 'contains(name,#0:Edm.String)'],
    ["CONTAINS(name,'x')", 'contains(name,#0:Edm.String)'],
    ["contains('abc',name)", 'contains(#0:Edm.String,name)'],
    ['contains(name,null)', 'contains(name,null)'],
    ['contains(category/dyn,name)', 'contains(category/?dyn,name)'],
    ['contains(numbers,[1,2])', 'contains(numbers,#0:Collection(Edm.Int32))'],
    ["startswith(tolower(name),'x')", 'startswith(tolower(name),#0:Edm.String)'],
    ['endswith(trim(name),toupper(code))', 'endswith(trim(name),toupper(code))'],
    ["matchesPattern(name,'^a')", 'matchespattern(name,#0:Edm.String)'],
    ["matchesPattern(name,'^a','i')", 'matchespattern(name,#0:Edm.String,#1:Edm.String)'],
    ['length(tags) gt 3', '(length(tags) gt #0:Edm.Int32)'],
    ["indexof(name,'x') eq 0", '(indexof(name,#0:Edm.String) eq #1:Edm.Int32)'],
    ["substring(name,1,2) eq 'x'", '(substring(name,#0:Edm.Int64,#1:Edm.Int64) eq #2:Edm.String)'],
    [
      "substring(name,length(name) sub 3) eq 'x'",
      '(substring(name,(Edm.Int64(length(name)) sub #0:Edm.Int64)) eq #1:Edm.String)',
    ],
    ['substring(tags,1) eq tags', '(substring(tags,#0:Edm.Int64) eq tags)'],
    ["concat(name,'x') eq 'y'", '(concat(name,#0:Edm.String) eq #1:Edm.String)'],
    ['concat(numbers,[3]) eq numbers', '(concat(numbers,#0:Collection(Edm.Int32)) eq numbers)'],
    ['hassubset(tags,["a"])', 'hassubset(tags,#0:Collection(Edm.String))'],
    ['hassubsequence(["a"],tags)', 'hassubsequence(#0:Collection(Edm.String),tags)'],
    ['year(day) eq 2020', '(year(day) eq #0:Edm.Int32)'],
    ['year(created) eq 2020', '(year(created) eq #0:Edm.Int32)'],
    ['hour(at) eq 1', '(hour(at) eq #0:Edm.Int32)'],
    ['minute(2020-01-01T00:00:00Z) eq 1', '(minute(#0:Edm.DateTimeOffset) eq #1:Edm.Int32)'],
    ['date(created) eq day', '(date(created) eq day)'],
    ['time(created) eq at', '(time(created) eq at)'],
    ['fractionalseconds(created) lt 0.1', '(fractionalseconds(created) lt #0:Edm.Decimal)'],
    ["totalseconds('PT1H') gt 1", '(totalseconds(#0:Edm.Duration) gt #1:Edm.Decimal)'],
    ['totaloffsetminutes(created) eq 60', '(totaloffsetminutes(created) eq #0:Edm.Int32)'],
    ['mindatetime() lt maxdatetime()', '(mindatetime() lt maxdatetime())'],
    ['round(price) eq 1', '(round(price) eq #0:Edm.Decimal)'],
    ['round(status) eq 1', '(round(Edm.Decimal(status)) eq #0:Edm.Decimal)'],
    ['floor(weight) eq 1', '(floor(weight) eq #0:Edm.Double)'],
    ['ceiling(single) eq 1', '(ceiling(Edm.Double(single)) eq #0:Edm.Double)'],
    [
      "geo.distance(place,geography'SRID=4326;Point(1 2)') lt 5",
      '(geo.distance(place,#0:Edm.GeographyPoint) lt #1:Edm.Double)',
    ],
    [
      "geo.intersects(place,geography'SRID=4326;Polygon((0 0,0 1,1 1,0 0))')",
      'geo.intersects(place,#0:Edm.GeographyPolygon)',
    ],
  ])('%s', (filter, bound) => {
    expect(filterOf(filter)).toBe(bound)
  })

  it.each([
    [
      'contains(status,name)',
      'typeMismatch $filter: contains(Edm.Int32, Edm.String) has no meaning; the function is contains(Edm.String, Edm.String) or contains(Collection, Collection).',
    ],
    [
      'contains(name)',
      'typeMismatch $filter: contains(Edm.String) has no meaning; the function is contains(Edm.String, Edm.String) or contains(Collection, Collection).',
    ],
    [
      'contains(name,5)',
      'typeMismatch $filter: contains(Edm.String, integer literal) has no meaning; the function is contains(Edm.String, Edm.String) or contains(Collection, Collection).',
    ],
    [
      'round(name) eq 1',
      'typeMismatch $filter: round(Edm.String) has no meaning; the function is round(Edm.Decimal) or round(Edm.Double).',
    ],
    ['now(1) eq created', 'typeMismatch $filter: now(integer literal) has no meaning; the function is now().'],
    [
      'hassubset([1],[1])',
      'notImplemented $filter: A JSON literal beside nothing that tells its type is not implemented by this service.',
    ],
  ])('refuses %s', (filter, message) => {
    expect(filterRefusal(filter)).toBe(message)
  })
})

describe('cast and isof', () => {
  it.each([
    ['isof(s.Book)', 'isof($it,my.shop.Book)'],
    ["isof('s.Book')", 'isof($it,my.shop.Book)'],
    ['isof($it,my.shop.Book)', 'isof($it,my.shop.Book)'],
    ['isof(category,s.Category)', 'isof(category,my.shop.Category)'],
    ['isof(category/dyn,Edm.Int32)', 'isof(category/?dyn,Edm.Int32)'],
    ['isof(s.Category)', 'isof($it,my.shop.Category)'],
    ['isof(name,s.Category)', 'isof(name,my.shop.Category)'],
    ["cast(status,Edm.String) eq '1'", '(cast:Edm.String(status) eq #0:Edm.String)'],
    ['cast(status,Edm.Byte) eq 1', '(Edm.Int32(cast:Edm.Byte(status)) eq #0:Edm.Int32)'],
    ["cast('5',Edm.Int32) eq status", '(cast:Edm.Int32(#0:Edm.String) eq status)'],
    ["cast(status,s.Size) eq 'Small'", '(cast:my.shop.Size(status) eq #0:my.shop.Size)'],
    ['cast(s.Book) eq null', '(my.shop.Book eq null)'],
    ['cast(address,s.FullAddress) eq null', '(address/my.shop.FullAddress eq null)'],
    ['cast(null,Edm.String) eq name', '(cast:Edm.String(null) eq name)'],
  ])('%s', (filter, bound) => {
    expect(filterOf(filter)).toBe(bound)
  })

  it.each([
    ['cast(s.Category) eq null', "typeMismatch $filter: 'my.shop.Category' is not derived from 'my.shop.Product'."],
    ['cast(tags,Edm.Int32) eq 1', 'typeMismatch $filter: Collection(Edm.String) cannot be Edm.Int32.'],
    [
      'cast(name,Edm.Strin) eq 1',
      "nameNotFound $filter: The type 'Edm.Strin' does not exist. Did you mean 'Edm.String'?",
    ],
  ])('refuses %s', (filter, message) => {
    expect(filterRefusal(filter)).toBe(message)
  })
})

describe('case', () => {
  it.each([
    [
      "case(status gt 1:'a',true:name) eq 'b'",
      '(case((status gt #0:Edm.Int32):#1:Edm.String,true:name) eq #2:Edm.String)',
    ],
    ['case(flag:1,true:2.5) gt 1', '(case(flag:#0:Edm.Decimal,true:#1:Edm.Decimal) gt #2:Edm.Decimal)'],
    ['case(flag:status,true:price) gt 1', '(case(flag:Edm.Decimal(status),true:price) gt #0:Edm.Decimal)'],
    ['case(flag:null,true:status) gt 1', '(case(flag:null,true:status) gt #0:Edm.Int32)'],
    ["case(flag:1,true:'x') eq name", '(case(flag:#0:Edm.Int32,true:#1:Edm.String) eq name)'],
    ['case(flag:category/dyn,true:1) eq 2', '(case(flag:category/?dyn,true:#0:Edm.Int32) eq #1:Edm.Int32)'],
    ['case(flag:false,true:true)', 'case(flag:false,true:true)'],
  ])('%s', (filter, bound) => {
    expect(filterOf(filter)).toBe(bound)
  })

  it('has no type where its values have none in common', () => {
    const { query } = bindUrl("Products?$compute=case(flag:1,true:'x')%20as%20c")
    expect(query.compute[0]?.expression.type).toBeUndefined()
  })

  it('needs conditions that are Boolean', () => {
    expect(filterRefusal('case(name:true)')).toBe(
      "typeMismatch $filter: The condition of 'case' needs Edm.Boolean, but this is Edm.String.",
    )
  })
})
