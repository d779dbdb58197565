import { existsSync } from 'node:fs'
import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, it } from 'vitest'
import { describeService } from '../../../../src/cli/openapi.ts'
import { parseCsdl } from '../../../../src/csdl/read-csdl.ts'
import { readModel } from '../../../../src/csdl/read-model.ts'
import { shared } from '../../../support/shared.ts'

const plain = { root: 'http://localhost:3000/x/', version: '4.0', graph: false } as const

// biome-ignore lint/suspicious/noExplicitAny: a JSON document that the assertions look into
type Document = any

async function documentOf(file: string, more: Partial<Parameters<typeof describeService>[1]> = {}): Promise<Document> {
  return JSON.parse(JSON.stringify(describeService(await readModel(file), { ...plain, ...more })))
}

function withContainer(container: string): Document {
  const text = `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
    <Schema Namespace="n" xmlns="http://docs.oasis-open.org/odata/ns/edm">
    <EntityType Name="E"><Key><PropertyRef Name="k"/></Key><Property Name="k" Type="Edm.String" Nullable="false"/></EntityType>
    <EntityContainer Name="C">${container}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>`
  return JSON.parse(JSON.stringify(describeService(parseCsdl(text, { file: 'test.xml' }), plain)))
}

function parameterNames({ parameters }: Document): readonly string[] {
  return (parameters ?? []).map(({ name }: { name: string }) => name)
}

