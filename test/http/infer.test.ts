import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Db, Decimal128, Long, MongoClient, ObjectId, UUID } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readArguments } from '../../src/cli/flags.ts'
import { infer } from '../../src/cli/infer.ts'
import { inferFlags } from '../../src/cli/infer-flags.ts'
import { mongoStore } from '../../src/mongo/store.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { type RunningService, startService } from '../support/running-service.ts'

const { uri, reason } = mongodb()

/** A database as another program would have written it. */
async function fill(db: Db): Promise<readonly ObjectId[]> {
  const ids = Array.from({ length: 5 }, () => new ObjectId())
  const [a, b] = ids
  await db.collection<{ _id: unknown; [name: string]: unknown }>('blog-posts').insertMany(
    ids.map((_id, i) => ({
      _id,
      title: `Post ${i}`,
      author: i % 2 === 0 ? a : b,
      tags: i === 4 ? [] : ['x', `t${i}`],
      published: new Date(Date.UTC(2024, 0, 1 + i, 12, 30, 0, 5)),
      price: Decimal128.fromString(`${i}.50`),
      views: Long.fromString('9007199254740993'),
      rating: i + 0.5,
      meta: { 'content-type': 'text', size: i },
      comments: [{ _id: ids[i], by: b, text: 'hm', likes: i }],
      cells: [[{ x: i }], [i]],
      'a@b': i,
      version: new UUID('00112233-4455-6677-8899-aabbccddeeff'),
      mixed: i === 0 ? 'zero' : i,
      ...(i === 0 ? {} : { rare: true }),
      __v: 0,
    })),
  )
  await db.collection<{ _id: string }>('settings').insertMany([{ _id: 'dark' }, { _id: 'light' }])
  await db.collection<{ _id: object; n: number }>('stock').insertOne({ _id: { shop: 'a', shelf: 1 }, n: 5 })
  return ids
}

