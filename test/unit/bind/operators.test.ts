import { describe, expect, it } from 'vitest'
import { filterOf, filterRefusal } from './shop.ts'

describe('logic', () => {
  it.each([
    ['flag', 'flag'],
    ['not flag', 'not(flag)'],
    ['not (status gt 1)', 'not((status gt #0:Edm.Int32))'],
    ['flag and true or null', '((flag and true) or null)'],
    ['category/dyn and flag', '(category/?dyn and flag)'],
  ])('%s', (filter, bound) => {
    expect(filterOf(filter)).toBe(bound)
  })

  it.each([
    ['length(name)', '$filter needs Edm.Boolean, but this is Edm.Int32.'],
    ['name and flag', "'and' needs Edm.Boolean, but this is Edm.String."],
    ['flag or 1', "'or' needs Edm.Boolean, but this is Edm.Int32."],
    ['not status', "'not' needs Edm.Boolean, but this is Edm.Int32."],
    ['tags', '$filter needs Edm.Boolean, but this is Collection(Edm.String).'],
    ['category', '$filter needs Edm.Boolean, but this is my.shop.Category.'],
  ])('refuses %s', (filter, message) => {
    expect(filterRefusal(filter)).toBe(`typeMismatch $filter: ${message}`)
  })
})

describe('comparison', () => {
  it.each([
    ['name eq null', '(name eq null)'],
    ['null ne name', '(null ne name)'],
    ['null eq null', '(null eq null)'],
    ['address eq null', '(address eq null)'],
    ['category eq null', '(category eq null)'],
    ['status gt small', '(status gt Edm.Int32(small))'],
    ['price gt status', '(price gt Edm.Decimal(status))'],
    ['weight gt price', '(weight gt Edm.Double(price))'],
    ['price gt single', '(Edm.Single(price) gt single)'],
    ['cost eq price', '(cost eq price)'],
    ['flag gt false', '(flag gt false)'],
    ['color gt 1', '(color gt #0:my.shop.Color)'],
    ['$it eq category/products/$count', undefined],
    ['address eq addresses', undefined],
    ['addresses eq addresses', '(addresses eq addresses)'],
    ['$it eq s.Book/category', undefined],
    ['category/dyn eq name', '(category/?dyn eq name)'],
    ['numbers eq tags', undefined],
  ])('%s', (filter, bound) => {
    if (bound === undefined) expect(filterRefusal(filter)).toMatch(/^typeMismatch \$filter: 'eq' cannot compare /)
    else expect(filterOf(filter)).toBe(bound)
  })

  it.each([
    'blob gt blob',
    "blob lt binary'AA'",
    'address gt address',
    'tags le tags',
    'category ge category',
    'place lt place',
  ])('knows no order for %s', (filter) => {
    expect(filterRefusal(filter)).toMatch(/^typeMismatch \$filter: '(?:gt|lt|le|ge)' cannot be applied to /)
  })

  it('names both types where they have none in common', () => {
    expect(filterRefusal('name eq status')).toBe("typeMismatch $filter: 'eq' cannot compare Edm.String with Edm.Int32.")
    expect(filterRefusal('color eq size')).toBe(
      "typeMismatch $filter: 'eq' cannot compare my.shop.Color with my.shop.Size.",
    )
  })
})

describe('has', () => {
  it.each([
    ["color has s.Color'Red'", '(color has #0:my.shop.Color)'],
    ["color has 'Red,Green'", '(color has #0:my.shop.Color)'],
    ['color has color', '(color has color)'],
    ["category/dyn has s.Color'Red'", '(category/?dyn has #0:my.shop.Color)'],
  ])('%s', (filter, bound) => {
    expect(filterOf(filter)).toBe(bound)
  })

  it.each(['status has 1', 'color has size', 'color has name', "color has s.Size'Small'", "category/dyn has 'Red'"])(
    'refuses %s',
    (filter) => {
      expect(filterRefusal(filter)).toMatch(/^typeMismatch /)
    },
  )
})

