import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { preparePredicate } from '../../../src/eval/compile.ts'
import { prepareOrder } from '../../../src/eval/order.ts'
import { type RowSelection, selectRows } from '../../../src/eval/select.ts'
import { asc, bound, context, desc, evaluate, ge, int, prop, row } from './things.ts'

const all: RowSelection = { tests: [], order: undefined, after: undefined, skip: 0, limit: undefined, count: false }
const order = prepareOrder([desc(prop('i')), asc(prop('id'))], context)([])
const rowsOf = (numbers: readonly (number | null)[]): Uint8Array[] =>
  numbers.map((i, at) => row({ id: String(at).padStart(3, '0'), i }))
const numbersOf = (rows: readonly { readonly row: Uint8Array }[]) =>
  rows.map(({ row: bytes }) => evaluate(prop('i'), bytes))
const atLeast = (n: number) => preparePredicate(ge(prop('i'), int(n)), context)(bound())

describe('selectRows', () => {
  it('filters, skips and cuts in the given order, and stops reading', () => {
    let read = 0
    function* source(): Generator<Uint8Array> {
      for (const bytes of rowsOf([5, 1, 6, 7, 8, 9])) {
        read++
        yield bytes
      }
    }
    const page = selectRows(source(), { ...all, tests: [atLeast(5)], skip: 1, limit: 2 })
    expect(numbersOf(page.rows)).toEqual([6, 7])
    expect([page.more, page.total, read]).toEqual([true, undefined, 5])
    const counted = selectRows(rowsOf([5, 1, 6]), { ...all, tests: [atLeast(5)], limit: 0, count: true })
    expect([counted.rows.length, counted.total, counted.more]).toEqual([0, 2, true])
  })

  it('says that there is nothing more where the page is just full', () => {
    expect(selectRows(rowsOf([1, 2]), { ...all, limit: 2 }).more).toBe(false)
    expect(selectRows(rowsOf([1, 2]), { ...all, order, limit: 2 }).more).toBe(false)
    expect(selectRows(rowsOf([1, 2]), { ...all, order, limit: 1 }).more).toBe(true)
    expect(selectRows(rowsOf([1, 2]), { ...all, order, limit: 0 }).more).toBe(true)
  })

  it('keeps the first of the order, as sorting everything would', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(9)), { maxLength: 40 }), fc.nat(8), fc.nat(12), (numbers, skip, limit) => {
        const rows = rowsOf(numbers)
        const everything = selectRows(rows, { ...all, order }).rows
        expect(everything.length).toBe(rows.length)
        const page = selectRows(rows, { ...all, order, skip, limit })
        expect(page.rows).toEqual(everything.slice(skip, skip + limit))
        expect(page.more).toBe(everything.length > skip + limit)
      }),
    )
  })

  it('pages by keyset give each row exactly once', () => {
    const rows = rowsOf([3, null, 1, 3, 3, null, 2, 5])
    const seen: Uint8Array[] = []
    let after: RowSelection['after']
    for (let more = true; more; ) {
      const page = selectRows(rows, { ...all, order, after, limit: 3, count: true })
      expect(page.total).toBe(8)
      seen.push(...page.rows.map((one) => one.row))
      after = page.rows.at(-1)?.keyset
      more = page.more
    }
    expect(seen).toEqual(selectRows(rows, { ...all, order }).rows.map((one) => one.row))
  })

  it('copies rows that are kept, where asked', () => {
    const shared = Buffer.from(rowsOf([4])[0]!)
    const copied: Uint8Array[] = []
    const retain = (bytes: Uint8Array) => {
      copied.push(bytes)
      return new Uint8Array(bytes)
    }
    const page = selectRows([shared], { ...all, order, limit: 1, retain })
    shared.fill(0)
    expect([copied.length, numbersOf(page.rows)]).toEqual([1, [4]])
  })
})