describe.skipIf(uri === undefined)(`a database that others wrote${uri === undefined ? `: ${reason}` : ''}`, () => {
  let folder: string
  let client: MongoClient
  let db: Db
  let ids: readonly ObjectId[]
  let running: RunningService
  let csdl = ''
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'odatum-infer-'))
    const database = freshDatabase(uri ?? '', 'infer')
    client = await new MongoClient(database).connect()
    db = client.db()
    ids = await fill(db)
    const terminal = {
      out: (text: string) => {
        csdl += text
      },
      error: () => {},
    }
    expect(await infer(readArguments(inferFlags, [database], {}), terminal)).toBe(0)
    const file = join(folder, 'inferred.xml')
    writeFileSync(file, csdl)
    const data = { open: () => mongoStore(database), remove: () => undefined }
    running = await startService(file, data, { enforcePermissions: false })
  })
  afterAll(async () => {
    await running?.stop()
    await db?.dropDatabase()
    await client?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const get = async (path: string): Promise<{ [name: string]: unknown }> => {
    const response = await running.get(path, { 'OData-MaxVersion': '4.01' })
    expect([path, response.status]).toEqual([path, 200])
    return (await response.json()) as { [name: string]: unknown }
  }
  const titles = async (filter: string): Promise<unknown> => {
    const { value } = await get(`/blog_posts?$select=title&$orderby=title&$filter=${encodeURIComponent(filter)}`)
    return (value as { title: string }[]).map(({ title }) => title.slice(5)).join('')
  }

  it('is described whole', () => {
    for (const name of ['blog-posts', 'settings', 'stock']) expect(csdl).toContain(name)
    expect(csdl).toContain('<ComplexType Name="BlogPostMeta">')
    expect(csdl).toContain('Values of several kinds: 1 string, 4 int')
    expect(csdl).toContain('Arrays of arrays; documents in them read as null')
    expect(csdl).toContain('The field "a@b" is left out')
  })

  it('is read as it is', async () => {
    const post = await get(`/blog_posts('${ids[1]}')`)
    expect(post).toMatchObject({
      _id: String(ids[1]),
      author: String(ids[1]),
      title: 'Post 1',
      tags: ['x', 't1'],
      published: '2024-01-02T12:30:00.005Z',
      price: 1.5,
      rating: 1.5,
      meta: { content_type: 'text', size: 1 },
      comments: [{ _id: String(ids[1]), by: String(ids[1]), text: 'hm', likes: 1 }],
      version: '00112233-4455-6677-8899-aabbccddeeff',
      mixed: 1,
      rare: true,
    })
    expect(JSON.stringify(await get(`/blog_posts/${ids[0]}`))).toContain('"mixed":"zero"')
    expect(await get(`/stock(shop='a',shelf=1)`)).toMatchObject({ n: 5 })
    expect(await get(`/settings('dark')`)).toMatchObject({ _id: 'dark' })
  })

  it('is filtered and sorted by every kind of value, ObjectIds included', async () => {
    expect(await titles(`author eq '${ids[0]}'`)).toBe('024')
    expect(await titles(`author ne '${ids[0]}'`)).toBe('13')
    expect(await titles(`_id in ('${ids[0]}','${ids[3]}')`)).toBe('03')
    expect(await titles(`_id gt '${ids[2]}'`)).toBe('34')
    expect(await titles(`startswith(author,'${String(ids[0]).slice(0, 24)}')`)).toBe('024')
    expect(await titles(`author gt 'zzz'`)).toBe('')
    expect(await titles('price gt 2.4 and rating lt 4')).toBe('23')
    expect(await titles('published ge 2024-01-04T00:00:00Z')).toBe('34')
    expect(await titles(`tags/any(t:t eq 't2')`)).toBe('2')
    expect(await titles(`comments/any(c:c/by eq '${ids[1]}' and c/likes ge 3)`)).toBe('34')
    expect(await titles(`comments/any(c:c/_id eq '${ids[3]}')`)).toBe('3')
    expect(await titles(`meta/content_type eq 'text' and meta/size le 1`)).toBe('01')
    expect(await titles('rare eq null')).toBe('0')
  })

  it('is paged in the order of ObjectIds', async () => {
    const seen: unknown[] = []
    let path = '/blog_posts?$select=_id'
    for (let page = 0; path !== '' && page < 9; page++) {
      const response = await running.get(path, { Prefer: 'maxpagesize=2' })
      const body = (await response.json()) as { value: { _id: string }[]; '@odata.nextLink'?: string }
      seen.push(...body.value.map(({ _id }) => _id))
      path = (body['@odata.nextLink'] ?? '').replace(running.root, '')
    }
    expect(seen).toEqual(ids.map(String))
  })

  it('is written so that others find what they expect', async () => {
    const body = {
      title: 'New',
      author: String(ids[0]),
      tags: [],
      published: '2024-05-05T00:00:00Z',
      price: 1,
      views: 1,
    }
    const comments = [{ _id: String(ids[2]), by: String(ids[1]), text: 'a', likes: 1 }]
    const rest = { rating: 1, meta: { content_type: 'a', size: 1 }, comments, __v: 0 }
    const version = '00112233-4455-6677-8899-aabbccddeeff'
    const response = await running.send('POST', '/blog_posts', { ...body, ...rest, version, mixed: 'm' })
    expect([response.status, response.ok ? '' : await response.text()]).toEqual([201, ''])
    const { _id } = (await response.json()) as { _id: string }
    const stored = await db.collection('blog-posts').findOne({ _id: new ObjectId(_id) })
    expect(stored).toMatchObject({ title: 'New', author: ids[0], meta: { 'content-type': 'a', size: 1 } })
    expect(stored?.comments).toEqual([{ _id: ids[2], by: ids[1], text: 'a', likes: 1 }])
    expect(
      (await running.send('PATCH', `/blog_posts('${_id}')`, { author: String(ids[1]), meta: { size: 2 } })).status,
    ).toBe(204)
    expect(await db.collection('blog-posts').findOne({ author: ids[1], title: 'New' })).toMatchObject({
      meta: { 'content-type': 'a', size: 2 },
    })
    expect((await running.send('DELETE', `/blog_posts('${_id}')`, undefined)).status).toBe(204)
    expect(await db.collection('blog-posts').countDocuments()).toBe(5)
  })
})
