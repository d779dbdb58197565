import { deserialize } from 'bson'
import fc from 'fast-check'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exactFieldPathOf, fieldPathOf } from '../../src/bson/field-path.ts'
import type { Value } from '../../src/edm/value.ts'
import { prepareOrder } from '../../src/eval/order.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { asc, context, desc, layout, prop, row, thing, things, value } from '../unit/eval/things.ts'

/**
 * The order of `eval/` is that of a MongoDB sort on the stored form: for every type that `$orderby` takes, both directions.
 */

const { uri, reason } = mongodb()

const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 5 }),
  fc.constantFrom('a', 'A', '', 'ä', '\uff5e', '😀', 'a\0b'),
)
const decimals = fc
  .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: 0, max: 12 }))
  .map(([coefficient, scale]) => value('Edm.Decimal', `${coefficient}E-${scale}`))
const dates = fc.date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true })
const spans = fc.oneof(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.bigInt({ min: -5n, max: 5n }))
const values: Readonly<Record<string, fc.Arbitrary<Value>>> = {
  s: texts,
  i: fc.oneof(fc.integer(), fc.integer({ min: -2, max: 2 })),
  l: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(9_007_199_254_740_992n, 9_007_199_254_740_993n, 0n),
  ),
  d: fc.oneof(fc.double(), fc.constantFrom(Number.NaN, -0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)),
  m: fc.oneof(
    decimals,
    fc.constantFrom('NaN', 'INF', '-INF', '1.0', '1.00', '0', '-0').map((text) => value('Edm.Decimal', text)),
  ),
  b: fc.boolean(),
  g: fc.uuid(),
  bin: fc.uint8Array({ maxLength: 4 }),
  dt: fc
    .tuple(dates, fc.constantFrom(0, 1, 700_000, 999_999_999), fc.constantFrom(0, -480, 330), fc.boolean())
    .map(([date, sub, offset, near]) => ({
      kind: 'dateTimeOffset' as const,
      ms: near ? Math.sign(date.getTime()) : date.getTime(),
      sub,
      offset,
      digits: 12,
    })),
  date: dates.map((date) => date.toISOString().slice(0, 10)),
  time: fc.constantFrom('00:00:00', '10:00:00', '10:00:00.5', '10:00:00.05', '09:59:59.999999999999', '23:59:59'),
  dur: spans.map((ps) => ({ kind: 'duration' as const, ps })),
  color: fc.bigInt({ min: 0n, max: 7n }),
}

describe.skipIf(uri === undefined)(`order of eval and of MongoDB${uri === undefined ? `: ${reason}` : ''}`, () => {
  const client = new MongoClient(uri === undefined ? 'mongodb://none' : freshDatabase(uri, 'sort'))
  const collection = client.db().collection<{ _id: string }>('things')

  beforeAll(async () => {
    await client.connect()
  })
  afterAll(async () => {
    await client.db().dropDatabase()
    await client.close()
  })

  it.each(Object.keys(values))('by %s, ties by key', async (name) => {
    const arbitrary = values[name]
    if (arbitrary === undefined) throw new Error(name)
    const sampled = fc.sample(fc.option(arbitrary, { freq: 8 }), { numRuns: 400, seed: 20_260 })
    const rows = sampled.map((member, i) =>
      row({ id: `k${String((i * 7919) % 1000).padStart(4, '0')}${i}`, [name]: member }),
    )
    await collection.deleteMany({})
    await collection.insertMany(rows.map((bytes) => deserialize(bytes, { promoteValues: false }) as { _id: string }))

    const property = thing.allProperties.get(name)
    if (property === undefined) throw new Error(name)
    const field = fieldPathOf(layout, things, [property]).join('.')
    const exact = `${exactFieldPathOf(layout, things, [property]).join('.')}.sub`
    for (const direction of [1, -1] as const) {
      const sort = { [field]: direction, ...(name === 'dt' ? { [exact]: direction } : {}), _id: 1 } as const
      const expected = await collection
        .find({}, { projection: { _id: 1 } })
        .sort(sort)
        .map((document) => document._id)
        .toArray()
      const order = prepareOrder([(direction === 1 ? asc : desc)(prop(name)), asc(prop('id'))], context)([])
      const actual = rows
        .map((bytes) => order.keyset(bytes))
        .sort(order.compare)
        .map((keyset) => keyset[1])
      expect(actual).toEqual(expected)
    }
  })
})
