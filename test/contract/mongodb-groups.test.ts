import { EJSON } from 'bson'
import { type Document, MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Decimal } from '../../src/edm/decimal.ts'
import type { Value } from '../../src/edm/value.ts'
import { compileGroup } from '../../src/mongo/compile/group.ts'
import { compileQuery, placeQuery } from '../../src/mongo/compile/query.ts'
import { mongoStore } from '../../src/mongo/store.ts'
import type { ApplyPlan, GroupPlan } from '../../src/plan/plan.ts'
import type { Store } from '../../src/store/port.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { documentOf, layout, planOf, sessionOf } from './kit.ts'

/**
 * What MongoDB groups and aggregates by itself (decision 13): the pipeline, frozen, and beside it the groups that the server gives. What
 * would not have the digits of `eval/apply` is left to it: the store says so by giving nothing.
 */

const { uri, reason } = mongodb()

const rows: readonly Document[] = [
  { id: 'a', text: 'x', number: 2147483647, big: '9223372036854775807', price: '1.50', ratio: 0.1, flag: true },
  { id: 'b', text: 'X', number: 2147483647, big: '9223372036854775807', price: '1.5', ratio: 'NaN', day: '2024-02-29' },
  { id: 'c', text: 'x', number: 1, price: '-0.000001', ratio: -3, color: 'Blue' },
  { id: 'd', price: '12345678901234567890.25', address: { zip: 7 } },
  { id: 'e', text: '$text', number: -5, ratio: 'INF', note: '' },
]