describe('in', () => {
  it.each([
    ['status in (1,2)', '(status in (#0:Edm.Int32,#1:Edm.Int32))'],
    ['status in (1,3000000000)', '(Edm.Int64(status) in (#0:Edm.Int64,#1:Edm.Int64))'],
    ['status in (1,2.5,null)', '(Edm.Decimal(status) in (#0:Edm.Decimal,#1:Edm.Decimal,null))'],
    ['status in (1,big)', '(Edm.Int64(status) in (#0:Edm.Int64,big))'],
    ["name in ('a',code)", '(name in (#0:Edm.String,code))'],
    ["color in ('Red',s.Color'Green',3)", '(color in (#0:my.shop.Color,#1:my.shop.Color,#2:my.shop.Color))'],
    ['flag in (true,null)', '(flag in (true,null))'],
    ['name in ()', '(name in ())'],
    ['name in tags', '(name in (tags))'],
    ['big in numbers', '(big in (numbers))'],
    ['status in [1,2]', '(status in (#0:Collection(Edm.Int32)))'],
    ["'a' in tags", '(#0:Edm.String in (tags))'],
    ['category/dyn in (1,2)', '(category/?dyn in (#0:Edm.Int32,#1:Edm.Int32))'],
  ])('%s', (filter, bound) => {
    expect(filterOf(filter)).toBe(bound)
  })

  it.each([
    "status in (1,'x')",
    'status in name',
    'status in tags',
    'name in (status)',
    "tags in ('a')",
    'status in 5',
  ])('refuses %s', (filter) => {
    expect(filterRefusal(filter)).toMatch(/^typeMismatch \$filter: '(?:in|eq)' /)
  })
})

describe('arithmetic', () => {
  it.each([
    ['status add 1 gt 5', '((Edm.Int64(status) add #0:Edm.Int64) gt #1:Edm.Int64)'],
    ['status add small gt 5', '((Edm.Int64(status) add Edm.Int64(small)) gt #0:Edm.Int64)'],
    ['status div 2 eq 1', '((Edm.Int64(status) div #0:Edm.Int64) eq #1:Edm.Int64)'],
    ['status divby 2 eq 1', '((Edm.Decimal(status) divby #0:Edm.Decimal) eq #1:Edm.Decimal)'],
    ['status mul 1.5 gt 1', '((Edm.Decimal(status) mul #0:Edm.Decimal) gt #1:Edm.Decimal)'],
    ['2 mul price gt 1', '((#0:Edm.Decimal mul price) gt #1:Edm.Decimal)'],
    ['weight sub status gt 1', '((weight sub Edm.Double(status)) gt #0:Edm.Double)'],
    ['single mod 2 eq 1', '((single mod #0:Edm.Single) eq #1:Edm.Single)'],
    ['1 add 2 eq 3', '((Edm.Int64(#0:Edm.Int32) add Edm.Int64(#1:Edm.Int32)) eq #2:Edm.Int64)'],
    ["created add duration'PT1H' gt now()", '((created add #0:Edm.Duration) gt now())'],
    ["created sub 'PT1H' gt now()", '((created sub #0:Edm.Duration) gt now())'],
    ['created sub created gt span', '((created sub created) gt span)'],
    ['day sub day gt span', '((day sub day) gt span)'],
    ['day add span eq day', '((day add span) eq day)'],
    ['span mul 2 gt span', '((span mul #0:Edm.Decimal) gt span)'],
    ['status mul span gt span', '((Edm.Decimal(status) mul span) gt span)'],
    ['span div weight gt span', '((span div weight) gt span)'],
    ['-status lt 5', '(negate(Edm.Int64(status)) lt #0:Edm.Int64)'],
    ['-span lt span', '(negate(span) lt span)'],
    ['-price lt 5', '(negate(price) lt #0:Edm.Decimal)'],
    ['status add null eq null', '((status add null) eq null)'],
    ['category/dyn add 1 eq 2', '((category/?dyn add #0:Edm.Int32) eq #1:Edm.Int32)'],
  ])('%s', (filter, bound) => {
    expect(filterOf(filter)).toBe(bound)
  })

  it.each([
    'name add 1 eq 2',
    'status add name eq 2',
    "status add 'x' eq 2",
    'created add created eq created',
    'created mul 2 eq created',
    'span mul span eq span',
    'status div span eq span',
    '-name eq 1',
    'tags add 1 eq 2',
    'flag mul flag eq 1',
  ])('refuses %s', (filter) => {
    expect(filterRefusal(filter)).toMatch(/^typeMismatch \$filter: '(?:add|mul|div|-)' cannot be applied to /)
  })
})
