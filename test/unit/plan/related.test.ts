import { describe, expect, it } from 'vitest'
import { bindPath } from '../../../src/bind/bind-path.ts'
import { bindQuery } from '../../../src/bind/bind-query.ts'
import { printBound } from '../../../src/bind/print.ts'
import { readModel } from '../../../src/csdl/read-model.ts'
import { buildPlan } from '../../../src/plan/build.ts'
import type { RelatedQuery, RelationNode } from '../../../src/plan/plan.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseRequestUrl } from '../../../src/url/parse-url.ts'

const model = await readModel('test/models/relations.xml')

function related(url: string): RelatedQuery | undefined {
  const { segments, options } = parseRequestUrl(url, { version: '4.01', limits: defaultUrlLimits })
  const { path, slots, values } = bindPath(model, segments, options, { keyAsSegment: true })
  const plan = buildPlan({
    model,
    method: 'GET',
    path,
    options,
    pathSlots: slots,
    bindQuery: () => bindQuery(model, path, options, values.length),
    bindTransformation: () => undefined,
  })
  return plan.kind === 'read' || plan.kind === 'count' ? plan.related : undefined
}

const tree = (nodes: readonly RelationNode[]): unknown =>
  Object.fromEntries(
    nodes.map(({ via, expansion, nodes: inner }) => [
      [
        ...via.map((step) => (step.kind === 'property' ? step.property.name : step.kind)),
        expansion.item.property.name,
      ].join('/'),
      tree(inner),
    ]),
  )

describe('queries by related entities', () => {
  it('are none where only the rows are looked at', () => {
    expect(related("users?$filter=managerId eq 'x' and home/city eq 'y'&$orderby=level")).toBeUndefined()
  })

  it.each([
    ["users?$filter=manager/name eq 'x'", { manager: {} }],
    ["users?$filter=manager/manager/name eq 'x'", { manager: { manager: {} } }],
    [
      'users?$filter=reports/any(r:r/badge/number gt 1 and r/manager/level eq level)',
      { reports: { badge: {}, manager: {} } },
    ],
    ['users?$filter=reports/any(r:manager/level gt r/level)', { reports: {}, manager: {} }],
    ['users?$filter=reports/$count($filter=folders/any()) gt 1', { reports: { folders: {} } }],
    ["users?$filter=home/country/name eq 'x'", { 'home/country': {} }],
    ['users?$orderby=manager/name', { manager: {} }],
    ["users('a')/folders?$filter=messages/any()", { messages: {} }],
    ['users/$count?$filter=reports/any()', { reports: {} }],
  ])('%s follows', (url, expected) => {
    expect(tree(related(url)?.nodes ?? [])).toEqual(expected)
  })

  it('leave to the store what looks at the rows alone', () => {
    const found = related("users?$filter=level gt 1 and manager/name eq 'x' and name ne 'y'&$orderby=level")
    expect(found?.base.filter && printBound(found.base.filter)).not.toContain('manager')
    expect(found?.base.filter && printBound(found.base.filter)).toContain('level')
    expect(found?.filter && printBound(found.filter)).toContain('manager')
    expect(found?.sorted).toBe(false)
    expect(found?.base.orderby).toHaveLength(2)
    expect(related('users?$orderby=manager/name')).toMatchObject({
      sorted: true,
      filter: undefined,
      base: { orderby: [] },
    })
  })
})
