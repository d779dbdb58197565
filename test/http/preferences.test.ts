import { beforeAll, expect, it } from 'vitest'
import { bookshopModel, onEveryService } from '../support/running-service.ts'

const includes = (prefix: string) => `${prefix}include-annotations="Org.OData.Core.V1.ValueException"`

type Json = Record<string, unknown> & { value: Json[] }

onEveryService('preferences of reads', bookshopModel, { enforcePermissions: false }, (running) => {
  let path = ''
  const ask = async (target: string, prefer: string, more: Record<string, string> = {}) => {
    const answer = await running().get(target, { Prefer: prefer, ...more })
    return {
      applied: answer.headers.get('Preference-Applied'),
      vary: answer.headers.get('Vary'),
      json: (await answer.json()) as Json,
    }
  }

  beforeAll(async () => {
    await running().send('POST', '/Authors', { ID: 1, Name: 'Ann', Address: { City: 'Rome' } })
    for (const Title of ['a', 'b', 'c']) {
      const answer = await running().send('POST', '/Books', { Title, Price: 1, AuthorID: 1, Tags: [] })
      path = `/Books(${((await answer.json()) as { ID: string }).ID})`
    }
  })

  it('omit-values=nulls leaves out nulls, never collections, and says so', async () => {
    const { applied, vary, json } = await ask(path, 'omit-values=nulls')
    expect(applied).toBe('omit-values=nulls')
    expect(vary).toContain('Prefer')
    expect(Object.keys(json).sort()).toEqual(
      ['@odata.context', '@odata.etag', 'AuthorID', 'Binding', 'ID', 'Price', 'Tags', 'Title'].sort(),
    )
    const nested = await ask('/Authors(1)?$expand=Books($top=1)', 'omit-values=nulls')
    expect(nested.json.Address).toEqual({ City: 'Rome' })
    expect((nested.json.Books as Json[])[0]).not.toHaveProperty('ISBN')
    expect((await ask('/Authors(1)/Address', 'omit-values=nulls')).json).not.toHaveProperty('Street')
  })

  it('omit-values=defaults leaves out defaults, and nulls only where null is the default', async () => {
    const { applied, json } = await ask(path, 'omit-values=defaults', { 'OData-MaxVersion': '4.01' })
    expect(applied).toBe('omit-values=defaults')
    expect(Object.keys(json).sort()).toEqual(['@context', '@etag', 'AuthorID', 'ID', 'Price', 'Tags', 'Title'].sort())
    const created = await running().send(
      'POST',
      '/Books',
      { Title: 'd', Price: 1, Binding: 'EBook', Tags: ['x'] },
      { Prefer: 'omit-values=defaults' },
    )
    expect(await created.json()).toMatchObject({ Binding: 'EBook', Tags: ['x'] })
  })

  it('omit-values leaves what an update made null in its answer', async () => {
    const answer = await running().send(
      'PATCH',
      path,
      { Pages: null },
      { Prefer: 'omit-values=nulls, return=representation' },
    )
    expect(answer.headers.get('Preference-Applied')).toBe('return=representation')
    expect(await answer.json()).toHaveProperty('Pages', null)
  })

  it('maxpagesize is about nested collections too', async () => {
    const { applied, json } = await ask('/Authors?$expand=Books', 'maxpagesize=2')
    expect(applied).toBe('odata.maxpagesize=2')
    const [author] = json.value
    expect(author?.Books).toHaveLength(2)
    const next = String(author?.['Books@odata.nextLink']).slice(running().root.length)
    expect((await ask(next, 'maxpagesize=2')).json.value.length).toBeGreaterThan(0)
  })

  /** What is sent, what a 4.0 and a 4.01 answer name as applied. */
  it.each([
    ['maxpagesize=2', 'odata.maxpagesize=2', 'maxpagesize=2'],
    ['odata.maxpagesize=2', 'odata.maxpagesize=2', 'maxpagesize=2'],
    ['odata.maxpagesize=1, maxpagesize=2', 'odata.maxpagesize=2', 'maxpagesize=2'],
    ['maxpagesize=5000', 'odata.maxpagesize=1000', 'maxpagesize=1000'],
    ['include-annotations="*"', includes('odata.'), includes('')],
    ['odata.include-annotations="*"', includes('odata.'), includes('')],
    [
      'odata.include-annotations="*", include-annotations="-*"',
      'odata.include-annotations="-*"',
      'include-annotations="-*"',
    ],
    ['track-changes', 'odata.track-changes', 'track-changes'],
    ['odata.track-changes', 'odata.track-changes', 'track-changes'],
    ['omit-values=nulls', 'omit-values=nulls', 'omit-values=nulls'],
    // of no effect on a read, not known, or not to be had
    ['return=minimal', null, null],
    ['return=representation', null, null],
    ['odata.omit-values=nulls', null, null],
    ['allow-entityreferences, odata.allow-entityreferences', null, null],
    ['continue-on-error', null, null],
    ['handling=lenient, wait=5', null, null],
    ['maxpagesize=0, omit-values=all', null, null],
  ])('count with and without odata.: %s', async (prefer, old, modern) => {
    expect((await ask('/Authors', prefer)).applied).toBe(old)
    expect((await ask('/Authors', prefer, { 'OData-MaxVersion': '4.01' })).applied).toBe(modern)
  })

  it('are for changes: return, and $select that asks for the entity by itself', async () => {
    const send = (prefer: string | undefined, query = '') =>
      running().send('PATCH', path + query, { Pages: 5 }, prefer === undefined ? {} : { Prefer: prefer })
    const told = async (answer: Response) => [answer.status, answer.headers.get('Preference-Applied')]
    expect(await told(await send(undefined))).toEqual([204, null])
    expect(await told(await send('return=minimal'))).toEqual([204, 'return=minimal'])
    expect(await told(await send('return=representation'))).toEqual([200, 'return=representation'])
    expect(await told(await send('odata.return=representation'))).toEqual([204, null])
    expect(await told(await send('return=minimal', '?$select=Pages'))).toEqual([204, 'return=minimal'])
    const selected = await send(undefined, '?$select=Pages')
    expect(await told(selected)).toEqual([200, null])
    expect(await selected.json()).toMatchObject({ Pages: 5 })
  })

  it('of a batch: include-annotations is handed on, return is refused', async () => {
    const requests = [
      { id: '1', method: 'GET', url: 'Authors' },
      { id: '2', method: 'GET', url: 'Authors', headers: { prefer: 'maxpagesize=1' } },
      { id: '3', method: 'GET', url: 'Authors', headers: { prefer: 'include-annotations="*"' } },
    ]
    const batch = (prefer: string) => running().send('POST', '/$batch', { requests }, { Prefer: prefer })
    const answer = await batch('include-annotations="-*", maxpagesize=2')
    const { responses } = (await answer.json()) as { responses: { headers: Record<string, string> }[] }
    const none = 'odata.include-annotations="-*"'
    expect(responses.map(({ headers }) => headers['preference-applied'] ?? headers['Preference-Applied'])).toEqual([
      none,
      `odata.maxpagesize=1, ${none}`,
      includes('odata.'),
    ])
    expect((await batch('return=minimal')).status).toBe(400)
  })

  it('several are applied at once, and nonsense is ignored', async () => {
    const { applied } = await ask('/Books', 'odata.maxpagesize=2, omit-values=nulls, include-annotations="-*"')
    expect(applied).toBe('odata.maxpagesize=2, omit-values=nulls, odata.include-annotations="-*"')
    expect((await ask('/Books', 'omit-values=everything, include-annotations="%%"')).applied).toBeNull()
  })
})
