import { deserialize, EJSON, serialize } from 'bson'
import fc from 'fast-check'
import { type Document, MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileQuery, placeQuery } from '../../src/mongo/compile/query.ts'
import { mongoStore } from '../../src/mongo/store.ts'
import type { Store } from '../../src/store/port.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { documentOf, indexedLayout, layout, planOf, sessionOf } from './kit.ts'

/**
 * What MongoDB is asked for, frozen, and the rows that it gives, beside one another: the traps of its languages (a named test
 * each), injection, and which index serves what (`explain`).
 */

const { uri, reason } = mongodb()

const rows: readonly Document[] = [
  {
    id: 'a',
    text: 'ÉCLAIR',
    note: ' \u00a0x\u3000',
    number: 5,
    ratio: 2.5,
    price: 2.5,
    at: '2024-01-01T00:30:00+02:00',
  },
  { id: 'b', text: '😀b', note: 'b', number: -5, ratio: -2.5, price: -2.5, tags: ['$x', 'a'] },
  { id: 'c', text: '$text', note: '{"$gt":""}', number: 2147483647, ratio: 'NaN', price: 0.1, tags: [] },
  { id: 'd', big: '9223372036854775807', number: 2, ratio: 'INF', price: '0.3', flag: true, rights: 'Read,Own' },
  {
    id: 'e',
    big: '9007199254740993',
    number: 0,
    ratio: 0,
    address: { city: 'Ulm', zip: 5 },
    at: '2023-12-31T23:30:00.0000001Z',
  },
  { id: 'f' },
]

