import { describe, expect, it } from 'vitest'
import { dump, filterOf, filterRefusal } from './shop.ts'

describe('paths', () => {
  it.each([
    ["address/city eq 'x'", '(address/city eq #0:Edm.String)'],
    ["category/title eq 'x'", '(category/title eq #0:Edm.String)'],
    ["address/country/code eq 'x'", '(address/country/code eq #0:Edm.String)'],
    ['category/deep/er eq 1', '(category/?deep/?er eq #0:Edm.Int32)'],
    ['s.Book/pages gt 3', '(my.shop.Book/pages gt #0:Edm.Int32)'],
    ['$it/my.shop.Book/pages gt 3', '(my.shop.Book/pages gt #0:Edm.Int32)'],
    ['s.Product/status gt 3', '(status gt #0:Edm.Int32)'],
    ["address/s.FullAddress/street eq 'x'", '(address/my.shop.FullAddress/street eq #0:Edm.String)'],
    ["$this/name eq 'x'", '(name eq #0:Edm.String)'],
  ])('%s', (filter, bound) => {
    expect(filterOf(filter)).toBe(bound)
  })

  it.each([
    [
      "nam eq 'x'",
      "nameNotFound $filter: The property 'nam' does not exist on type 'my.shop.Product'. Did you mean 'name'?",
    ],
    [
      "address/citi eq 'x'",
      "nameNotFound $filter: The property 'citi' does not exist on type 'my.shop.Address'. Did you mean 'city'?",
    ],
    ['name/x eq 1', "nameNotFound $filter: 'x' cannot follow Edm.String, which has no properties."],
    [
      'parts/quantity eq 1',
      "typeMismatch $filter: 'quantity' cannot follow a collection (Collection(my.shop.Part)): use any, all or $count.",
    ],
    ['s.Boook/pages eq 1', "nameNotFound $filter: The type 's.Boook' does not exist."],
    [
      'my.shop.Bok/pages eq 1',
      "nameNotFound $filter: The type 'my.shop.Bok' does not exist. Did you mean 'my.shop.Book'?",
    ],
    ["s.Category/title eq 'x'", "typeMismatch $filter: 'my.shop.Category' is not derived from 'my.shop.Product'."],
    [
      's.Color/x eq 1',
      'notImplemented $filter: A cast to my.shop.Color in a path (write cast(value,my.shop.Color)) is not implemented by this service.',
    ],
    ['@Core.x/y eq 1', "typeMismatch $filter: Nothing can follow 'annotation' in an expression."],
    [
      '$root/Products(1) eq null',
      'notImplemented $filter: An entity as a value of $root is not implemented by this service.',
    ],
    [
      "parts(1)/serial eq 'x'",
      'notImplemented $filter: A key predicate in an expression is not implemented by this service.',
    ],
    ["tags/0 eq 'x'", "typeMismatch $filter: 'tags' has no positions: it is not ordered (Core.Ordered)."],
    ['foo(name)', "functionNotFound $filter: The function 'foo' does not exist."],
    [
      "containz(name,'x')",
      "functionNotFound $filter: The function 'containz' does not exist. Did you mean 'contains'?",
    ],
    ["name('x')", "functionNotFound $filter: 'name' is a property, not a function."],
    ['photo/$value eq null', "typeMismatch $filter: '$value' has no meaning in an expression."],
  ])('refuses %s', (filter, message) => {
    expect(filterRefusal(filter)).toBe(message)
  })

  it('has a name of the prototype of objects for no property', () => {
    for (const name of ['constructor', '__proto__', 'toString'])
      expect(filterRefusal(`${name} eq 1`)).toMatch(/^nameNotFound /)
  })
})