describe('openApiOf', () => {
  const files = [
    ['examples/bookshop.xml', {}],
    ['test/models/kitchen-sink.xml', { version: '4.01' }],
    ['test/models/operations.xml', {}],
    ['test/models/media.xml', {}],
    ['test/models/links.xml', {}],
    ['metadata/microsoft.graph.xml', { graph: true }],
    [shared('csdl/trippin.xml'), {}],
    [shared('csdl/msgraph-v1.0.xml'), { graph: true }],
  ] as const
  for (const [file, more] of files)
    it.skipIf(!existsSync(file))(
      `is valid OpenAPI, every reference resolved: ${file} (skipped where it is not there)`,
      async () => {
        const document = await documentOf(file, more)
        const result = await new Validator().validate(structuredClone(document))
        expect(result.errors ?? []).toEqual([])
        const text = JSON.stringify(document)
        const missing = [...text.matchAll(/"#\/components\/(\w+)\/([^"]+)"/g)].filter(
          ([, kind, name]) => document.components[kind ?? '']?.[name ?? ''] === undefined,
        )
        expect(missing.map(([reference]) => reference)).toEqual([])
      },
    )

  it('names every path parameter in the path and declares it once', async () => {
    for (const file of ['examples/bookshop.xml', 'test/models/kitchen-sink.xml']) {
      const { paths } = await documentOf(file)
      for (const [path, item] of Object.entries<Document>(paths)) {
        const named = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name)
        expect([path, parameterNames(item)]).toEqual([path, named])
      }
    }
  })

  it('leaves out what the annotations forbid', async () => {
    const { paths } = await documentOf('examples/bookshop.xml')
    expect(Object.keys(paths['/Books/{ID}'])).toEqual(['parameters', 'get', 'patch', 'put', 'delete'])
    expect(Object.keys(paths['/StockLevels(Shop=%27{Shop}%27,Shelf={Shelf})'])).toEqual([
      'parameters',
      'get',
      'patch',
      'put',
    ])
  })

  it('tells what the planner serves of each method', () => {
    const document = withContainer(`<EntitySet Name="Es" EntityType="n.E">
      <Annotation Term="Org.OData.Capabilities.V1.InsertRestrictions"><Record><PropertyValue Property="Insertable" Bool="false"/></Record></Annotation>
      <Annotation Term="Org.OData.Capabilities.V1.UpdateRestrictions"><Record><PropertyValue Property="Updatable" Bool="false"/></Record></Annotation>
    </EntitySet>`)
    expect(Object.keys(document.paths['/Es'])).toEqual(['get'])
    expect(Object.keys(document.paths['/Es/{k}'])).toEqual(['parameters', 'get', 'delete'])
  })

  it('writes keys in parentheses where they are no segments', () => {
    const document = withContainer(`<EntitySet Name="Es" EntityType="n.E"/>
      <Annotation Term="Org.OData.Capabilities.V1.KeyAsSegmentSupported" Bool="false"/>`)
    expect(Object.keys(document.paths)).toEqual(['/Es', '/Es/$count', '/Es(%27{k}%27)', '/$batch'])
  })

  it('has no $batch where the model says so', () => {
    const document = withContainer(`<EntitySet Name="Es" EntityType="n.E"/>
      <Annotation Term="Org.OData.Capabilities.V1.BatchSupported" Bool="false"/>`)
    expect(Object.keys(document.paths)).not.toContain('/$batch')
  })

  it('calls functions and actions, bound and imported, with their parameters and results', async () => {
    const { paths, tags } = await documentOf('test/models/operations.xml')
    expect(paths['/Books/{ID}/lib.Discounted(percent={percent})'].get.responses[200].content).toEqual({
      'application/json': {
        schema: {
          type: 'object',
          required: ['value'],
          properties: { value: expect.objectContaining({ type: 'number', nullable: true }) },
        },
      },
    })
    const { post } = paths['/Books/{ID}/lib.Sell']
    expect(Object.keys(post.requestBody.content['application/json'].schema.properties)).toEqual(['count', 'to', 'note'])
    const { get } = paths['/Numbers(from=@from)']
    expect(get.parameters).toEqual([expect.objectContaining({ name: '@from', in: 'query', required: true })])
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/Fit(size=@size)', '/Fit(size=@size,shelf=@shelf)', '/Ping', '/Books/lib.Burn']),
    )
    expect(Object.keys(paths)).not.toContain('/Picture()')
    // deltas (Core.IsDelta): what is taken and what is given
    const { changes } = paths['/Sync'].post.requestBody.content['application/json'].schema.properties
    const entity = { $ref: '#/components/schemas/lib.Book' }
    const removed = expect.objectContaining({ required: ['@removed'] })
    const link = expect.objectContaining({ title: 'Added or deleted link' })
    expect(changes).toEqual({ type: 'array', items: { anyOf: [entity, removed, link] } })
    for (const operation of [paths['/Sync'].post, paths['/News()'].get]) {
      const { value } = operation.responses[200].content['application/json'].schema.properties
      const gone = expect.objectContaining({ required: ['id', 'reason'] })
      expect(value).toEqual({ type: 'array', items: { anyOf: [entity, gone] } })
      expect(JSON.stringify(operation.parameters)).not.toContain('top')
    }
    expect(tags.map(({ name }: { name: string }) => name)).toContain('Ping')
    const without = await documentOf('test/models/operations.xml', { operations: false })
    expect(Object.keys(without.paths).filter((path) => /lib\.|Ping|Fit/.test(path))).toEqual([])
  })

  it('reads and writes streams in the media types of the model', async () => {
    const { paths } = await documentOf('test/models/media.xml')
    const images = ['image/*', 'text/html', 'application/json']
    expect(Object.keys(paths['/Photos'].post.requestBody.content)).toEqual(images)
    const media = paths['/Photos/{id}/$value']
    expect([Object.keys(media), Object.keys(media.get.responses[200].content)]).toEqual([
      ['parameters', 'get', 'put', 'delete'],
      images,
    ])
    expect(Object.keys(paths['/Things/{id}/small'].put.requestBody.content)).toEqual(['image/png'])
  })

  it('relates entities by $ref, as far as relations can be changed', async () => {
    const { paths } = await documentOf('test/models/links.xml')
    const references = Object.entries<Document>(paths).filter(([path]) => path.endsWith('/$ref'))
    const methods = new Set(references.map(([, item]) => Object.keys(item).slice(1).join(' ')))
    expect(methods).toContain('get post put')
    expect(methods).toContain('delete')
    expect(methods).toContain('get put delete')
  })

  it('has bodies without what clients may not say, and with what they must', async () => {
    const { components } = await documentOf('examples/bookshop.xml')
    const book = components.schemas['org.example.bookshop.Book']
    const create = components.schemas['org.example.bookshop.Book-create']
    const update = components.schemas['org.example.bookshop.Book-update']
    expect(Object.keys(book.properties)).toContain('ID')
    expect(Object.keys(create.properties)).not.toContain('ID')
    expect(create.required).toEqual(['Title', 'Price'])
    expect(Object.keys(update.properties)).not.toContain('ISBN')
    expect(update.required).toBeUndefined()
    expect(book.properties.Binding).toEqual({ $ref: '#/components/schemas/org.example.bookshop.Binding' })
    expect(book.properties.Pages).toEqual(expect.objectContaining({ type: 'integer', nullable: true }))
  })

  it('derives types, with a discriminator under the name that answers carry', async () => {
    const { components } = await documentOf('test/models/kitchen-sink.xml')
    const thing = components.schemas['odatum.kitchen.Shape']
    expect(thing.discriminator).toEqual({
      propertyName: '@odata.type',
      mapping: {
        '#odatum.kitchen.Circle': '#/components/schemas/odatum.kitchen.Circle',
        '#odatum.kitchen.Polygon': '#/components/schemas/odatum.kitchen.Polygon',
      },
    })
    expect(components.schemas['odatum.kitchen.Circle'].allOf[0]).toEqual({
      $ref: '#/components/schemas/odatum.kitchen.Shape',
    })
    const later = await documentOf('test/models/kitchen-sink.xml', { version: '4.01' })
    expect(later.components.schemas['odatum.kitchen.Shape'].discriminator.propertyName).toBe('@type')
  })

  it('asks for the permissions that the plan requires', async () => {
    const { components, paths } = await documentOf('metadata/microsoft.graph.xml', { graph: true })
    expect(components.securitySchemes).toEqual({ bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } })
    const { get } = paths['/onPremEncryptedPayloads']
    expect(get.security).toEqual([{ bearer: [] }])
    expect(get.description).toContain('DeviceManagementConfiguration.Read.All')
  })

  it('maps Authorization.Authorizations to security schemes', () => {
    const { components } = withContainer(`<EntitySet Name="Es" EntityType="n.E"/>
      <Annotation Term="Org.OData.Authorization.V1.Authorizations"><Collection>
        <Record Type="Org.OData.Authorization.V1.OAuth2AuthCode">
          <PropertyValue Property="Name" String="code"/>
          <PropertyValue Property="AuthorizationUrl" String="https://a.example/authorize"/>
          <PropertyValue Property="TokenUrl" String="https://a.example/token"/>
          <PropertyValue Property="Scopes"><Collection><Record>
            <PropertyValue Property="Scope" String="read"/><PropertyValue Property="Description" String="reads"/>
          </Record></Collection></PropertyValue>
        </Record>
        <Record Type="Org.OData.Authorization.V1.ApiKey">
          <PropertyValue Property="Name" String="key"/><PropertyValue Property="KeyName" String="X-Key"/>
          <PropertyValue Property="Location" EnumMember="Org.OData.Authorization.V1.KeyLocation/Header"/>
        </Record>
      </Collection></Annotation>`)
    expect(components.securitySchemes).toEqual({
      code: {
        type: 'oauth2',
        flows: {
          authorizationCode: {
            authorizationUrl: 'https://a.example/authorize',
            tokenUrl: 'https://a.example/token',
            scopes: { read: 'reads' },
          },
        },
      },
      key: { type: 'apiKey', name: 'X-Key', in: 'header' },
    })
  })

  it("has Graph's error type in graph mode only", async () => {
    const graph = await documentOf('metadata/microsoft.graph.xml', { graph: true })
    const other = await documentOf('examples/bookshop.xml')
    expect(graph.components.schemas['odata.error.main'].properties.innerError.properties).toHaveProperty(
      'client-request-id',
    )
    expect(other.components.schemas['odata.error.main'].properties).not.toHaveProperty('innerError')
  })
})
