import { describe, expect, it } from 'vitest'
import { parseCsdl } from '../../src/csdl/read-csdl.ts'
import { annotationOf, bool, items, member, text } from '../../src/edm/annotations.ts'
import type { AnnotationExpression, EntityContainer } from '../../src/edm/model.ts'
import { bookshopModel, onEveryService } from '../support/running-service.ts'

const capabilities = 'Org.OData.Capabilities.V1.'

onEveryService('published capabilities', bookshopModel, {}, (running) => {
  const container = async (): Promise<EntityContainer> => {
    const answer = await running().get('/$metadata')
    const model = parseCsdl(await answer.text(), { file: 'metadata.xml' })
    if (model.container === undefined) throw new Error('$metadata has no container')
    return model.container
  }
  const published = async (term: string): Promise<AnnotationExpression | undefined> =>
    annotationOf(await container(), capabilities + term)?.value
  const byDefault = async (term: string, property: string): Promise<boolean | undefined> => {
    const value = member(await published('DefaultCapabilities'), term)
    return value?.kind === 'bool' ? value.value : bool(member(value, property))
  }

  describe('are the truth', () => {
    it.each([
      ['TopSupported', '', '$top=1'],
      ['SkipSupported', '', '$skip=1'],
      ['CountRestrictions', 'Countable', '$count=true'],
      ['FilterRestrictions', 'Filterable', '$filter=ID eq 1'],
      ['SortRestrictions', 'Sortable', '$orderby=Name'],
      ['SelectSupport', 'Supported', '$select=Name'],
      ['SearchRestrictions', 'Searchable', '$search=x'],
      ['ExpandRestrictions', 'Expandable', '$expand=Books'],
    ])('%s', async (term, property, query) => {
      const { status } = await running().get(`/Authors?${query}`)
      expect([200, 501]).toContain(status)
      expect(await byDefault(term, property), 'see `supported` in src/service/publish-capabilities.ts').toBe(
        status === 200,
      )
    })

    it('ComputeSupported', async () => {
      expect((await running().send('POST', '/Authors', { ID: 1, Name: 'Ann' })).status).toBe(201)
      const answer = await running().get('/Authors?$compute=ID add 1 as next&$select=next')
      const computed = answer.status === 200 && (await answer.text()).includes('"next":2')
      expect(await byDefault('ComputeSupported', ''), 'see `supported` in src/service/publish-capabilities.ts').toBe(
        computed,
      )
    })

    it('BatchSupported', async () => {
      const { status } = await running().send('POST', '/$batch', { requests: [] })
      expect(bool(await published('BatchSupported')), 'see `supported` in src/service/publish-capabilities.ts').toBe(
        status !== 501 && status !== 404 && status !== 405,
      )
    })

    it('ChangeTracking', async () => {
      const { headers } = await running().get('/Authors', { Prefer: 'track-changes' })
      expect(await byDefault('ChangeTracking', 'Supported')).toBe(headers.has('preference-applied'))
    })

    it('CrossJoinSupported and QuerySegmentSupported', async () => {
      expect(bool(await published('CrossJoinSupported'))).toBe(
        (await running().get('/$crossjoin(Authors,Books)')).status === 200,
      )
      const query = await running().send('POST', '/Authors/$query', '$top=1', { 'Content-Type': 'text/plain' })
      expect(bool(await published('QuerySegmentSupported'))).toBe(query.status === 200)
    })

    it('FilterFunctions', async () => {
      const names = items(await published('FilterFunctions')).map(text)
      expect(names).toEqual(expect.arrayContaining(['eq', 'in', 'any', 'contains', 'matchespattern', 'geo.distance']))
      for (const filter of ["contains(Name,'a')", 'year(Born) gt 1', "matchespattern(Name,'^a')", 'ID in (1,2)'])
        expect((await running().get(`/Authors?$filter=${encodeURIComponent(filter)}`)).status, filter).toBe(200)
    })
  })

  it('leave alone what the model says itself, and every annotation of it', async () => {
    const { annotations } = await container()
    expect(annotations.filter(({ term }) => term === `${capabilities}KeyAsSegmentSupported`)).toHaveLength(1)
  })
})

onEveryService('unpublished capabilities', bookshopModel, { publishCapabilities: false }, (running) => {
  it('are not in $metadata', async () => {
    expect(await (await running().get('/$metadata')).text()).not.toContain('DefaultCapabilities')
  })
})
