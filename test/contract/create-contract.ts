import { type Document, serialize } from 'bson'
import { expect, it } from 'vitest'
import { type Client, decoded, documentOf, mergeOf, planOf, sessionOf } from './kit.ts'

const everything = {
  id: 'full',
  text: 'naïve \u{1F600} text',
  number: -7,
  big: '9223372036854775807',
  flag: false,
  price: '12345678901234567890.1234567890',
  ratio: -0.1,
  short: 0.5,
  guid: 'F9882BCD-2bcd-f988-cd2b-88f9cd2b88f9',
  bytes: 'ZW5jcnlwdGVkQmxvYg==',
  at: '2017-01-01T00:03:18.9597073-08:00',
  day: '2024-02-29',
  time: '23:59:59.123456789012',
  span: 'P1DT0.000000000001S',
  color: 'Blue',
  rights: 'Read,Own',
  address: { city: 'Ulm', zip: 89073, since: '1999-12-31T23:59:59.999999999999Z' },
  tags: ['a', 'b', 'a'],
}

/** A document of exactly so many bytes. */
function ofSize(id: string, bytes: number): Document {
  const bare = documentOf('things', { id, text: '' })
  const overhead = serialize({ ...bare, '@version': 1 }).length
  return { ...bare, text: 'x'.repeat(bytes - overhead) }
}

const largest = 16 * 1024 * 1024

