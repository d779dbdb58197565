import { beforeAll, expect, it } from 'vitest'
import { ODataController } from '../../src/index.ts'
import type { CallerContext } from '../../src/service/controller.ts'
import { onEveryService } from '../support/running-service.ts'

/** Where the authors really are. */
const elsewhere = [
  { ID: 3, Name: 'Cid' },
  { ID: 1, Name: 'Ann' },
  { ID: 2, Name: 'Bob' },
  { ID: 9, Name: 'Hidden' },
]

class Authors extends ODataController {
  override async *entities() {
    yield* elsewhere
  }
  override rowFilter(_: CallerContext) {
    return "Name ne 'Hidden'"
  }
}

const settings = { enforcePermissions: false, controllers: { Authors } }

onEveryService('sets that no store holds', 'test/models/operations.xml', settings, (running) => {
  const get = async (path: string, headers?: Record<string, string>) => {
    const response = await running().get(path, headers)
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }
  beforeAll(async () => {
    await running().send('PUT', '/Books(1)', { Title: 'One', AuthorID: 2, Tags: [] })
    await running().send('PUT', '/Books(2)', { Title: 'Two', AuthorID: 9, Tags: [] })
  })

  it('are read with every option', async () => {
    expect((await get('/Authors')).body.value).toMatchObject([{ ID: 1 }, { ID: 2 }, { ID: 3 }])
    expect((await get('/Authors?$filter=ID gt 1&$orderby=Name desc&$top=1&$count=true')).body).toMatchObject({
      '@odata.count': 2,
      value: [{ Name: 'Cid' }],
    })
    expect((await get('/Authors/$count')).body).toBe(3)
    expect((await get('/Authors(2)/Name')).body.value).toBe('Bob')
    expect((await get('/Authors(4)')).status).toBe(404)
    expect((await get('/Authors(9)')).status).toBe(404)
  })

  it('are paged', async () => {
    const first = await get('/Authors?$orderby=Name', { Prefer: 'maxpagesize=2' })
    expect(first.body.value).toMatchObject([{ Name: 'Ann' }, { Name: 'Bob' }])
    const next = await get(String(first.body['@odata.nextLink']).slice(running().root.length))
    expect(next.body.value).toMatchObject([{ Name: 'Cid' }])
  })

  it('are related to stored ones, both ways', async () => {
    expect((await get('/Books(1)/Author')).body.Name).toBe('Bob')
    expect((await get('/Books(2)/Author')).status).toBe(204)
    expect((await get('/Books?$expand=Author&$orderby=ID')).body.value).toMatchObject([
      { Author: { Name: 'Bob' } },
      { Author: null },
    ])
    expect((await get('/Authors(2)/Books')).body.value).toMatchObject([{ Title: 'One' }])
    expect((await get("/Authors?$filter=Books/any(b:b/Title eq 'One')")).body.value).toMatchObject([{ ID: 2 }])
    expect((await get("/Books?$filter=Author/Name eq 'Bob'")).body.value).toMatchObject([{ ID: 1 }])
  })
})
