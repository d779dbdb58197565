import { describe, expect, it } from 'vitest'
import { bindPath } from '../../../src/bind/bind-path.ts'
import { bindQuery } from '../../../src/bind/bind-query.ts'
import { readModel } from '../../../src/csdl/read-model.ts'
import { expansionsOf } from '../../../src/plan/expansion.ts'
import { relatedQueryAt } from '../../../src/plan/related.ts'
import { sourceOf } from '../../../src/plan/source.ts'
import { nestedNodes, nextTarget, nodeOf } from '../../../src/service/expand-link.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseRequestUrl } from '../../../src/url/parse-url.ts'

const model = await readModel('test/models/relations.xml')

/** The request for the rest of the first expanded collection of a row. */
function target(url: string, parent: string): string {
  const { segments, options } = parseRequestUrl(url, { version: '4.01', limits: defaultUrlLimits })
  const { path, values } = bindPath(model, segments, options, { keyAsSegment: true })
  const { query, slots } = bindQuery(model, path, options, values.length)
  const { source } = sourceOf(path, 0)
  const [expansion] = expansionsOf(model, path, source, query.expand, values.length + slots.length, relatedQueryAt)
  if (!expansion) throw new Error('nothing is expanded')
  const nodes = options.expand ?? []
  return decodeURIComponent(nextTarget(parent, source, expansion, nodeOf(nodes, expansion.item), nodes))
}

describe('the link to the rest of an expanded collection', () => {
  it.each([
    ['users?$expand=reports', '/users(1)/reports'],
    [
      "users?$expand=reports($filter=name eq 'a;b' and level gt 1;$select=id;$top=200)",
      "/users(1)/reports?$filter=name eq 'a;b' and level gt 1&$select=id&$top=200",
    ],
    [
      'users?$expand=reports($levels=2;$select=id)',
      '/users(1)/reports?$select=id&$expand=reports($select=id;$levels=1)',
    ],
    ['users?$expand=reports($expand=folders($top=1))', '/users(1)/reports?$expand=folders($top=1)'],
    ['users?$expand=rel.Employee/tasks', '/users(1)/rel.Employee/tasks'],
    ['orders?$expand=*', '/users(1)/items'],
  ])('%s', (url, expected) => {
    expect(target(url, 'users(1)')).toBe(expected)
  })

  it('goes on with one level less', () => {
    const { options } = parseRequestUrl('users?$expand=reports($levels=3)', {
      version: '4.01',
      limits: defaultUrlLimits,
    })
    const { path } = bindPath(
      model,
      parseRequestUrl('users', { version: '4.01', limits: defaultUrlLimits }).segments,
      options,
      {
        keyAsSegment: true,
      },
    )
    const { query } = bindQuery(model, path, options, 0)
    const [expansion] = expansionsOf(model, path, sourceOf(path, 0).source, query.expand, 0, relatedQueryAt)
    if (!expansion) throw new Error('nothing is expanded')
    expect(nestedNodes(options.expand ?? [], expansion)).toMatchObject([{ options: { levels: 2 } }])
  })
})
