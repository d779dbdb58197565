import { describe, expect, it } from 'vitest'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import { readModel } from '../../../src/csdl/read-model.ts'
import { containedCollections } from '../../../src/service/containment.ts'

const model = await readModel('test/models/relations.xml')
const layout = layoutOf(model)

function names(type: string): readonly string[] {
  const found = model.types.get(type)
  if (found?.kind !== 'entity') throw new Error(type)
  return containedCollections(model, layout, found)
    .map(({ name }) => name)
    .toSorted()
}

describe('containedCollections', () => {
  it('are all that stand below an entity, by complex and derived types too', () => {
    expect(names('rel.User')).toEqual([
      'rel.Employee/tasks',
      'rel.Folder/folders',
      'rel.Folder/messages',
      'rel.Message/attachments',
      'rel.Settings/shortcuts',
      'rel.Spot/sights',
      'rel.User/drawings',
      'rel.User/folders',
      'rel.User/settings',
    ])
    expect(names('rel.Folder')).toEqual(['rel.Folder/folders', 'rel.Folder/messages', 'rel.Message/attachments'])
  })

  it('are none for what contains nothing', () => {
    expect(names('rel.Order')).toEqual([])
  })
})
