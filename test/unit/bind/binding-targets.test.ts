import { describe, expect, it } from 'vitest'
import { bindUrl } from './shop.ts'

describe('targets of navigation', () => {
  it.each([
    ['Products(5)/category', ['Categories']],
    ['Products(5)/category/products(3)/related', ['Categories', 'Products', 'Products']],
    ['Products(5)/related(6)/category', ['Products', 'Categories']],
    ['Products(5)/parts(1)', [undefined]],
    ['Products(5)/parts(1)/maker', [undefined, 'Categories']],
    ['Products(5)/address/country', ['Countries']],
    ['Products(5)/address/s.FullAddress/country', ['Countries']],
    ['Products/s.Book/5/author', ['Categories']],
    ['Products/5/s.Book/author', ['Categories']],
    ['Products(5)/related(6)/s.Book/author', ['Products', 'Categories']],
    ['Best/category', ['Categories']],
  ])('%s', (url, targets) => {
    const found = bindUrl(url).path.segments.flatMap((segment) => ('target' in segment ? [segment.target?.name] : []))
    expect(found).toEqual(targets)
  })
})
