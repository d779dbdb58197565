import { describe, expect, it } from 'vitest'
import { bindPath } from '../../../src/bind/bind-path.ts'
import { parseCsdl } from '../../../src/csdl/read-csdl.ts'
import { typeName } from '../../../src/edm/types.ts'
import { bindUrl, refusal } from './shop.ts'

/** `resource signature [values] kinds`, the target behind a navigation. */
function dump(url: string): string {
  const { path, values } = bindUrl(url)
  const kinds = path.segments.map((segment) =>
    'target' in segment && segment.target !== undefined ? `${segment.kind}>${segment.target.name}` : segment.kind,
  )
  return `${path.resource} ${path.signature} [${values.map(String).join(',')}] ${kinds.join(',')}`
}

describe('resources', () => {
  it.each([
    ['', 'serviceDocument  [] '],
    ['$metadata', 'metadata $metadata [] '],
    ['$batch', 'batch $batch [] '],
    ['$all', 'all $all [] '],
    ['$all/s.Book', 'all $all/my.shop.Book [] cast'],
    ['$entity', 'entityId $entity [] '],
    ['$entity/s.Book', 'entityId $entity/my.shop.Book [] cast'],
    ['$crossjoin(Products,Lines)', 'crossjoin $crossjoin(Products,Lines) [] crossjoin'],
    ['Products', 'entityCollection Products [] entitySet'],
    ['Products()', 'entityCollection Products [] entitySet'],
    ['Products(5)', 'entity Products(#0) [5] entitySet,key'],
    ['Products/5', 'entity Products(#0) [5] entitySet,key'],
    ['Products(ID=5)', 'entity Products(#0) [5] entitySet,key'],
    ['Products/$count', 'count Products/$count [] entitySet,$count'],
    ['Products(5)/name', 'primitive Products(#0)/name [5] entitySet,key,property'],
    ['Products/5/name/$value', 'rawValue Products(#0)/name/$value [5] entitySet,key,property,$value'],
    ['Products(5)/$value', 'mediaStream Products(#0)/$value [5] entitySet,key,$value'],
    ['Products/s.Book(5)/$value', 'mediaStream Products/my.shop.Book(#0)/$value [5] entitySet,cast,key,$value'],
    ['Products(5)/photo', 'stream Products(#0)/photo [5] entitySet,key,property'],
    ['Products(5)/photo/$value', 'mediaStream Products(#0)/photo/$value [5] entitySet,key,property,$value'],
    ['Products(5)/address', 'complex Products(#0)/address [5] entitySet,key,property'],
    ['Products(5)/address/city', 'primitive Products(#0)/address/city [5] entitySet,key,property,property'],
    [
      'Products(5)/address/s.FullAddress/street',
      'primitive Products(#0)/address/my.shop.FullAddress/street [5] entitySet,key,property,cast,property',
    ],
    ['Products(5)/addresses', 'complexCollection Products(#0)/addresses [5] entitySet,key,property'],
    [
      'Products(5)/addresses/s.FullAddress/$count',
      'count Products(#0)/addresses/my.shop.FullAddress/$count [5] entitySet,key,property,cast,$count',
    ],
    ['Products(5)/tags', 'primitiveCollection Products(#0)/tags [5] entitySet,key,property'],
    ['Products(5)/tags/$count', 'count Products(#0)/tags/$count [5] entitySet,key,property,$count'],
    ['Products(5)/category', 'entity Products(#0)/category [5] entitySet,key,navigation>Categories'],
    ['Products(5)/category/$ref', 'reference Products(#0)/category/$ref [5] entitySet,key,navigation>Categories,$ref'],
    [
      'Products(5)/related/$ref',
      'referenceCollection Products(#0)/related/$ref [5] entitySet,key,navigation>Products,$ref',
    ],
    ["Categories('x')/anything", 'untyped Categories(#0)/?anything [x] entitySet,key,dynamicProperty'],
    ['Best', 'singleton Best [] singleton'],
    ['Best/name', 'primitive Best/name [] singleton,property'],
    ['Best/s.Book/pages', 'primitive Best/my.shop.Book/pages [] singleton,cast,property'],
    ['Products/s.Product', 'entityCollection Products [] entitySet'],
    ['Products/$each', 'eachEntity Products/$each [] entitySet,$each'],
    [
      'Products/$filter(status%20eq%201)/$count',
      'count Products/$filter((status eq #0:Edm.Int32))/$count [1] entitySet,$filter,$count',
    ],
    [
      'Products/$filter(@f)/$each?@f=status%20eq%202',
      'eachEntity Products/$filter((status eq #0:Edm.Int32))/$each [2] entitySet,$filter,$each',
    ],
  ])('%s', (url, bound) => {
    expect(dump(url)).toBe(bound)
  })

  it('says the type of what the path names', () => {
    const typeOf = (url: string) => {
      const { type } = bindUrl(url).path
      return type === undefined ? undefined : typeName({ facets: {}, ...type })
    }
    expect(typeOf('Products')).toBe('Collection(my.shop.Product)')
    expect(typeOf('Products/s.Book/1')).toBe('my.shop.Book')
    expect(typeOf('Products(1)/tags')).toBe('Collection(Edm.String)')
    expect(typeOf('Products(1)/related')).toBe('Collection(my.shop.Product)')
    expect(typeOf('Products/$count')).toBeUndefined()
    expect(typeOf('$metadata')).toBeUndefined()
  })
})

