import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'openapi-typescript-codegen'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeService } from '../../src/cli/openapi.ts'
import { readModel } from '../../src/csdl/read-model.ts'
import {
  bookshopModel,
  embeddedForTests,
  graphModel,
  graphSettings,
  type RunningService,
  startService,
} from '../support/running-service.ts'

/** What the generated client of the bookshop has that the test calls. */
interface GeneratedClient {
  readonly OpenAPI: { BASE: string }
  readonly BooksService: {
    createBooks(call: { requestBody: object }): Promise<{ ID: string; Title: string }>
    listBooks(call: { filter?: string; orderby?: string; top?: number; count?: boolean }): Promise<{
      value: { Title: string }[]
      '@odata.count'?: number
    }>
    updateBooks(call: { id: string; requestBody: object }): Promise<unknown>
    getBooks(call: { id: string; select?: string }): Promise<object>
    deleteBooks(call: { id: string }): Promise<unknown>
  }
}

describe('a client generated from the OpenAPI document (openapi-typescript-codegen)', () => {
  let folder: string
  let running: RunningService
  let client: GeneratedClient
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'odatum-openapi-'))
    running = await startService(bookshopModel, embeddedForTests(), { enforcePermissions: false })
    const document = describeService(await readModel(bookshopModel), {
      root: running.root,
      version: '4.0',
      graph: false,
    })
    await generate({ input: { ...document }, output: folder, httpClient: 'fetch', useOptions: true })
    client = (await import(/* @vite-ignore */ join(folder, 'index.ts'))) as GeneratedClient
  })
  afterAll(async () => {
    await running?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('creates, reads, filters, changes and deletes', async () => {
    const { OpenAPI, BooksService } = client
    expect(OpenAPI.BASE).toBe(running.root)
    const book = await BooksService.createBooks({ requestBody: { Title: 'Generated', Price: 5, Tags: ['a'] } })
    await BooksService.createBooks({ requestBody: { Title: 'Other', Price: 6 } })
    const found = await BooksService.listBooks({
      filter: "Title eq 'Generated'",
      orderby: 'Title desc,Price',
      top: 5,
      count: true,
    })
    expect(found).toMatchObject({ '@odata.count': 1, value: [{ ID: book.ID, Title: 'Generated' }] })
    await BooksService.updateBooks({ id: book.ID, requestBody: { Pages: 12 } })
    expect(await BooksService.getBooks({ id: book.ID, select: 'Title,Pages' })).toMatchObject({ Pages: 12 })
    await BooksService.deleteBooks({ id: book.ID })
    await expect(BooksService.getBooks({ id: book.ID })).rejects.toMatchObject({ status: 404 })
  })
})

describe('the OpenAPI document', () => {
  it.each([
    [bookshopModel, { enforcePermissions: false }, false],
    [graphModel, graphSettings, true],
  ] as const)('lists nothing that the service does not serve: %s', async (file, settings, graph) => {
    const running = await startService(file, embeddedForTests(), settings)
    const { paths } = describeService(await readModel(file), { root: running.root, version: '4.0', graph }) as {
      paths: Record<string, Record<string, { parameters?: { $ref?: string }[] }>>
    }
    const refused: unknown[] = []
    for (const [path, item] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(item)) {
        if (method === 'parameters') continue
        const options = (operation.parameters ?? [])
          .map(({ $ref }) => $ref?.split('/').at(-1))
          .flatMap(
            (name) =>
              ({ top: '$top=1', skip: '$skip=1', filter: '$filter=true', select: '$select=*', expand: '$expand=*' })[
                name ?? ''
              ] ?? [],
          )
        const target = path.replace(
          /\{[^}]*\}/g,
          path.includes('Author') || path.includes('Shelf') ? '1' : '00000000-0000-0000-0000-000000000000',
        )
        const body = method === 'post' || method === 'put' || method === 'patch' ? {} : undefined
        const response = await running.send(method.toUpperCase(), `${target}?${options.join('&')}`, body)
        const text = await response.text()
        // a missing entity is one thing, a missing route another
        const served = response.status !== 404 || text.includes(graph ? 'itemNotFound' : 'entityNotFound')
        if ([405, 500, 501].includes(response.status) || !served) refused.push([method, target, response.status, text])
      }
    }
    await running.stop()
    expect(refused).toEqual([])
  })
})
