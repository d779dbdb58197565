import { describe, expect, it } from 'vitest'
import { printBound } from '../../../src/bind/print.ts'
import { bindUrl, filterOf, filterRefusal } from './shop.ts'

describe('functions in expressions', () => {
  it.each([
    ['$it/s.Near(count=1)/$count gt 1', '($it/my.shop.Near(count=#0:Edm.Int32)/$count gt #1:Edm.Int64)'],
    ['Near(count=status)/any()', '$it/my.shop.Near(count=status)/any()'],
    // what does not fit is null
    ['s.Near(count=big add 1)/any()', '$it/my.shop.Near(count=cast:Edm.Int32((big add #0:Edm.Int64)))/any()'],
    ["s.Near(count=1)/any(n:n/name eq 'x')", '$it/my.shop.Near(count=#0:Edm.Int32)/any(n:(n/name eq #1:Edm.String))'],
    ['s.Sum(of=numbers) gt 1', '(my.shop.Sum(of=numbers) gt #0:Edm.Int32)'],
    [
      'tags/any(t:s.Near(count=status)/$count eq 1)',
      'tags/any(t:($it/my.shop.Near(count=status)/$count eq #0:Edm.Int64))',
    ],
  ])('%s', (filter, bound) => {
    expect(filterOf(filter)).toBe(bound)
  })

  it('are parameters where they depend on no row', () => {
    const { query, roots } = bindUrl(`Products?$filter=${encodeURIComponent('status gt $root/Sum(of=[1,2])')}`)
    expect(query.filter && printBound(query.filter)).toBe('(status gt #1:Edm.Int32)')
    expect(roots.map(({ path, parameter }) => [path.segments.map(({ kind }) => kind), parameter])).toEqual([
      [['operation'], 1],
    ])
  })

  it.each([
    ['s.Discount(rate=1) eq 1', "typeMismatch $filter: 's.Discount' is an action: expressions call functions only."],
    ['$root/Reset() eq 1', "typeMismatch $filter: 'Reset' is an action: expressions call functions only."],
    ['s.Near(n=1)/any()', "functionNotFound $filter: The parameter 'n' does not exist on 's.Near'."],
    ["s.Near(count='x')/any()", "typeMismatch $filter: The parameter 'count' is Edm.Int32, not the string 'x'."],
    ['s.Near(count=name)/any()', "typeMismatch $filter: The parameter 'count' is Edm.Int32, not Edm.String."],
    ['s.Near(count=weight)/any()', "typeMismatch $filter: The parameter 'count' is Edm.Int32, not Edm.Double."],
    ['s.Sum(of=related) eq 1', "typeMismatch $filter: The parameter 'of' is Collection(Edm.Int32), not"],
    ['s.Sum(of=numbers)/x eq 1', 'typeMismatch $filter: Nothing can follow'],
    ['s.Sum(of=[1])/x eq 1', 'typeMismatch $filter: Nothing can follow'],
    ['category/s.Near(count=1)/any()', 'functionNotFound $filter: The function'],
    ['Top(n=1)', "'my.shop.Top' is a collection"],
    ['s.Near eq 1', 'functionNotFound $filter: Expressions call functions with parentheses'],
    ['related/any(r:r/s.Near(count=1)/any())', "Calling 'my.shop.Near' for each item of a collection"],
    ['related/any(r:s.Near(count=r/status)/any())', "Calling 'my.shop.Near' for each item of a collection"],
    ['s.Near(count=1)/any(n:n/s.Near(count=1)/any())', "Calling 'my.shop.Near' for each item of a collection"],
  ])('refuses %s', (filter, message) => {
    expect(filterRefusal(filter)).toContain(message)
  })

  it('ends where aliases go in a ring', () => {
    expect(filterRefusal('s.Near(count=@a)/any()', '&@a=s.Near(count=@a)/$count')).toContain('nested deeper than')
  })
})
