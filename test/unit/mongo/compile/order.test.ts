import { describe, expect, it } from 'vitest'
import { compileQuery } from '../../../../src/mongo/compile/query.ts'
import type { Keyset } from '../../../../src/store/port.ts'
import { layout, planOf } from '../../../contract/kit.ts'

const orderOf = (orderby: string) => compileQuery(planOf('GET', `things?$orderby=${orderby}`).plan, layout).order
const behind = (orderby: string, keyset: Keyset) => orderOf(orderby)?.after(keyset, layout, [])

describe('orders by fields', () => {
  it('sorts by stored paths, instants by two, the key last', () => {
    expect([...(orderOf('number desc')?.sort ?? [])]).toEqual([
      ['number', -1],
      ['_id', 1],
    ])
    expect([...(orderOf('at desc,address/city')?.sort ?? [])]).toEqual([
      ['at', -1],
      ['at@exact.sub', -1],
      ['address.city', 1],
      ['_id', 1],
    ])
    expect([...(orderOf('number,number desc')?.sort ?? [])]).toEqual([
      ['number', 1],
      ['_id', 1],
    ])
  })

  it('leaves other orders to be sorted here', () => {
    for (const orderby of ['length(text)', 'number add 1', 'contract.HeavyThing/weight'])
      expect(orderOf(orderby)).toBeUndefined()
  })

  it('lets MongoDB calculate what it sorts by, and takes it out again', () => {
    const { plan, parameters } = planOf('GET', 'things?$orderby=length(text) desc,number')
    const order = compileQuery(plan, layout).expressionOrder
    const length = { $cond: [{ $eq: [{ $type: '$text' }, 'string'] }, { $strLenCP: '$text' }, null] }
    expect(order?.place(parameters, undefined)).toEqual({
      sorting: [{ $addFields: { '@order0': length } }, { $sort: { '@order0': -1, number: 1, _id: 1 } }],
      cleaning: [{ $unset: ['@order0'] }],
    })
    const [, behind] = order?.place(parameters, [5, 1, 'a'])?.sorting ?? []
    expect(JSON.stringify(behind)).toContain('{"$match":{"$or":[')
    for (const orderby of [`at add duration'PT1S'`, 'tolower(text)'])
      expect(compileQuery(planOf('GET', `things?$orderby=${orderby}`).plan, layout).expressionOrder).toBeUndefined()
  })

  it('continues after a position', () => {
    expect(behind('id', ['a'])).toEqual({ _id: { $gt: 'a' } })
    expect(behind('id desc', ['a'])).toEqual({ _id: { $lt: 'a' } })
    expect(behind('number', [5, 'a'])).toEqual({
      $and: [
        { number: { $gte: 5 } },
        { $or: [{ number: { $gt: 5 } }, { $and: [{ number: 5 }, { _id: { $gt: 'a' } }] }] },
      ],
    })
  })

  it('puts null first ascending and last descending', () => {
    expect(behind('number', [null, 'a'])).toEqual({
      $or: [{ number: { $ne: null } }, { $and: [{ number: null }, { _id: { $gt: 'a' } }] }],
    })
    expect(behind('number desc', [null, 'a'])).toEqual({ $and: [{ number: null }, { _id: { $gt: 'a' } }] })
    expect(behind('number desc', [5, 'a'])).toEqual({
      $or: [{ number: { $lt: 5 } }, { number: null }, { $and: [{ number: 5 }, { _id: { $gt: 'a' } }] }],
    })
  })

  it('puts NaN between null and the numbers', () => {
    const lowest = { ratio: { $gte: Number.NEGATIVE_INFINITY } }
    const place = { $and: [{ ratio: Number.NaN }, { _id: { $gt: 'a' } }] }
    expect(behind('ratio', [Number.NaN, 'a'])).toEqual({ $or: [lowest, place] })
    expect(behind('ratio desc', [Number.NaN, 'a'])).toEqual({ $or: [{ ratio: null }, place] })
    expect(behind('ratio desc', [1, 'a'])).toEqual({
      $or: [
        { ratio: { $lt: 1 } },
        { ratio: Number.NaN },
        { ratio: null },
        { $and: [{ ratio: 1 }, { _id: { $gt: 'a' } }] },
      ],
    })
  })
})
