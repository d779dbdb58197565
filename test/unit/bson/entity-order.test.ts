import fc from 'fast-check'
import { expect, it } from 'vitest'
import { nextOrder, orderBetween } from '../../../src/bson/entity-order.ts'

it('puts each entity where it is put, however often', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 80 }), (places) => {
      const orders: string[] = []
      for (const place of places) {
        const at = place % (orders.length + 1)
        orders.splice(at, 0, orderBetween(orders[at - 1], orders[at]))
      }
      for (let i = 1; i < orders.length; i++) expect(orders[i - 1]! < orders[i]!).toBe(true)
    }),
  )
})

it('puts what comes last behind all others', () => {
  let last = nextOrder()
  for (let i = 0; i < 1000; i++) {
    const next = nextOrder()
    expect(last < next).toBe(true)
    last = next
  }
  const later = 'zzzzzzzzzz'
  expect(orderBetween(later, undefined) > later).toBe(true)
})
