import { describe, expect, it } from 'vitest'
import { bindPath } from '../../../src/bind/bind-path.ts'
import { bindQuery } from '../../../src/bind/bind-query.ts'
import { readModel } from '../../../src/csdl/read-model.ts'
import type { ODataError } from '../../../src/errors/odata-error.ts'
import { expandLimits, expansionsOf } from '../../../src/plan/expansion.ts'
import type { Expansion } from '../../../src/plan/plan.ts'
import { relatedQueryAt } from '../../../src/plan/related.ts'
import { sourceOf } from '../../../src/plan/source.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseRequestUrl } from '../../../src/url/parse-url.ts'

const model = await readModel('test/models/relations.xml')

function expansions(url: string): readonly Expansion[] {
  const { segments, options } = parseRequestUrl(url, { version: '4.01', limits: defaultUrlLimits })
  const { path, values } = bindPath(model, segments, options, { keyAsSegment: true })
  const { query, slots } = bindQuery(model, path, options, values.length)
  const first = values.length + slots.length
  return expansionsOf(model, path, sourceOf(path, first).source, query.expand, first, relatedQueryAt)
}

/** How the entities of one parent, and those of many, are asked for. */
function shape({ one, many, keyed, values, expansions: nested }: Expansion): unknown {
  const steps = (plan: typeof one) => [
    plan.source.root.name,
    ...plan.source.steps.map((step) => (step.kind === 'filter' ? step.predicate.kind : step.kind)),
  ]
  return {
    gives: values.map(({ kind }) => kind),
    one: [...steps(one), ...(keyed ? ['keyed'] : [])],
    many: many && [...steps(many.plan), many.matching.kind],
    ...(nested.length === 0 ? {} : { nested: nested.map(shape) }),
  }
}

const fault = (url: string): Partial<ODataError> => {
  try {
    expansions(url)
  } catch (error) {
    return error as ODataError
  }
  throw new Error('no fault')
}

describe('expansions', () => {
  it.each([
    ['users?$expand=manager', { gives: ['member'], one: ['users', 'key', 'keyed'], many: undefined }],
    ['users?$expand=reports', { gives: ['member'], one: ['users', 'binary'], many: ['users', 'in', 'values'] }],
    ['users?$expand=badge', { gives: ['member'], one: ['badges', 'binary'], many: ['badges', 'in', 'values'] }],
    ['users?$expand=groups', { gives: ['links'], one: ['groups', 'in'], many: ['groups', 'in', 'values'] }],
    ['users?$expand=folders', { gives: ['owner'], one: ['rel.User/folders'], many: ['rel.User/folders', 'owner'] }],
    ['users?$expand=settings', { gives: ['owner'], one: ['rel.User/settings', 'keyed'], many: undefined }],
    ['badges?$expand=holder', { gives: ['member'], one: ['users', 'key', 'keyed'], many: undefined }],
  ])('%s', (url, expected) => {
    expect(expansions(url).map(shape)).toEqual([expected])
  })

  it('asks for the rows themselves, not for the outer ones', () => {
    const [found] = expansions('users?$expand=reports($filter=level gt 1;$orderby=name desc)')
    expect(found?.one.filter).toMatchObject({ left: { kind: 'member', variable: '$it' } })
    expect(found?.orderby.map(({ expression }) => expression)).toMatchObject([
      { variable: '$it', steps: [{ property: { name: 'name' } }] },
      { variable: '$it', steps: [{ property: { name: 'id' } }] },
    ])
    expect(found?.many?.plan.orderby).toEqual([])
  })

  it('unrolls $levels', () => {
    const depth = (found: readonly Expansion[]): number => Math.max(0, ...found.map((one) => 1 + depth(one.expansions)))
    expect(depth(expansions('users?$expand=reports($levels=3)'))).toBe(3)
    expect(depth(expansions('users?$expand=reports($levels=max)'))).toBe(expandLimits.depth)
    expect(depth(expansions('users?$expand=folders($levels=max)'))).toBe(1)
    expect(depth(expansions("users('a')/folders?$expand=folders($levels=2;$expand=messages)"))).toBe(3)
  })

  it('has limits, each with a name', () => {
    expect(fault('users?$expand=reports($levels=6)').message).toContain('expandDepth')
    const many = 'manager,reports,badge,groups,mainGroup,folders,settings'
    expect(
      fault(
        `users?$expand=reports($expand=${many}),manager($expand=${many}),folders,badge($expand=holder($expand=${many}))`,
      ).message,
    ).toContain('expandItems')
  })

  it.each([['users?$expand=reports($filter=id eq $it/manager/id)', '$it']])('%s is not implemented', (url, words) => {
    expect(fault(url)).toMatchObject({ code: 'notImplemented', message: expect.stringContaining(words) })
  })
})