describe.skipIf(uri === undefined)(`compiled for MongoDB${uri === undefined ? `: ${reason}` : ''}`, () => {
  const client = new MongoClient(uri ?? 'mongodb://none')
  let store: Store
  let database = ''

  beforeAll(async () => {
    const fresh = freshDatabase(uri ?? '', 'compiled')
    database = new URL(fresh).pathname.slice(1)
    await client.connect()
    store = mongoStore(fresh)
    await store.open(
      indexedLayout([
        ['number', 'id'],
        ['text', 'id'],
        ['address/zip', 'id'],
        ['tags', 'id'],
      ]),
    )
    await store.ready()
    for (const row of rows) await store.create(planOf('POST', 'things').plan, sessionOf([]), documentOf('things', row))
    await client
      .db(database)
      .collection<{ _id: object }>('contract.Thing/parts')
      .insertOne({ _id: { p: `things('a')`, k: 'x' } })
  })
  afterAll(async () => {
    await client.db(database).dropDatabase()
    await store.close()
    await client.close()
  })

  const placed = (url: string) => {
    const { plan, parameters } = planOf('GET', url)
    return placeQuery(compileQuery(plan, layout), undefined, parameters)
  }
  const idsOf = async (filter: Document | false) => {
    if (filter === false) return []
    const found = await client
      .db(database)
      .collection('things')
      .find(filter, { projection: { _id: 1 } })
      .toArray()
    return found.map(({ _id }) => String(_id)).sort()
  }

  it.each<[trap: string, filter: string, ids: string, exact?: boolean]>([
    ['$toLower knows ASCII only', `tolower(text) eq 'éclair'`, 'ab', false],
    ['$round rounds halves to even', 'round(ratio) eq 3', 'a'],
    ['$round rounds negative halves to even', 'round(price) eq -3', 'b'],
    ['NaN equals NaN', 'ratio eq ratio add 0', 'abdef'],
    ['NaN sorts below all numbers', 'ratio le number add 0', 'ae'],
    ['{$gt: NaN} matches nothing', 'ratio gt NaN', ''],
    ['$lt skips nulls', 'not (number lt 5)', 'acf'],
    ['comparisons cross types: null is less than all', 'number lt address/zip', 'e'],
    ['equality also matches inside arrays', `tags/any(t:t eq 'a')`, 'b'],
    ['lengths count characters', 'length(text) eq 2', 'b'],
    ['positions count characters', `indexof(text,'b') eq 1`, 'b'],
    ['parts of characters', `substring(text,1) eq 'b'`, 'b'],
    ['positions from the end', `substring(text,-2,1) eq 'I'`, 'a'],
    ['white space is that of Unicode', `trim(note) eq 'x'`, 'a'],
    ['date parts are those of the value, not of UTC', 'year(at) eq 2024', 'a'],
    ['the date of an instant is that of its offset', 'date(at) eq 2023-12-31', 'e'],
    ['fractions below the millisecond', 'fractionalseconds(at) eq 0.0000001', 'e'],
    ['the time of an instant', 'time(at) eq 23:30:00.0000001', 'e'],
    ['div on integers truncates', 'number div 2 eq -2', 'b'],
    ['divby does not', 'number divby 2 eq -2.5', 'b'],
    ['a divisor of 0 in a row is null', 'number mod number eq 0', 'abcd'],
    ['Int64 does not pass through doubles', 'big add 0 eq 9007199254740993', 'e'],
    ['Int64 that overflows is null', 'big add 1 gt 0', 'e'],
    ['Int32 does not overflow', 'number mul number eq 4611686014132420609', 'c'],
    ['Decimal does not pass through doubles', 'price mul 3 eq 0.3', 'c'],
    ['functions of null raise no error', 'length(concat(text,note)) ge 0', 'abc'],
    ['three values of logic', `(contains(text,'b') and flag) eq null`, 'bdef'],
  ])('%s', async (_, filter, ids, exact = true) => {
    const { filter: query, residue } = placed(`things?$filter=${filter}`)
    expect(`${filter}\n${EJSON.stringify(query)}`).toMatchSnapshot()
    expect(residue === undefined).toBe(exact)
    expect((await idsOf(query)).join('')).toBe(ids)
  })

  it.each<[string, string, string]>([
    ['a text that looks like a field', `concat(text,'') eq '$text'`, 'c'],
    ['a text that looks like a variable', `concat(text,'') eq '$$ROOT'`, ''],
    ['a text that looks like an operator', `trim(note) eq '{"$gt":""}'`, 'c'],
    ['an item that looks like a field', `tags/any(t:concat(t,'') eq '$x')`, 'b'],
    ['a list that looks like fields', `concat(text,'') in ('$note','$text')`, 'c'],
  ])('takes no command from a client: %s', async (_, filter, ids) => {
    const { filter: query, residue } = placed(`things?$filter=${filter}`)
    expect(residue).toBeUndefined()
    expect((await idsOf(query)).join('')).toBe(ids)
  })

  describe('$search', () => {
    const found = async (search: string) => {
      const { filter, residue } = placed(`things?$search=${search}`)
      if (filter === false) return { filter, ids: ' ' }
      const wider = await idsOf(filter)
      const tested = await client.db(database).collection('things').find(filter, { raw: true }).toArray()
      const exact = (tested as unknown as Uint8Array[]).filter((row) => residue?.(row) ?? true)
      const ids = exact.map((row) => String(deserialize(row)._id)).sort()
      return { filter, ids: `${wider.join('')} ${ids.join('')}` }
    }

    it.each<[what: string, search: string, ids: string]>([
      ['a word of ASCII', 'ULM', 'e e'],
      ['no part of one', 'ul', ' '],
      ['words side by side', '"read own"', ' '],
      ['a word with a Kelvin sign', 'ok', ' '],
      ['a word beside a letter that is not ASCII is tested again', 'clair', 'a '],
      ['a word beyond ASCII is found here', 'éclair', 'abcdef a'],
      ['what looks like a pattern is words', '".*(a|b)+$ [^x]"', ' '],
      ['no word', '"$.*"', ' '],
      ['not a word', 'NOT ulm', 'abcdef abcdf'],
      ['words together', 'text AND gt', 'c c'],
      ['one word or another', 'gt OR ulm', 'ce ce'],
    ])('asks for %s', async (_, search, ids) => {
      const { filter, ids: given } = await found(search)
      expect(`${search}\n${EJSON.stringify(filter)}`).toMatchSnapshot()
      expect(given).toBe(ids)
    })

    it('never misses a row', async () => {
      const pieces = [
        'a',
        'B',
        'ab',
        'k',
        '\u212a',
        'K',
        '\u0130',
        'i',
        '\u0301',
        '1',
        '_',
        ' ',
        '\n',
        '-',
        'ß',
        's',
        'ſ',
        '😀',
        '.',
      ]
      const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 7 }).map((list) => list.join(''))
      const collection = client.db(database).collection<{ _id: number }>('searched')
      const sample = fc.sample(texts, { numRuns: 600, seed: 7 })
      const documents = sample.map((text, i) =>
        i % 3 === 0
          ? { _id: i, text }
          : i % 3 === 1
            ? { _id: i, tags: ['x', text] }
            : { _id: i, address: { city: text } },
      )
      await collection.insertMany(documents)
      let sharp = 0
      for (const text of fc.sample(texts, { numRuns: 60, seed: 8 })) {
        const { plan } = planOf('GET', 'things?$search=word')
        const query = compileQuery(plan, layout)
        const { filter, residue } = placeQuery(query, undefined, [text])
        const test = query.narrowings[0]?.test()([text], {
          now: { kind: 'dateTimeOffset', ms: 0, sub: 0, offset: 0, digits: 3 },
        })
        const passing = documents.filter((document) => test?.(serialize(document))).map(({ _id }) => _id)
        const rows = filter === false ? [] : await collection.find(filter).toArray()
        const ids = new Set(rows.map(({ _id }) => _id))
        expect(
          passing.filter((id) => !ids.has(id)),
          text,
        ).toEqual([])
        expect(filter === false || residue !== undefined).toBe(true)
        if (ids.size < documents.length) sharp++
      }
      expect(sharp).toBeGreaterThan(20)
    })
  })

  describe('uses the index of', () => {
    const stages = async (url: string, owner?: string) => {
      const { plan, parameters } = planOf('GET', url)
      const query = compileQuery(plan, layout)
      const values = [...parameters]
      if (owner !== undefined && plan.source.owner !== undefined) values[plan.source.owner] = owner
      const key = query.key?.(values)
      const { filter } = placeQuery(query, undefined, values, [key === undefined ? true : { _id: key }])
      const explained = await client
        .db(database)
        .collection(query.collection.name)
        .find(filter || {})
        .sort(new Map(query.order?.sort ?? []))
        .explain('queryPlanner')
      const names: string[] = []
      const walk = (stage: Document | undefined): void => {
        if (stage === undefined) return
        names.push(stage.stage)
        for (const inner of [stage.inputStage, ...(stage.inputStages ?? [])]) walk(inner)
      }
      walk(explained.queryPlanner.winningPlan)
      return names
    }

    it.each<[string, string, string, string?]>([
      ['the key', `things('a')`, 'IDHACK'],
      ['a condition on the key', `things?$filter=id eq 'a'`, 'IDHACK'],
      ['a range of the key, in its order', `things?$filter=id gt 'a'`, 'IXSCAN'],
      ['the order of the key', 'things?$orderby=id desc', 'IXSCAN'],
      ['a prefix of the key', `things?$filter=startswith(id,'a')`, 'IXSCAN'],
      ['a prefix of a composite key', `pairs?$filter=left eq 'a'&$orderby=left,right`, 'IXSCAN'],
      ['an alternate key', `logins?$filter=mail eq 'a'`, 'IXSCAN'],
      ['a property, in the order of the key', 'things?$filter=number eq 5', 'IXSCAN'],
      ['a list of values, in their order', 'things?$filter=number in (5,-5)&$orderby=number', 'IXSCAN'],
      ['a property inside another', 'things?$filter=address/zip eq 5', 'IXSCAN'],
      ['a range, in its order', 'things?$filter=number gt 1 and number le 9&$orderby=number', 'IXSCAN'],
      ['an order', 'things?$orderby=number desc,id desc', 'IXSCAN'],
      ['a prefix, in its order', `things?$filter=startswith(text,'a')&$orderby=text`, 'IXSCAN'],
      ['items of a collection', `things?$filter=tags/any(t:t eq 'a')`, 'IXSCAN'],
      ['a property beside an expression', 'things?$filter=number eq 5 and length(text) gt 1', 'IXSCAN'],
      ['an expression beside the key', `things?$filter=id gt 'a' and length(text) gt 1`, 'IXSCAN'],
      ['the key, in its order, beside a search', 'things?$search=ulm', 'IXSCAN'],
      ['the owner of contained entities', `things('a')/parts`, 'IXSCAN', `things('a')`],
    ])('%s', async (_, url, stage, owner) => {
      const names = await stages(url, owner)
      expect(
        names.some((name) => name === stage || (stage === 'IDHACK' && name.startsWith('EXPRESS'))),
        names.join(),
      ).toBe(true)
      expect(names).not.toContain('COLLSCAN')
      // what an alternate key finds is one row
      if (!url.startsWith('logins')) expect(names).not.toContain('SORT')
    })
  })
})
