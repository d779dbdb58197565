import { describe, expect, it } from 'vitest'
import { dump, refusal } from './shop.ts'

const on = (options: string): string => `Products?${encodeURI(options)}`

describe('$select', () => {
  it.each([
    ['$select=name,price', 'select=name,price'],
    ['$select=*,name', 'select=*,name'],
    ['$select=name,name', 'select=name'],
    ['$select=address/city', 'select=address(city)'],
    ['$select=address/city,address/zip', 'select=address(city,zip)'],
    ['$select=address/city,address', 'select=address'],
    ['$select=address,address/city', 'select=address'],
    ['$select=address($select=city,zip),tags', 'select=address(city,zip),tags'],
    ['$select=address($select=*)', 'select=address(*)'],
    ['$select=category', 'select=category'],
    ['$select=s.Book/pages', 'select=pages'],
    ['$select=address/s.OtherAddress/box', 'select=address(box)'],
    ['$select=name,s.Discount,s.*', 'select=name'],
    ['$compute=1 as one&$select=one', 'compute=#0:Edm.Int32 as one&select=one'],
  ])('%s', (options, bound) => {
    expect(dump(on(options))).toBe(bound)
  })

  it('takes dynamic properties of open types', () => {
    expect(dump('Categories?$select=title,color')).toBe('select=title,color')
  })

  it.each([
    [
      '$select=nam',
      "nameNotFound $select: The property 'nam' does not exist on type 'my.shop.Product'. Did you mean 'name'?",
    ],
    [
      '$select=address/citi',
      "nameNotFound $select: The property 'citi' does not exist on type 'my.shop.Address'. Did you mean 'city'?",
    ],
    ['$select=name/x', "nameNotFound $select: 'name' is Edm.String, which has no properties to select."],
    ['$select=name($select=x)', "queryOptionInvalid $select: 'name' is Edm.String, which has no properties to select."],
    [
      '$select=category/title',
      "queryOptionInvalid $select: 'category' is a navigation property: what of it is wanted stands in $expand.",
    ],
    ['$select=s.Category/title', "typeMismatch $select: 'my.shop.Category' is not derived from 'my.shop.Product'."],
    ['$select=s.Nope', "nameNotFound $select: The type or operation 's.Nope' does not exist."],
    ['$select=t.*', "nameNotFound $select: The namespace 't' has no operations."],
    [
      '$select=address/s.FullAddress/street',
      "notImplemented $select: 'my.shop.FullAddress/street' in $select, where 'my.shop.OtherAddress' has that name too, is not implemented by this service.",
    ],
    [
      '$select=addresses($expand=country)',
      'queryOptionNotAllowed $select: $expand is no option of a property in $select: write $expand=property/navigation.',
    ],
    ['$select=s.Book', 'notImplemented $select: A type alone in $select is not implemented by this service.'],
  ])('refuses %s', (options, message) => {
    expect(refusal(on(options))).toBe(message)
  })
})
