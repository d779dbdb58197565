import { beforeAll, expect, it } from 'vitest'
import { bookshopModel, onEveryService } from '../support/running-service.ts'

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

  it('several are applied at once, and nonsense is ignored', async () => {
    const { applied } = await ask('/Books', 'odata.maxpagesize=2, omit-values=nulls, include-annotations="-*"')
    expect(applied).toBe('odata.maxpagesize=2, omit-values=nulls, odata.include-annotations="-*"')
    expect((await ask('/Books', 'omit-values=everything, include-annotations="%%"')).applied).toBeNull()
  })
})