describe.skipIf(uri === undefined)(`groups on MongoDB${uri === undefined ? `: ${reason}` : ''}`, () => {
  const client = new MongoClient(uri ?? 'mongodb://none')
  const fresh = freshDatabase(uri ?? 'mongodb://none', 'groups')
  const database = new URL(fresh).pathname.slice(1)
  let store: Store

  beforeAll(async () => {
    await client.connect()
    store = mongoStore(fresh)
    await store.open(layout)
    const { plan } = planOf('POST', 'things')
    // the order of the keys is not that in which the rows come
    for (const row of rows.toReversed()) await store.create(plan, sessionOf([]), documentOf('things', row))
  })
  afterAll(async () => {
    await client.db(database).dropDatabase()
    await store.close()
    await client.close()
  })

  const groupOf = (apply: string) => {
    const { plan, parameters } = planOf('GET', `things?$apply=${apply}`)
    return { group: (plan as unknown as ApplyPlan).group, parameters }
  }
  const given = async (apply: string, most = 100): Promise<string> => {
    const { group, parameters } = groupOf(apply)
    const groups = group && (await store.group?.(group, sessionOf(parameters), most))
    if (groups === undefined) return 'rows'
    const texts = groups.map(({ properties, aggregates }) => [...properties, ...aggregates].map(textOf).join(' '))
    return texts.sort().join(', ')
  }
  const pipelineOf = (group: GroupPlan, parameters: Parameters<typeof sessionOf>[0]) => {
    const query = compileQuery(group.base, layout)
    const { filter } = placeQuery(query, undefined, parameters)
    const now = { kind: 'dateTimeOffset', ms: 0, sub: 0, offset: 0, digits: 3 } as const
    const compiled = compileGroup(group, query.context)
    const [plain, checked] = (['plain', 'checked'] as const).map((manner) =>
      EJSON.stringify(compiled?.place(filter || {}, parameters, now, 101, manner)),
    )
    return plain === checked ? plain : `${plain}\nchecked: ${checked}`
  }

  it.each<[what: string, apply: string, groups: string]>([
    ['texts by case, null apart', 'groupby((text))', '$text, X, null, x'],
    ['several properties', 'groupby((flag,color))', 'null 2n, null null, true null'],
    ['a count of each', 'groupby((text),aggregate($count as n))', '$text 1, X 1, null 1, x 2'],
    ['rows of a filter', 'filter(number gt 0)/groupby((text),aggregate($count as n))', 'X 1, x 2'],
    ['sums of Int32 past Int32', 'aggregate(number with sum as s)', '4294967290n'],
    ['sums of Int64 past Int64', 'aggregate(big with sum as s)', '18446744073709551614'],
    ['averages of integers', 'aggregate(number with average as s)', '1073741822.5'],
    ['sums of Decimal to the last digit', 'aggregate(price with sum as s)', '12345678901234567893.249999'],
    [
      'averages of Decimal',
      'filter(price lt 9)/aggregate(price with average as s)',
      '0.9999996666666666666666666666666667',
    ],
    [
      'the least of several types',
      'aggregate(text with min as t,day with min as d,flag with min as f)',
      '$text 2024-02-29 true',
    ],
    [
      'the most of several types',
      'aggregate(text with max as t,number with max as n,big with max as b)',
      'x 2147483647 9223372036854775807n',
    ],
    ['of equal decimals the one of the first row', 'filter(price lt 9)/aggregate(price with max as p)', '1.50'],
    ['NaN is the smallest', 'aggregate(ratio with min as a,ratio with max as b)', 'NaN Infinity'],
    [
      'distinct values without null',
      'aggregate(number with countdistinct as n,price with countdistinct as p,text with countdistinct as t)',
      '3 3 3',
    ],
    ['values inside complex ones', 'aggregate(address/zip with sum as z)', '7n'],
    ['expressions', 'groupby((flag),aggregate(length(text) with sum as n))', 'null 7n, true 1n'],
    [
      'nothing of no rows',
      "filter(text eq 'none')/aggregate($count as n,number with sum as s,text with max as t)",
      '0 null null',
    ],
    ['no groups of no rows', "filter(text eq 'none')/groupby((text),aggregate($count as n))", ''],
  ])('%s', async (_, apply, groups) => {
    const { group, parameters } = groupOf(apply)
    const pipeline = group && pipelineOf(group, parameters)
    expect(`${apply}\n${pipeline}`).toMatchSnapshot()
    expect(await given(apply)).toBe(groups)
  })

  it.each<[what: string, apply: string]>([
    ['sums of doubles', 'aggregate(ratio with sum as s)'],
    ['decimals as groups: equal ones are written differently', 'groupby((price))'],
    ['doubles as groups', 'groupby((ratio))'],
    ['instants', 'groupby((at))'],
    ['a zero among doubles', 'filter(number eq 1)/aggregate(ratio add 3 with min as z)'],
    ['properties inside complex values: absent is not null', 'groupby((address/zip))'],
    ['decimals that are calculated: their digits', 'aggregate(price mul 2 with average as s)'],
    ['collections', 'aggregate(tags with countdistinct as n)'],
    ['a filter that is only wider', "filter(matchesPattern(text,'x'))/aggregate($count as n)"],
  ])('leaves to eval: %s', async (_, apply) => {
    expect(await given(apply)).toBe('rows')
  })

  it('leaves to eval what needs more than 34 digits on the way', async () => {
    const { plan } = planOf('POST', 'things')
    const row = { id: 'z', price: '0.0000000000000000000000000000000001', number: 99 }
    await store.create(plan, sessionOf([]), documentOf('things', row))
    expect(await given('aggregate(price with sum as s)')).toBe('rows')
    expect(await given('filter(number ne 99)/aggregate(price with sum as s)')).toBe('12345678901234567893.249999')
    const { plan: gone, parameters } = planOf('DELETE', `things('z')`)
    await store.delete(gone, sessionOf(parameters))
  })

  it.each<[what: string, foreign: Document, apply: string, groups: string]>([
    ['texts', { text: 5 }, 'groupby((text),aggregate($count as n))', '$text 1, X 1, null 2, x 2'],
    [
      'one of two keys',
      { flag: 'y' },
      'groupby((flag,color),aggregate($count as n))',
      'null 2n 1, null null 4, true null 1',
    ],
    ['extremes', { text: 5 }, 'aggregate(text with min as a,text with max as b)', '$text x'],
    ['extremes of numbers', { number: 'y' }, 'aggregate(number with min as a,number with max as b)', '-5 2147483647'],
    ['sums', { number: 'y' }, 'aggregate(number with sum as s)', '4294967290n'],
    ['sums that are 0', { number: 0 }, 'groupby((note),aggregate(number with sum as s))', ' -5n, null 4294967295n'],
    ['sums of 0 alone', { number: 0 }, 'filter(number eq 0)/aggregate(number with sum as s)', '0n'],
    ['sums of none', {}, 'groupby((flag),aggregate(number with sum as s))', 'null 2147483643n, true 2147483647n'],
    ['numbers that are no integers', { number: 0.5 }, 'groupby((number))', 'rows'],
  ])('what others have stored: %s', async (_, foreign, apply, groups) => {
    const things = client.db(database).collection<Document & { _id: string }>('things')
    await things.insertOne({ _id: '0', ...foreign })
    try {
      // the second time it is known that a plain pipeline does not tell
      for (const _time of [1, 2]) expect(await given(apply)).toBe(groups)
    } finally {
      await things.deleteOne({ _id: '0' })
    }
  })

  it('answers equal questions that come together by one command', async () => {
    const { group, parameters } = groupOf('groupby((text),aggregate($count as n))')
    await client.db(database).command({ profile: 2 })
    const answers = await Promise.all(
      Array.from({ length: 9 }, () => group && store.group?.(group, sessionOf(parameters), 100)),
    )
    for (const answer of answers) expect(answer).toEqual(answers[0])
    await client.db(database).command({ profile: 0 })
    const commands = { 'command.aggregate': 'things' }
    expect(await client.db(database).collection('system.profile').countDocuments(commands)).toBe(1)
  })

  it('gives one group more than are wanted, and no more', async () => {
    expect((await given('groupby((text))', 2)).split(', ')).toHaveLength(3)
  })

  it('keeps to row filters', async () => {
    const { group, parameters } = groupOf('groupby((text),aggregate($count as n))')
    const { plan } = planOf('GET', 'things?$filter=number eq 1')
    const session = sessionOf([...parameters, 1], { rowFilters: new Map([['things', plan.filter as never]]) })
    const found = group && (await store.group?.(group, session, 10))
    expect(found?.map(({ properties }) => properties)).toEqual([['x']])
  })
})

function textOf(value: Value): string {
  if (value === null) return 'null'
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Decimal) return value.toString()
  return String(value)
}
