import { expect, it } from 'vitest'
import { jsonClient } from '../support/json-client.ts'
import { onEveryService } from '../support/running-service.ts'

onEveryService('change tracking of contained entities', 'test/models/relations.xml', {}, (running) => {
  const { ask, get, make } = jsonClient(running)
  const modern = { 'OData-MaxVersion': '4.01' }
  const below = (link: unknown): string => String(link).slice(running().root.length)

  it('tells of those of one owner, under their canonical URLs', async () => {
    const { root } = running()
    for (const user of ['u', 'v']) {
      await make('/users', { id: user, name: user })
      for (const id of ['a', 'b']) await make(`/users('${user}')/folders`, { id, title: id })
    }
    const first = await get("/users('u')/folders", { ...modern, Prefer: 'track-changes' })
    expect(first.headers.get('preference-applied')).toBe('track-changes')
    expect(first.json?.value).toHaveLength(2)
    await ask('PATCH', "/users('u')/folders('a')", { title: 'changed' })
    await ask('PATCH', "/users('v')/folders('a')", { title: 'elsewhere' })
    await ask('DELETE', "/users('v')/folders('b')")
    await ask('DELETE', "/users('u')/folders('b')")
    const delta = await get(below(first.json?.['@deltaLink']), { ...modern, Accept: 'application/json;metadata=full' })
    expect(delta.json?.['@context']).toBe(`${root}/$metadata#users('u')/folders/$delta`)
    expect(delta.json?.value).toEqual([
      expect.objectContaining({ '@id': `${root}/users('u')/folders('a')`, title: 'changed' }),
      {
        '@context': `${root}/$metadata#users('u')/folders/$deletedEntity`,
        '@removed': { reason: 'deleted' },
        '@id': `${root}/users('u')/folders('b')`,
        id: 'b',
      },
    ])
    const old = await get(below(first.json?.['@deltaLink']), { 'OData-MaxVersion': '4.0' })
    expect(old.json?.value[1]).toEqual({
      '@odata.context': `${root}/$metadata#users('u')/folders/$deletedEntity`,
      id: `${root}/users('u')/folders('b')`,
      reason: 'deleted',
    })
  })

  it('tells of what a deleted owner took along', async () => {
    await make('/users', { id: 'w', name: 'w' })
    await make("/users('w')/folders", { id: 'f', title: 'f' })
    await make("/users('w')/folders('f')/messages", { box: 'x', no: 1, subject: 's' })
    const first = await get("/users('w')/folders('f')/messages?$deltatoken=latest", modern)
    expect(first.status).toBe(200)
    const folders = await get("/users('w')/folders?$deltatoken=latest", modern)
    expect((await ask('DELETE', "/users('w')/folders('f')")).status).toBe(204)
    const delta = await get(below(folders.json?.['@deltaLink']), modern)
    expect(delta.json?.value).toEqual([
      { '@removed': { reason: 'deleted' }, '@id': expect.stringContaining("folders('f')"), id: 'f' },
    ])
    // its own collection is gone with it
    expect([200, 404, 410]).toContain((await get(below(first.json?.['@deltaLink']), modern)).status)
  })
})
