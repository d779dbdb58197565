import { expect, it } from 'vitest'
import { jsonClient } from '../support/json-client.ts'
import { onEveryStore } from '../support/running-service.ts'

/** The order of contained entities annotated Core.Ordered, Core.PositionalInsert (docs/decisions/0017-order-of-entities.md). */
onEveryStore('the order of contained entities', 'test/models/changes.xml', {}, (running) => {
  const { ask, get, make, ids } = jsonClient(running)
  const owned = async (id: number, ...parts: string[]): Promise<string> => {
    await make('/items', { id })
    for (const part of parts) await make(`/items(${id})/ordered`, { id: part })
    return `/items(${id})/ordered`
  }
  const order = (path: string) => ids(path).then((found) => found?.join(''))
  const put = async (path: string, index: number, id: string) => ask('POST', `${path}?$index=${index}`, { id })

  it('is that in which they came, and what $index says', async () => {
    const path = await owned(1, 'm', 'z', 'a')
    expect(await order(path)).toBe('mza')
    for (const [index, id, now] of [
      [0, '0', '0mza'],
      [1, '1', '01mza'],
      [-1, '2', '01mza2'],
      [-2, '3', '01mza32'],
      [6, '4', '01mza342'],
      [-9, '5', '501mza342'],
    ] as const) {
      const answer = await put(path, index, id)
      expect(answer.status, answer.text).toBe(201)
      expect(await order(path), `$index=${index}`).toBe(now)
    }
    for (const index of [10, 100, -11])
      expect((await put(path, index, 'x')).error?.code, String(index)).toBe('queryOptionInvalid')
    expect((await put(path, 0, 'm')).status).toBe(409)
    expect(await order(path)).toBe('501mza342')
    // others have an order of their own
    expect(await order(await owned(2, 'z', 'a'))).toBe('za')
    expect((await put('/items(404)/ordered', 0, 'x')).status).toBe(404)
  })

  it('holds for pages, counts, $expand, and gives way to $orderby', async () => {
    const path = await owned(11, 'c', 'b', 'a', 'e', 'd')
    const walked: unknown[] = []
    for (let next: string | undefined = path; next !== undefined; ) {
      const page = await get(next, { Prefer: 'odata.maxpagesize=2' })
      walked.push(...(page.json?.value ?? []).map(({ id }) => id))
      next = (page.json?.['@odata.nextLink'] as string | undefined)?.slice(running().root.length)
    }
    expect(walked.join('')).toBe('cbaed')
    expect(await order(`${path}?$top=2&$skip=1`)).toBe('ba')
    expect(await order(`${path}?$orderby=id desc`)).toBe('edcba')
    expect(await order(`${path}?$filter=id gt 'a'`)).toBe('cbed')
    const expanded = (await get('/items(11)?$expand=ordered($top=3)')).json?.ordered as { id: string }[]
    expect(expanded.map(({ id }) => id).join('')).toBe('cba')
    expect(expanded[0]).not.toHaveProperty('@order')
    const many = await get('/items?$filter=id eq 11&$expand=ordered($orderby=size,id)')
    expect(many.json?.value[0]).toMatchObject({ ordered: ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id })) })
  })

  it('stays when entities change, and follows deep inserts, upserts and the model of each', async () => {
    await make('/items', { id: 21, ordered: [{ id: 'z' }, { id: 'a' }, { id: 'm' }] })
    const path = '/items(21)/ordered'
    expect(await order(path)).toBe('zam')
    expect((await ask('PUT', `${path}('a')`, { size: 1 })).status).toBe(204)
    expect((await ask('PATCH', `${path}('z')`, { size: 2 })).status).toBe(204)
    expect((await ask('PUT', `${path}('b')`, { size: 3 })).status).toBe(201)
    expect(await order(path)).toBe('zamb')
    expect((await ask('DELETE', `${path}('a')`)).status).toBe(204)
    expect((await put(path, 1, 'a')).status).toBe(201)
    expect(await order(path)).toBe('zamb')
    // without an annotation: the order of keys
    for (const id of ['z', 'a']) await make('/items(21)/parts', { id })
    expect(await order('/items(21)/parts')).toBe('az')
    await running().restart()
    expect(await order(path)).toBe('zamb')
  })

  it('always has a place between two, and all of many at once have one', async () => {
    const path = await owned(31, 'first', 'last')
    for (let i = 0; i < 60; i++) expect((await put(path, 1, `n${i}`)).status).toBe(201)
    const between = Array.from({ length: 60 }, (_, i) => `n${59 - i}`)
    expect(await ids(path)).toEqual(['first', ...between, 'last'])
    const other = await owned(32, 'first', 'last')
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => put(other, 1, `p${i}`)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
    const found = await ids(other)
    expect([found?.[0], found?.at(-1), found?.length]).toEqual(['first', 'last', 22])
    expect(await ids(other)).toEqual(found)
  })

  it('is undone with a change set', async () => {
    const path = await owned(41, 'a', 'b')
    const headers = { 'Content-Type': 'application/json' }
    const part = (id: string, url: string, body: unknown) => ({
      id,
      atomicityGroup: 'g',
      method: 'post',
      url,
      headers,
      body,
    })
    const batch = (...requests: unknown[]) => ask('POST', '/$batch', { requests })
    await batch(part('1', 'items(41)/ordered?$index=0', { id: 'x' }), part('2', 'items', { id: 41 }))
    expect(await order(path)).toBe('ab')
    await batch(
      part('1', 'items(41)/ordered?$index=1', { id: 'x' }),
      part('2', 'items(41)/ordered?$index=1', { id: 'y' }),
    )
    expect(await order(path)).toBe('ayxb')
  })
})