/** Creating, and reading by key. */
export function createContract(client: () => Client): void {
  const createRaw = (document: Document) => {
    const { plan, parameters } = planOf('POST', 'things')
    return client().store.create(plan, sessionOf(parameters), document)
  }

  it('keeps every kind of value, with version 1, and answers with the stored bytes', async () => {
    const outcome = await client().create('things', everything)
    if (outcome.kind !== 'created') throw new Error(outcome.kind)
    const row = await client().one(`things('full')`)
    expect(Buffer.from(row ?? []).equals(Buffer.from(outcome.row))).toBe(true)
    const stored = decoded(row)
    expect(stored).toMatchObject({ _id: 'full', '@version': 1, number: -7, flag: false, tags: ['a', 'b', 'a'] })
    expect(stored['at@exact']).toMatchObject({ offset: -480, digits: 7 })
    const { _id, ...given } = documentOf('things', everything)
    const { '@version': version, ...kept } = stored
    expect(version).toBe(1)
    expect(serialize(kept)).toEqual(serialize(decoded(serialize({ _id, ...given }))))
  })

  it('answers `exists` for a key that is taken, and leaves what is there', async () => {
    await client().create('things', { id: 'twice', number: 1 })
    expect(await client().create('things', { id: 'twice', number: 2 })).toEqual({ kind: 'exists' })
    expect(decoded(await client().one(`things('twice')`)).number).toBe(1)
  })

  it('finds keys of every kind by their value', async () => {
    await client().createAll('pairs', [
      { left: 'a', right: 1, value: 1 },
      { left: 'a', right: 2, value: 2 },
    ])
    expect(decoded(await client().one(`pairs(left='a',right=2)`)).value).toBe(2)
    expect(await client().one(`pairs(left='b',right=2)`)).toBeUndefined()
    await client().create('numbered', { n: 5, value: 5 })
    await client().create('numbered', { n: '9007199254740993', value: 93 })
    expect(decoded(await client().one('numbered(5)')).value).toBe(5)
    expect(decoded(await client().one('numbered(9007199254740993)')).value).toBe(93)
    expect(await client().one('numbered(9007199254740992)')).toBeUndefined()
    await client().create('moments', { at: '2020-01-01T01:00:00.5+01:00', value: 1 })
    expect(decoded(await client().one('moments(2020-01-01T00:00:00.500Z)')).value).toBe(1)
    expect(await client().create('moments', { at: '2019-12-31T23:00:00.5000-01:00' })).toEqual({ kind: 'exists' })
    await client().create('marked', { guid: 'F9882BCD-2BCD-F988-CD2B-88F9CD2B88F9', value: 3 })
    expect(decoded(await client().one('marked(f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9)')).value).toBe(3)
  })

  it('reads keys of every kind joined, each request its own row', async () => {
    await client().createAll(
      'numbered',
      Array.from({ length: 20 }, (_, i) => ({ n: 1_000 + i, value: i })),
    )
    const rows = await Promise.all(Array.from({ length: 25 }, (_, i) => client().one(`numbered(${1_000 + i})`)))
    expect(rows.slice(0, 20).map((row) => decoded(row).value)).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(rows.slice(20)).toEqual(Array.from({ length: 5 }, () => undefined))
    const pairs = await Promise.all(
      [`pairs(left='a',right=1)`, `pairs(left='a',right=2)`, `pairs(left='a',right=1)`].map((url) => client().one(url)),
    )
    expect(pairs.map((row) => decoded(row).value)).toEqual([1, 2, 1])
  })

  it('stores a document of exactly 16 MB, and refuses one byte more with 413', async () => {
    const outcome = await createRaw(ofSize('largest', largest))
    expect(outcome.kind).toBe('created')
    const row = await client().one(`things('largest')`)
    expect(row?.length).toBe(largest)
    await expect(createRaw(ofSize('too-large', largest + 1))).rejects.toMatchObject({ code: 'payloadTooLarge' })
    expect(await client().one(`things('too-large')`)).toBeUndefined()
    await client().delete(`things('largest')`)
  })

  it('reads 32 documents of 1 MB at once, all of them', async () => {
    const names = Array.from({ length: 32 }, (_, i) => `mega-${i}`)
    const created = await Promise.all(names.map((id) => createRaw(ofSize(id, 1_000_000))))
    expect(created.every(({ kind }) => kind === 'created')).toBe(true)
    const rows = await Promise.all([...names, 'mega-none'].map((id) => client().one(`things('${id}')`)))
    expect(rows.slice(0, 32).map((row) => decoded(row)._id)).toEqual(names)
    expect(rows[32]).toBeUndefined()
    const listed = await client().keys(`things?$filter=startswith(id,'mega-')&$orderby=id`, { limit: 40 })
    expect(listed).toEqual([...names].sort())
    await Promise.all(names.map((id) => client().delete(`things('${id}')`)))
  })

  it('fails only the duplicate and the oversized one of documents created together', async () => {
    await client().create('things', { id: 'join-3' })
    const ids = Array.from({ length: 10 }, (_, i) => `join-${i}`)
    const documents = ids.map((id) =>
      id === 'join-5' ? ofSize(id, largest + 1) : documentOf('things', { id, number: 1 }),
    )
    const outcomes = await Promise.allSettled([...documents, documentOf('things', { id: 'join-7' })].map(createRaw))
    const kinds = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.kind : outcome.reason.code))
    expect(kinds).toEqual([
      ...['created', 'created', 'created', 'exists', 'created'],
      ...['payloadTooLarge', 'created', 'created', 'created', 'created', 'exists'],
    ])
    const rows = await Promise.all(ids.map((id) => client().one(`things('${id}')`)))
    expect(rows.map((row) => row !== undefined)).toEqual(ids.map((id) => id !== 'join-5'))
  })

  it('loses nothing of 50 concurrent writers', async () => {
    const writers = Array.from({ length: 50 }, async (_, writer) => {
      for (let i = 0; i < 10; i++) {
        const outcome = await client().create('things', { id: `w-${writer}-${i}`, number: i })
        if (outcome.kind !== 'created') throw new Error(outcome.kind)
        // what was acknowledged is there for everybody
        if (!(await client().one(`things('w-${writer}-${i}')`))) throw new Error('acknowledged, but not there')
      }
    })
    await Promise.all(writers)
    expect(await client().count(`things/$count?$filter=startswith(id,'w-')`)).toBe(500)
  })

  it('sees in every read what was acknowledged before it was asked', async () => {
    await client().create('things', { id: 'fresh', number: 0 })
    for (let i = 1; i <= 20; i++) {
      const before = client().one(`things('fresh')`)
      const [, row] = await Promise.all([
        client().update(`things('fresh')`, { kind: 'merge', set: { number: i }, unset: [] }),
        before,
      ])
      expect([i - 1, i]).toContain(decoded(row).number)
      const after = await Promise.all([client().one(`things('fresh')`), client().one(`things('fresh')`)])
      for (const one of after) expect(decoded(one).number).toBe(i)
    }
  })

  it('keeps values of an alternate key unique, nulls aside', async () => {
    await client().store.ready()
    await client().createAll('logins', [{ id: 'a', mail: 'a@example.org' }, { id: 'b' }, { id: 'c' }])
    const refused = { code: 'conflict', status: 409 }
    await expect(client().create('logins', { id: 'd', mail: 'a@example.org' })).rejects.toMatchObject(refused)
    await expect(client().update(`logins('b')`, mergeOf('logins', { mail: 'a@example.org' }))).rejects.toMatchObject(
      refused,
    )
    expect((await client().update(`logins('a')`, mergeOf('logins', { mail: null }))).kind).toBe('updated')
    expect((await client().create('logins', { id: 'd', mail: 'a@example.org' })).kind).toBe('created')
  })
}
