import { describe, expect, it } from 'vitest'
import { writeServiceDocument } from '../../../src/payload/service-document.ts'
import { dialect, sampleModel } from './fixture.ts'

const { model } = sampleModel()
const written = (more: Parameters<typeof dialect>[0]) =>
  JSON.parse(Buffer.from(writeServiceDocument(model, dialect(more))).toString())

describe('writeServiceDocument', () => {
  it('lists entity sets and singletons, without what is kept out', () => {
    expect(written({})).toEqual({
      '@odata.context': 'https://host/svc/$metadata',
      value: [
        { name: 'Things', kind: 'EntitySet', url: 'Things' },
        { name: 'Items', kind: 'EntitySet', url: 'Items' },
        { name: 'Me', kind: 'Singleton', url: 'Me' },
      ],
    })
  })

  it('names the context by version and leaves it out without metadata', () => {
    expect(Object.keys(written({ version: '4.01' }))).toEqual(['@context', 'value'])
    expect(Object.keys(written({ metadata: 'none' }))).toEqual(['value'])
  })
})