describe('any and all', () => {
  it.each([
    ['tags/any()', 'tags/any()'],
    ["tags/any(t:t eq 'x')", 'tags/any(t:(t eq #0:Edm.String))'],
    ["tags/any(name:name eq 'x')", 'tags/any(name:(name eq #0:Edm.String))'],
    ['parts/all(p:p/quantity gt 1)', 'parts/all(p:(p/quantity gt #0:Edm.Int32))'],
    ['parts/any(p:p/serial eq name)', 'parts/any(p:(p/serial eq name))'],
    [
      "address/country/code eq 'x' and addresses/any(a:a/zip eq 1)",
      '((address/country/code eq #0:Edm.String) and addresses/any(a:(a/zip eq #1:Edm.Int32)))',
    ],
    ["category/products/any(p:p/name eq 'x')", 'category/products/any(p:(p/name eq #0:Edm.String))'],
    [
      "addresses/s.FullAddress/any(a:a/street eq 'x')",
      'addresses/my.shop.FullAddress/any(a:(a/street eq #0:Edm.String))',
    ],
    ['related/any(r:r/s.Book/pages gt 1)', 'related/any(r:(r/my.shop.Book/pages gt #0:Edm.Int32))'],
    ['category/dyn/any(d:d eq 1)', 'category/?dyn/any(d:(d eq #0:Edm.Int32))'],
    ['tags/any(t:t eq $it/name)', 'tags/any(t:(t eq name))'],
  ])('%s', (filter, bound) => {
    expect(filterOf(filter)).toBe(bound)
  })

  it('evaluates names without a prefix where the path of the collection starts', () => {
    expect(filterOf('related/any(r:r/parts/any(p:p/quantity gt status))')).toBe(
      'related/any(r:r/parts/any(p:(p/quantity gt r/status)))',
    )
    // and, where there is no such name, further out
    expect(filterOf('parts/any(p:p/maker/products/any(q:q/name eq serial))')).toBe(
      'parts/any(p:p/maker/products/any(q:(q/name eq p/serial)))',
    )
  })

  it('gives variables names that no other variable in scope has', () => {
    expect(filterOf('related/any(x:x/parts/any(x:x/quantity gt 1))')).toBe(
      'related/any(x:x/parts/any(x#2:(x#2/quantity gt #0:Edm.Int32)))',
    )
  })

  it('filters before it asks', () => {
    expect(filterOf("parts/$filter(quantity gt 1)/any(p:p/serial eq 'x')")).toBe(
      'parts/any(p:((p/quantity gt #1:Edm.Int32) and (p/serial eq #0:Edm.String)))',
    )
    expect(filterOf("parts/$filter(quantity gt 1)/all(p:p/serial eq 'x')")).toBe(
      'parts/all(p:(not(((p/quantity gt #1:Edm.Int32) eq true)) or (p/serial eq #0:Edm.String)))',
    )
    expect(filterOf('parts/$filter(quantity gt 1)/any()')).toBe(
      'parts/any($item:($item/quantity gt #0:Edm.Int32))'.replaceAll('$item', '$item'),
    )
  })

  it.each([
    ['name/any(x:true)', "typeMismatch $filter: 'any' needs a collection, but this is Edm.String."],
    ['tags/any(t:length(t))', "typeMismatch $filter: 'any' needs Edm.Boolean, but this is Edm.Int32."],
    ['category/all(c:true)', "typeMismatch $filter: 'all' needs a collection, but this is my.shop.Category."],
    ['tags/any(t:true)/x', "typeMismatch $filter: Nothing can follow 'any' in an expression."],
    ['parts/any(p:p/nope eq 1)', "nameNotFound $filter: The property 'nope' does not exist on type 'my.shop.Part'."],
  ])('refuses %s', (filter, message) => {
    expect(filterRefusal(filter)).toBe(message)
  })
})

describe('$count', () => {
  it.each([
    ['parts/$count gt 2', '(parts/$count gt #0:Edm.Int64)'],
    ['tags/$count eq status', '(tags/$count eq Edm.Int64(status))'],
    [
      'parts/$count($filter=quantity gt 1) gt 2',
      '(parts/$count($item:($item/quantity gt #0:Edm.Int32)) gt #1:Edm.Int64)',
    ],
    ['tags/$count($filter=$this eq $it/name) gt 2', '(tags/$count($item:($item eq name)) gt #0:Edm.Int64)'],
    [
      'parts/$filter(quantity gt 1)/$filter(no gt 2)/$count gt 2',
      '(parts/$count($item:(($item/quantity gt #0:Edm.Int32) and (Edm.Int32($item/no) gt #1:Edm.Int32))) gt #2:Edm.Int64)',
    ],
    [
      'related/$count($filter=parts/$count($filter=quantity gt 1) gt 2) gt 3',
      '(related/$count($item:($item/parts/$count($item#2:($item#2/quantity gt #0:Edm.Int32)) gt #1:Edm.Int64)) gt #2:Edm.Int64)',
    ],
  ])('%s', (filter, bound) => {
    expect(filterOf(filter)).toBe(bound)
  })

  it.each([
    ['name/$count gt 1', "typeMismatch $filter: '$count' needs a collection, but this is Edm.String."],
    [
      'parts/$count($search=x) gt 1',
      'notImplemented $filter: $search inside $count is not implemented by this service.',
    ],
    [
      'parts/$filter(quantity gt 1) eq null',
      'notImplemented $filter: A filtered collection as a value is not implemented by this service.',
    ],
  ])('refuses %s', (filter, message) => {
    expect(filterRefusal(filter)).toBe(message)
  })
})

describe('aliases and computed properties in paths', () => {
  it('walks on behind an alias of a path', () => {
    expect(filterOf("@p/city eq 'x'", '&@p=$it/address')).toBe('(address/city eq #0:Edm.String)')
    expect(filterRefusal("@p/city eq 'x'", '&@p=5')).toMatch(/^notImplemented /)
  })

  it('walks on behind a computed path', () => {
    expect(dump('Products?$compute=category as c&$filter=c/title eq name'.replaceAll(' ', '%20'))).toBe(
      'compute=category as c&filter=(category/title eq name)',
    )
  })
})