describe('refusals', () => {
  it.each([
    ['Product', "resourceNotFound Product: The resource 'Product' does not exist. Did you mean 'Products'?"],
    ['Product(5)', "resourceNotFound Product: The resource 'Product' does not exist. Did you mean 'Products'?"],
    ['constructor', "resourceNotFound constructor: The resource 'constructor' does not exist."],
    ['$metadat', "resourceNotFound $metadat: The resource '$metadat' does not exist. Did you mean '$metadata'?"],
    ['$crossjoin(Products,Line)', "resourceNotFound Line: The resource 'Line' does not exist. Did you mean 'Lines'?"],
    ['$crossjoin(Products,Best)', "resourceNotFound Best: The resource 'Best' does not exist."],
    ['$metadata/x', "resourceNotFound x: 'x' does not exist behind $metadata."],
    [
      'Products(5)/nam',
      "propertyNotFound nam: The property 'nam' does not exist on type 'my.shop.Product'. Did you mean 'name'?",
    ],
    [
      'Products(5)/__proto__',
      "propertyNotFound __proto__: The property '__proto__' does not exist on type 'my.shop.Product'.",
    ],
    ['Products(5)/name/x', "resourceNotFound x: 'x' does not exist behind a primitive value."],
    ['Products(5)/name/$count', "resourceNotFound $count: '$count' does not exist behind a primitive value."],
    ['Products(5)/address/$value', "resourceNotFound $value: '$value' does not exist behind a complex value."],
    ['Products/$value', "resourceNotFound $value: '$value' does not exist behind a collection of entities."],
    ["Categories('x')/$value", "resourceNotFound $value: '$value' does not exist behind an entity."],
    ['Products/$count/$value', "resourceNotFound $value: '$value' does not exist behind $count."],
    ['Products(5)/name(1)', "resourceNotFound name: 'name' takes no key."],
    ['Products(5)/category(1)', "resourceNotFound category: 'category' takes no key."],
    ['Best(1)', "resourceNotFound Best: 'Best' takes no key."],
    ['Products/s.Category', "resourceNotFound s.Category: 'my.shop.Category' is not derived from 'my.shop.Product'."],
    ['Products(5)/tags/0', "resourceNotFound 0: 'tags' has no positions: it is not ordered (Core.Ordered)."],
    [
      "Categories('x')/a/s.Product",
      'notImplemented s.Product: Such a path behind a value without a type is not implemented by this service.',
    ],
    ['Products/$query', 'notImplemented $query: /$query is not implemented by this service.'],
    ['Products/$each/5', "resourceNotFound 5: '5' does not exist behind $each."],
    [
      'Products(5)/$filter(status%20eq%201)',
      "resourceNotFound $filter(status eq 1): '$filter(status eq 1)' does not exist behind an entity.",
    ],
    ['Products/$filter(status)', 'typeMismatch $filter(status): $filter needs Edm.Boolean, but this is Edm.Int32.'],
  ])('%s', (url, message) => {
    expect(refusal(url)).toBe(message)
  })

  it('takes no key as a segment where that is off', () => {
    expect(refusal('Products/5', false)).toMatch(/^urlSyntax /)
    expect(refusal('Categories/abc', false)).toBe(
      "resourceNotFound abc: 'abc' does not exist behind a collection of entities.",
    )
    expect(bindUrl('Products(5)', false).path.signature).toBe('Products(#0)')
  })

  it('refuses everything where the model has no container', () => {
    const model = parseCsdl(
      '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices><Schema Namespace="n" xmlns="http://docs.oasis-open.org/odata/ns/edm"/></edmx:DataServices></edmx:Edmx>',
      { file: 'empty.xml' },
    )
    expect(() => bindUrl('Products', true, model)).toThrow(/does not exist/)
    expect(bindPath(model, [], { aliases: new Map() }, { keyAsSegment: true }).path.resource).toBe('serviceDocument')
  })
})
