import { beforeAll, describe, expect, it } from 'vitest'
import type { Principal } from '../../src/auth/principal.ts'
import { onEveryService } from '../support/running-service.ts'

/** The Authorization header is the list of scopes. */
const settings = {
  authenticate: ({ authorization }: { authorization: string | undefined }): Principal => ({
    subject: 'test',
    tenant: undefined,
    scheme: 'Delegated',
    scopes: new Set((authorization ?? '').replace('Bearer ', '').split(' ')),
    expires: 4_000_000_000,
  }),
  operations: {
    'terms.Area': ({ shape }: { readonly [name: string]: unknown }) => (shape as { side: number }).side ** 2,
    'terms.Secret': () => 'hidden',
  },
}

interface Failure {
  readonly error: { readonly message: string; readonly target?: string }
}

onEveryService('Vocabulary terms over HTTP', 'test/models/terms.xml', settings, (running) => {
  const failure = async (answer: Response): Promise<string> => {
    const { error } = (await answer.json()) as Failure
    return `${answer.status} ${error.target}: ${error.message}`
  }
  const post = (body: object) => running().send('POST', '/Letters', body)

  beforeAll(async () => {
    const answer = await post({ id: 1, title: 'To "Ann"', text: '*hi*', pages: [{ number: 1, notes: [{ id: 'a' }] }] })
    expect(answer.status, await answer.clone().text()).toBe(201)
  })

  it('names a raw value as the model says, and takes the media types that it lists', async () => {
    const text = await running().get('/Letters(1)/text/$value')
    expect(text.headers.get('Content-Disposition')).toBe(
      'attachment; filename="To _Ann_"; filename*=UTF-8\'\'To%20%22Ann%22',
    )
    const put = (type: string) =>
      fetch(`${running().root}/Letters(1)/text/$value`, {
        method: 'PUT',
        body: '*ho*',
        headers: { 'Content-Type': type },
      })
    expect((await put('text/plain')).status).toBe(415)
    expect((await put('text/markdown')).status).toBe(204)
    expect(await (await running().get('/Letters(1)/text/$value')).text()).toBe('*ho*')
    expect((await running().get('/Letters(1)/title/$value')).headers.get('Content-Disposition')).toBeNull()
  })

  it('expands inside of what is expanded, asked for or not', async () => {
    const letter = { pages: [{ number: 1, notes: [{ id: 'a' }] }] }
    expect(await (await running().get('/Letters(1)')).json()).toMatchObject(letter)
    expect(await (await running().get('/Letters(1)?$expand=pages($select=number)')).json()).toMatchObject(letter)
    expect(await (await running().get('/Letters(1)/pages')).json()).toMatchObject({ value: letter.pages })
  })

  describe('counts related entities (Validation.MinItems, MaxItems)', () => {
    const pages = (...numbers: readonly number[]) => numbers.map((number) => ({ number }))

    it.each([
      [0, 'must have at least 1 items (Validation.MinItems)'],
      [3, 'must have at most 2 items (Validation.MaxItems)'],
    ])('%i in a deep insert', async (count, why) => {
      const answer = await post({ id: 2, pages: pages(...[1, 2, 3].slice(0, count)) })
      expect(await failure(answer)).toBe(`400 pages: The value of pages ${why}.`)
      expect((await running().get('/Letters(2)')).status).toBe(404)
    })

    it('takes what fits', async () => {
      expect((await post({ id: 3, pages: pages(1, 2) })).status).toBe(201)
    })
  })

  it('takes parameters of the types that the model lists', async () => {
    const area = (shape: object) => running().get(`/Area(shape=@s)?@s=${encodeURIComponent(JSON.stringify(shape))}`)
    expect(await (await area({ '@odata.type': '#terms.Square', side: 3 })).json()).toMatchObject({ value: 9 })
    expect(await failure(await area({ '@odata.type': '#terms.Circle', radius: 3 }))).toBe(
      '400 shape: The type of shape must be terms.Square (Validation.DerivedTypeConstraint).',
    )
  })

  it('lets only those call an operation who hold its scopes', async () => {
    expect((await running().get('/Secret()')).status).toBe(403)
    const answer = await running().get('/Secret()', { Authorization: 'Bearer Secret.Read' })
    expect(await answer.json()).toMatchObject({ value: 'hidden' })
  })

  it('has no $crossjoin and no /$query where the model says so', async () => {
    expect(await failure(await running().get('/$crossjoin(Letters,Others)'))).toBe(
      '501 $crossjoin: $crossjoin is not supported (Capabilities.CrossJoinSupported).',
    )
    const answer = await fetch(`${running().root}/Letters/$query`, {
      method: 'POST',
      body: '$top=1',
      headers: { 'Content-Type': 'text/plain' },
    })
    expect(await failure(answer)).toBe('501 $query: /$query is not supported (Capabilities.QuerySegmentSupported).')
    expect(await (await running().get('/$metadata')).text()).not.toContain('CrossJoinSupported" Bool="true"')
  })
})
