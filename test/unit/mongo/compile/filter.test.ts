import { Binary, Decimal128, Long } from 'bson'
import { describe, expect, it } from 'vitest'
import { compileQuery, placeQuery } from '../../../../src/mongo/compile/query.ts'
import { layout, planOf } from '../../../contract/kit.ts'

function place(filter: string) {
  const { plan, parameters } = planOf('GET', `things?$filter=${filter}`)
  return placeQuery(compileQuery(plan, layout), undefined, parameters)
}

/** The query document of a filter; it has to say all. */
function native(filter: string) {
  const { filter: query, residue } = place(filter)
  expect([filter, residue]).toEqual([filter, undefined])
  return query
}

/** Numbers of all BSON types as texts. */
function plain(value: unknown): unknown {
  if (value instanceof Long || value instanceof Decimal128 || typeof value === 'number') return String(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]))
}

const day = new Date('2017-01-01T08:03:18.959Z')
const written = '2017-01-01T00:03:18.9597073-08:00'
const whole = '2017-01-01T08:03:18.959Z'
const sub = 707_300_000

describe('filters as match operators', () => {
  it.each<[string, unknown]>([
    [`text eq 'a'`, { text: 'a' }],
    [`text ne 'a'`, { text: { $ne: 'a' } }],
    [`text gt 'a'`, { text: { $gt: 'a' } }],
    [`'a' lt text`, { text: { $gt: 'a' } }],
    ['number ge 5', { number: { $gte: 5 } }],
    ['number lt 5000000000', { number: { $lt: Long.fromBigInt(5_000_000_000n) } }],
    ['number eq 4.5', { number: Decimal128.fromString('4.5') }],
    ['big eq 9007199254740993', { big: Long.fromBigInt(9007199254740993n) }],
    ['price eq 0.10', { price: Decimal128.fromString('0.10') }],
    ['number eq null', { number: null }],
    ['null ne number', { number: { $ne: null } }],
    ['number gt null', false],
    ['ratio eq NaN', false],
    ['ratio ne NaN', {}],
    ['ratio lt NaN', false],
    ['ratio eq INF', { ratio: Number.POSITIVE_INFINITY }],
    ['flag', { flag: true }],
    ['not flag', { flag: false }],
    ['flag eq true', { flag: true }],
    [`color eq contract.Color'Blue'`, { color: 2 }],
    [`address/city eq 'Ulm'`, { 'address.city': 'Ulm' }],
    [`id eq 'x'`, { _id: 'x' }],
    ['id eq null', false],
    [`day ge 2024-02-29`, { day: { $gte: '2024-02-29' } }],
    ['true', {}],
    ['false', false],
    ['null', false],
    ['number gt 2 mul 3', { number: { $gt: 6 } }],
  ])('%s', (filter, query) => {
    expect(plain(native(filter))).toEqual(plain(query))
  })

  it('compares Guids and binaries as BSON binaries', () => {
    const guid = new Binary(Buffer.from('0fffffff000000000000000000000000', 'hex'), Binary.SUBTYPE_UUID)
    expect(native('guid eq 0FFFFFFF-0000-0000-0000-000000000000')).toEqual({ guid })
    expect(native(`bytes eq binary'AAE='`)).toEqual({ bytes: new Binary(Buffer.from([0, 1])) })
  })

  it.each<[string, unknown]>([
    [`at eq ${written}`, { at: day, 'at@exact.sub': sub }],
    [`at eq ${whole}`, { at: day, 'at@exact.sub': null }],
    [`at ne ${written}`, { $nor: [{ at: day, 'at@exact.sub': sub }] }],
    [`at gt ${written}`, { at: { $gte: day }, $or: [{ at: { $gt: day } }, { 'at@exact.sub': { $gt: sub } }] }],
    [`at ge ${written}`, { at: { $gte: day }, $or: [{ at: { $gt: day } }, { 'at@exact.sub': { $gte: sub } }] }],
    [`at ge ${whole}`, { at: { $gte: day } }],
    [`at lt ${whole}`, { at: { $lt: day } }],
    [
      `at lt ${written}`,
      { at: { $lte: day }, $or: [{ at: { $lt: day } }, { 'at@exact.sub': { $not: { $gte: sub } } }] },
    ],
    [
      `at le ${written}`,
      { at: { $lte: day }, $or: [{ at: { $lt: day } }, { 'at@exact.sub': { $not: { $gt: sub } } }] },
    ],
    ['at eq null', { at: null }],
  ])('compares instants as pairs: %s', (filter, query) => {
    expect(native(filter)).toEqual(query)
  })

  it.each<[string, unknown]>([
    ['number in (1,2)', { number: { $in: [1, 2] } }],
    ['number in (1,null)', { number: { $in: [1, null] } }],
    ['not (number in (1,null))', { $nor: [{ number: { $in: [1, null] } }] }],
    ['ratio in (NaN)', false],
    [`at in (${whole},null)`, { $or: [{ at: { $in: [null] } }, { at: day, 'at@exact.sub': null }] }],
    ['number gt 1 and number lt 5', { $and: [{ number: { $gt: 1 } }, { number: { $lt: 5 } }] }],
    ['number gt 1 and true', { number: { $gt: 1 } }],
    ['number gt 1 and false', false],
    ['number gt 1 or true', {}],
    [`number eq 1 or (flag or text eq 'a')`, { $or: [{ number: 1 }, { flag: true }, { text: 'a' }] }],
    // a negation goes down to the leaves: nulls stay out where the leaf is null, and come in where it is false
    ['not (flag and number gt 1)', { $or: [{ flag: false }, { $nor: [{ number: { $gt: 1 } }] }] }],
    ['not (flag or not (number eq 1))', { $and: [{ flag: false }, { number: 1 }] }],
    ['not not (number eq 1)', { number: 1 }],
    [`contains(text,'a.b')`, { text: { $regex: 'a\\.b', $options: '' } }],
    [`not contains(text,'a')`, { text: { $type: 'string', $not: { $regex: 'a', $options: '' } } }],
    [`startswith(text,'^')`, { text: { $regex: '^\\^', $options: '' } }],
    [`endswith(text,'$')`, { text: { $regex: '\\$\\z', $options: '' } }],
    [`contains(text,'')`, { text: { $type: 'string' } }],
    [`not contains(text,'')`, false],
    [`contains(text,null)`, false],
    [`rights has contract.Rights'Own'`, { rights: { $ne: null, $bitsAllSet: 4 } }],
    [`not (rights has contract.Rights'Own')`, { rights: { $ne: null, $bitsAnyClear: 4 } }],
  ])('%s', (filter, query) => {
    expect(native(filter)).toEqual(query === false ? false : query)
  })

  it('says what it cannot say exactly more widely, and tests the rows', () => {
    for (const [filter, query] of [
      [`at add duration'PT1S' gt at`, {}],
      [`not (at add duration'PT1S' gt at)`, {}],
      [`at add duration'PT1S' gt at and flag`, { flag: true }],
      [`at add duration'PT1S' gt at or flag`, {}],
      [`not (at add duration'PT1S' gt at and flag)`, {}],
      [`matchesPattern(text,'a+')`, {}],
    ] as const) {
      const placed = place(filter)
      expect([filter, placed.filter]).toEqual([filter, query])
      expect(placed.residue).toBeTypeOf('function')
    }
  })

  it('keeps to match operators what an index serves, and says the rest by $expr', () => {
    const length = {
      $expr: { $and: [{ $eq: [{ $type: '$text' }, 'string'] }, { $eq: [{ $strLenCP: '$text' }, 1] }] },
    }
    expect(native('number gt 1 and length(text) eq 1')).toEqual({
      $and: [{ number: { $gt: 1 } }, length],
    })
    expect(native('number gt 1 or length(text) eq 1')).toEqual({
      $or: [{ number: { $gt: 1 } }, length],
    })
  })

  it.each<[string, unknown]>([
    [`tags/any(t:t eq 'a')`, { tags: { $elemMatch: { $eq: 'a' } } }],
    [`tags/any(t:t eq null)`, { tags: { $elemMatch: { $eq: null } } }],
    [`tags/all(t:t ne 'a')`, { tags: { $not: { $elemMatch: { $not: { $ne: 'a' } } } } }],
    [`tags/any(t:t gt 'a' and t lt 'c')`, { tags: { $elemMatch: { $gt: 'a', $lt: 'c' } } }],
    [
      `tags/any(t:t eq 'a' or t eq '$b')`,
      { $or: [{ tags: { $elemMatch: { $eq: 'a' } } }, { tags: { $elemMatch: { $eq: '$b' } } }] },
    ],
    [`not tags/any(t:startswith(t,'a'))`, { tags: { $not: { $elemMatch: { $regex: '^a', $options: '' } } } }],
    ['tags/any()', { 'tags.0': { $exists: true } }],
  ])('says %s by $elemMatch, which an index serves', (filter, query) => {
    expect(native(filter)).toEqual(query)
  })

  it('cuts patterns that an index cannot take, and compares whole texts besides', () => {
    const long = 'ab'.repeat(4_000)
    const filter = native(`startswith(text,'${long}')`) as {
      readonly $and: readonly { readonly text?: { $regex: string } }[]
    }
    expect(filter.$and[0]?.text?.$regex.length).toBe(4_001)
    expect(filter.$and[1]).toHaveProperty('$expr')
    expect(native(`not startswith(text,'${long}')`)).toHaveProperty('$expr')
  })

  it('compiles a plan once for all values', () => {
    const first = planOf('GET', 'things?$filter=number eq 1')
    const second = planOf('GET', 'things?$filter=number eq 2')
    expect(second.plan).toBe(first.plan)
    const query = compileQuery(first.plan, layout)
    expect(placeQuery(query, undefined, first.parameters).filter).toEqual({ number: 1 })
    expect(placeQuery(query, undefined, second.parameters).filter).toEqual({ number: 2 })
  })

  it('names keys by their place in `_id`, and casts by `@type`', () => {
    const { plan, parameters } = planOf('GET', `pairs?$filter=left eq 'a' and right gt 1`)
    expect(placeQuery(compileQuery(plan, layout), undefined, parameters).filter).toEqual({
      $and: [{ '_id.left': 'a' }, { '_id.right': { $gt: 1 } }],
    })
    const cast = planOf('GET', 'things/contract.HeavyThing')
    expect(placeQuery(compileQuery(cast.plan, layout), undefined, cast.parameters).filter).toEqual({
      '@type': { $in: ['contract.HeavyThing'] },
    })
  })
})
