import { describe, expect, it } from 'vitest'
import { type Planned, Planner } from '../../../src/service/planner.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseRequestUrl } from '../../../src/url/parse-url.ts'
import { shop } from '../bind/shop.ts'

const planner = new Planner(shop, { keyAsSegment: true })
const plan = (target: string, method = 'GET', by = planner): Planned =>
  by.plan(method, parseRequestUrl(target, { version: '4.01', limits: defaultUrlLimits }))

describe('plans', () => {
  it.each([
    ["/Products?$filter=name eq 'a'", "/Products?$filter=name eq 'b'"],
    ['/Products?$filter=ID gt 1 and ID lt 5', '/Products?$filter=ID gt 100 and ID lt 500'],
    ['/Products(1)', '/Products(2)'],
    ['/Products(1)', '/Products/2'],
    ['/Products?$filter=ID in (1,2)', '/Products?$filter=ID in (3,4)'],
  ])('are one object for %s and %s', (first, second) => {
    const [one, two] = [first, second].map((target) => plan(target.replaceAll(' ', '%20')))
    expect(two?.plan).toBe(one?.plan)
    expect(two?.key).toBe(one?.key)
    expect(two?.parameters).not.toEqual(one?.parameters)
  })

  it.each([
    ["/Products?$filter=name eq 'a'", "/Products?$filter=name ne 'a'"],
    ['/Products?$filter=ID eq 1', '/Products?$filter=ID eq null'],
    ['/Products?$orderby=name', '/Products?$orderby=name desc'],
    ['/Products', '/Products?$count=true'],
    ['/Products', '/Products/$count'],
    ['/Products?$top=1', '/Products?$top=2'],
    ['/Products?$select=name', '/Products?$select=ID'],
  ])('differ for %s and %s', (first, second) => {
    const [one, two] = [first, second].map((target) => plan(target.replaceAll(' ', '%20')))
    expect(two?.plan).not.toBe(one?.plan)
    expect(two?.key).not.toBe(one?.key)
  })

  it('differ by method, and are those of one planner', () => {
    expect(plan('/Products(1)', 'DELETE').plan).not.toBe(plan('/Products(1)').plan)
    const other = new Planner(shop, { keyAsSegment: true })
    expect(plan('/Products(1)', 'GET', other).plan).not.toBe(plan('/Products(1)').plan)
  })

  it('are frozen', () => {
    expect(Object.isFrozen(plan('/Products').plan)).toBe(true)
  })

  it('hold no values of the client', () => {
    const { plan: made, parameters } = plan("/Products?$filter=name%20eq%20'secret'")
    expect(parameters).toContain('secret')
    const seen = new Set<unknown>()
    const text = JSON.stringify(made, (key, value: unknown) => {
      if (typeof value === 'bigint') return String(value)
      if (typeof value !== 'object' || value === null) return value
      if (seen.has(value) || key === 'source') return undefined
      seen.add(value)
      return value
    })
    expect(text).not.toContain('secret')
  })

  it('are refused the second time too', () => {
    for (let i = 0; i < 2; i++) {
      expect(() => plan('/Products?$filter=Nonsense%20eq%201')).toThrow('Nonsense')
      expect(() => plan('/Products(1)?$top=1')).toThrow('$top')
    }
    plan('/Products?$filter=ID%20eq%201')
    expect(() => plan("/Products?$filter=ID%20eq%20'x'")).toThrow()
  })
})
