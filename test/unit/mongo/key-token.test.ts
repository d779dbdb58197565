import { Binary, Decimal128, Double, Int32, Long, ObjectId, serialize } from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tokenOfKey, tokenOfRow } from '../../../src/mongo/key-token.ts'

const rowWith = (id: unknown) => serialize({ _id: id, other: 1 })

describe('key tokens', () => {
  it('are the same for a key and its row', () => {
    const keys = [
      '',
      'a',
      'ü',
      5,
      -1,
      2 ** 40,
      0.5,
      9007199254740993n,
      true,
      new Date(5),
      new ObjectId(),
      Decimal128.fromString('1.50'),
    ]
    const binaries = [new Binary(Buffer.from([1, 2])), new Binary(Buffer.alloc(16, 7), Binary.SUBTYPE_UUID)]
    const composite = [
      { a: 'x', b: 5 },
      { a: 'x', b: { c: 1 } },
    ]
    for (const key of [...keys, ...binaries, ...composite]) expect(tokenOfKey(key)).toBe(tokenOfRow(rowWith(key)))
  })

  it('are the same for numbers of one value, as MongoDB has it', () => {
    const fives = [
      new Int32(5),
      Long.fromNumber(5),
      new Double(5),
      Decimal128.fromString('5'),
      Decimal128.fromString('5.00'),
    ]
    expect(new Set(fives.map((five) => tokenOfRow(rowWith(five)))).size).toBe(1)
    expect(new Set(fives.map((five) => tokenOfRow(rowWith({ a: 'k', n: five })))).size).toBe(1)
    expect(tokenOfKey(new Double(0.5))).toBe(tokenOfKey(Decimal128.fromString('0.50')))
    expect(tokenOfKey(new Double(-0))).toBe(tokenOfKey(0))
  })

  it('tell different keys apart', () => {
    const keys = [
      '5',
      5,
      5.5,
      6,
      9007199254740992n,
      9007199254740993n,
      { a: 5 },
      { b: 5 },
      { a: '5' },
      { a: 5, b: 1 },
      true,
      new Date(5),
    ]
    const binaries = [new Binary(Buffer.from('5')), new Binary(Buffer.from('5'), Binary.SUBTYPE_USER_DEFINED)]
    const all = [...keys, ...binaries].map(tokenOfKey)
    expect(new Set(all).size).toBe(all.length)
    const parts = fc.record({ a: fc.string(), b: fc.string() })
    fc.assert(
      fc.property(parts, parts, (left, right) => {
        expect(tokenOfKey(left) === tokenOfKey(right)).toBe(left.a === right.a && left.b === right.b)
      }),
    )
  })

  it('are empty for a document without a key', () => {
    expect(tokenOfRow(serialize({ a: 1 }))).toBe('')
  })
})
