import { describe, expect, it } from 'vitest'
import { printBound, printQuery } from '../../../src/bind/print.ts'
import { bindUrl } from './shop.ts'

describe('printBound', () => {
  it('shows variables, steps, conversions and the types of parameters', () => {
    const { query } = bindUrl(
      `Products?$filter=${encodeURIComponent("tags/any(t:t eq code) and s.Book/pages add 1 gt byte and category/x in ('a',null)")}`,
    )
    expect(query.filter && printBound(query.filter)).toBe(
      '((tags/any(t:(t eq code)) and ((Edm.Int64(my.shop.Book/pages) add #0:Edm.Int64) gt Edm.Int64(byte))) and (category/?x in (#1:Edm.String,null)))',
    )
  })
})

describe('printQuery', () => {
  it('leaves out what is not there', () => {
    expect(printQuery(bindUrl('Products').query)).toBe('')
  })
})
