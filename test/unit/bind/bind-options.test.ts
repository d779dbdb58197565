import { describe, expect, it } from 'vitest'
import { dump, refusal } from './shop.ts'

const on = (options: string): string => `Products?${encodeURI(options)}`

describe('$orderby', () => {
  it.each([
    ['$orderby=name desc,price', 'orderby=name desc,price'],
    ['$orderby=category/title,parts/$count desc,length(name)', 'orderby=category/title,parts/$count desc,length(name)'],
    ['$orderby=category/dyn,color,flag', 'orderby=category/?dyn,color,flag'],
  ])('%s', (options, bound) => {
    expect(dump(on(options))).toBe(bound)
  })

  it.each([
    ['$orderby=address', 'typeMismatch $orderby: $orderby cannot sort by my.shop.Address.'],
    ['$orderby=name,tags', 'typeMismatch $orderby: $orderby cannot sort by Collection(Edm.String).'],
    ['$orderby=category', 'typeMismatch $orderby: $orderby cannot sort by my.shop.Category.'],
    ['$orderby=photo', 'typeMismatch $orderby: $orderby cannot sort by Edm.Stream.'],
    ['$orderby=place', 'typeMismatch $orderby: $orderby cannot sort by Edm.GeographyPoint.'],
    [
      '$orderby=nam',
      "nameNotFound $orderby: The property 'nam' does not exist on type 'my.shop.Product'. Did you mean 'name'?",
    ],
  ])('refuses %s', (options, message) => {
    expect(refusal(on(options))).toBe(message)
  })
})

describe('$compute', () => {
  it('can be used in every option after it', () => {
    expect(
      dump(
        on('$compute=price mul 2 as double,double add 1 as more&$filter=more gt 5&$orderby=double&$select=name,more'),
      ),
    ).toBe(
      'compute=(price mul #0:Edm.Decimal) as double,((price mul #0:Edm.Decimal) add #1:Edm.Decimal) as more' +
        '&filter=(((price mul #0:Edm.Decimal) add #1:Edm.Decimal) gt #2:Edm.Decimal)' +
        '&orderby=(price mul #0:Edm.Decimal)&select=name,more',
    )
  })

  it.each([
    ['$compute=1 as name', "queryOptionInvalid $compute: 'name' is the name of a property already."],
    ['$compute=1 as a,2 as a', "queryOptionInvalid $compute: 'a' is the name of a property already."],
    [
      '$compute=b add 1 as a,1 as b',
      "nameNotFound $compute: The property 'b' does not exist on type 'my.shop.Product'.",
    ],
  ])('refuses %s', (options, message) => {
    expect(refusal(on(options))).toBe(message)
  })

  it('does not grow without end', () => {
    const items = ['1 as a0']
    for (let i = 1; i < 60; i++) items.push(`a${i - 1} add a${i - 1} as a${i}`)
    expect(refusal(on(`$compute=${items.join(',')}`))).toBe(
      'urlLimitExceeded $compute: The request has more than 20000 expression nodes.',
    )
  })
})

describe('$search, $top, $skip, $count', () => {
  it('are carried', () => {
    expect(dump(on('$search=blue OR "big box" NOT x&$top=5&$skip=3&$count=true'))).toBe(
      'search=(word #0 or (phrase #1 and not(word #2)))&top=5&skip=3&count',
    )
  })
})

describe('$expand', () => {
  it.each([
    ['$expand=category,parts', 'expand=category,parts'],
    [
      '$expand=parts($filter=quantity gt 1;$orderby=no desc;$top=3;$skip=1;$count=true;$select=no;$search=x)',
      'expand=parts(filter=($this/quantity gt #0:Edm.Int32)&search=word #1&orderby=$this/no desc&select=no&top=3&skip=1&count)',
    ],
    [
      '$expand=parts($compute=quantity mul 2 as d;$filter=d gt 2)',
      'expand=parts(compute=(Edm.Int64($this/quantity) mul #0:Edm.Int64) as d&filter=((Edm.Int64($this/quantity) mul #0:Edm.Int64) gt #1:Edm.Int64))',
    ],
    ['$expand=parts($filter=$it/status eq quantity)', 'expand=parts(filter=(status eq $this/quantity))'],
    [
      '$expand=related($expand=parts($filter=$it/status eq quantity))',
      'expand=related(expand=parts(filter=(status eq $this/quantity)))',
    ],
    ['$expand=*', 'expand=category,parts,related'],
    ['$expand=*/$ref', 'expand=category/references,parts/references,related/references'],
    ['$expand=*,parts($top=1)', 'expand=parts(top=1),category,related'],
    ['$expand=*($levels=2)', 'expand=category(levels=2),parts(levels=2),related(levels=2)'],
    [
      '$expand=related/$ref($top=2),parts/$count($filter=quantity gt 1)',
      'expand=related/references(top=2),parts/count(filter=($this/quantity gt #0:Edm.Int32))',
    ],
    [
      '$expand=related/s.Book($filter=pages gt 1)',
      'expand=related(filter=(isof($this,my.shop.Book) and ($this/pages gt #0:Edm.Int32)))',
    ],
    ['$expand=related/s.Book', 'expand=related(filter=isof($this,my.shop.Book))'],
    ['$expand=related($levels=max;$expand=category)', 'expand=related(levels=max;expand=category)'],
    ['$expand=address/country', 'expand=address/country'],
    ['$expand=s.Book/author', 'expand=my.shop.Book/author'],
  ])('%s', (options, bound) => {
    expect(dump(on(options))).toBe(bound)
  })

  it.each([
    ['$expand=name', "queryOptionInvalid $expand: 'name' is not a navigation property."],
    ['$expand=address', 'queryOptionInvalid $expand: $expand needs a navigation property at the end of its path.'],
    [
      '$expand=cat',
      "nameNotFound $expand: The property 'cat' does not exist on type 'my.shop.Product'. Did you mean 'at'?",
    ],
    ['$expand=category,category', "queryOptionInvalid $expand: $expand must not name 'category' twice."],
    [
      '$expand=category($top=1)',
      "queryOptionNotAllowed $expand: $top cannot be applied to 'category', which is a single entity.",
    ],
    [
      '$expand=category/products',
      "queryOptionInvalid $expand: 'products' cannot follow a navigation property in $expand: write category($expand=...).",
    ],
    ['$expand=category/$count', "typeMismatch $expand: '$count' needs a collection, and 'category' is none."],
    ['$expand=s.Category/x', "typeMismatch $expand: 'my.shop.Category' is not derived from 'my.shop.Product'."],
    ['$expand=related/s.Category', "typeMismatch $expand: 'my.shop.Category' is not derived from 'my.shop.Product'."],
    [
      '$expand=parts($filter=nope eq 1)',
      "nameNotFound $expand: The property 'nope' does not exist on type 'my.shop.Part'.",
    ],
    ['$expand=parts($filter=serial)', 'typeMismatch $expand: $filter needs Edm.Boolean, but this is Edm.String.'],
    [
      '$expand=parts($apply=identity)',
      'notImplemented $expand: $apply inside $expand is not implemented by this service.',
    ],
  ])('refuses %s', (options, message) => {
    expect(refusal(on(options))).toBe(message)
  })
})
