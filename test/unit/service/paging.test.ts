import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Decimal } from '../../../src/edm/decimal.ts'
import { parsePrimitive } from '../../../src/edm/primitives.ts'
import { ODataError } from '../../../src/errors/odata-error.ts'
import type { ReadPlan } from '../../../src/plan/plan.ts'
import { type Continuation, Paging } from '../../../src/service/paging.ts'
import { Planner } from '../../../src/service/planner.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseRequestUrl } from '../../../src/url/parse-url.ts'
import { shop } from '../bind/shop.ts'

const planner = new Planner(shop, { keyAsSegment: true })
const paging = new Paging(Buffer.from('a secret of the test'))
const root = 'https://host/root/'

function planOf(target: string): ReadPlan {
  const { plan } = planner.plan('GET', parseRequestUrl(target, { version: '4.01', limits: defaultUrlLimits }))
  if (plan.kind !== 'read') throw new Error(plan.kind)
  return plan
}

const link = (target: string, continuation: Continuation, dropCount = false): string =>
  paging.nextLink(root, target, planOf(target), continuation, dropCount)
const tokenOf = (url: string): string => /\$skiptoken=([^&]*)/.exec(url)?.[1] ?? ''
const read = (target: string, token: string, by = paging): Continuation => by.read(target, planOf(target), token)
const refused = (target: string, token: string, by = paging): boolean => {
  try {
    read(target, token, by)
  } catch (error) {
    expect(error).toBeInstanceOf(ODataError)
    expect(error).toMatchObject({ code: 'skipTokenInvalid', target: '$skiptoken' })
    return true
  }
  return false
}

const target = '/Products?$orderby=name&$filter=ID%20gt%201'
const after: Continuation = { after: ['some name', 42], top: 7 }

describe('skip tokens', () => {
  it('carry the typed place and the rest of $top', () => {
    const url = link(target, after)
    expect(url.startsWith(`${root}Products?$orderby=name&$filter=ID%20gt%201&$skiptoken=`)).toBe(true)
    expect(read(target, tokenOf(url))).toEqual(after)
    expect(read(target, tokenOf(link(target, { after: [null, 1], top: undefined })))).toEqual({
      after: [null, 1],
      top: undefined,
    })
  })

  it('carry values of dynamic properties with the type each row has', () => {
    const plan = {
      ...planOf(target),
      orderby: [
        { descending: false, expression: { kind: 'member' as const, variable: '$it', steps: [], type: undefined } },
      ],
    }
    const instant = parsePrimitive('Edm.DateTimeOffset', '2017-01-01T00:03:18.9597073-08:00') ?? ''
    const decimal = Decimal.parse('1.50') ?? ''
    for (const value of ['a:b', '', true, 1.5, Number.NaN, 2n ** 60n, decimal, instant, null]) {
      const url = paging.nextLink(root, target, plan, { after: [value], top: undefined }, false)
      expect(paging.read(target, plan, tokenOf(url)).after).toEqual([value])
    }
  })

  it('take the place of $skip, $top and the token before, and keep all else as the client wrote it', () => {
    const url = link('/Products?$top=3&$skip=2&%24select=name&custom=1&$skiptoken=old&$count=true', {
      after: [1],
      top: undefined,
    })
    expect(url.replace(/skiptoken=.*/, '')).toBe(`${root}Products?%24select=name&custom=1&$count=true&$`)
    expect(link('/Products?$count=true&top=2', { after: [1], top: 1 }, true)).toMatch(/Products\?\$skiptoken=[\w-]+$/)
  })

  it('hold for the same question in other clothes', () => {
    const token = tokenOf(link(target, after))
    for (const same of [
      `${target}&$top=9`,
      `${target}&$select=name&$skip=1`,
      '/Products?%24orderby=name&$filter=ID+gt+1',
      '/Pro%64ucts?$orderby=name&$filter=ID%20gt%201',
    ])
      expect(read(same, token), same).toEqual(after)
  })

  it('are refused for another question', () => {
    const token = tokenOf(link(target, after))
    for (const other of [
      '/Products?$orderby=name',
      '/Products?$orderby=name&$filter=ID%20gt%202',
      '/Products?$orderby=name%20desc&$filter=ID%20gt%201',
      '/Products?$filter=ID%20gt%201&$orderby=name&$search=a',
      '/Products?$orderby=ID,name&$filter=ID%20gt%201',
    ])
      expect(refused(other, token), other).toBe(true)
    // an alias is part of the question
    const aliased = '/Products?$orderby=name&$filter=ID%20gt%20@p&@p='
    expect(refused(`${aliased}2`, tokenOf(link(`${aliased}1`, after)))).toBe(true)
  })

  it('are refused where another service signed them', () => {
    expect(refused(target, tokenOf(link(target, after)), new Paging(Buffer.from('another secret')))).toBe(true)
  })

  it('are refused with any byte changed, cut or added', () => {
    const bytes = Buffer.from(tokenOf(link(target, after)), 'base64url')
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes)
      changed[i] = (changed[i] ?? 0) ^ 1
      expect(refused(target, changed.toString('base64url')), `byte ${i}`).toBe(true)
      expect(refused(target, bytes.subarray(0, i).toString('base64url')), `cut at ${i}`).toBe(true)
    }
    expect(refused(target, Buffer.concat([bytes, Buffer.from('x')]).toString('base64url'))).toBe(true)
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(refused(target, text)).toBe(true)
      }),
    )
  })
})
