import { describe, expect, it } from 'vitest'
import { bindPath } from '../../../src/bind/bind-path.ts'
import { readModel } from '../../../src/csdl/read-model.ts'
import { partnerOf, storageOf } from '../../../src/plan/relation.ts'
import { sourceOf } from '../../../src/plan/source.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseRequestUrl } from '../../../src/url/parse-url.ts'

const model = await readModel('test/models/relations.xml')

function navigation(type: string, name: string) {
  const found = model.types.get(type)
  const property = found && 'allNavigationProperties' in found ? found.allNavigationProperties.get(name) : undefined
  if (!property) throw new Error(`${type}/${name}`)
  return property
}

function source(url: string) {
  const { segments, options } = parseRequestUrl(url, { version: '4.01', limits: defaultUrlLimits })
  const { path, values } = bindPath(model, segments, options, { keyAsSegment: true })
  return sourceOf(path, values.length)
}

/** One word for each step and hop. */
function shape(url: string) {
  const { source: flat, hops } = source(url)
  const steps = (found: typeof flat) => [
    found.root.name,
    ...(found.owner === undefined ? [] : [`owner #${found.owner}`]),
    ...found.steps.map((step) => (step.kind === 'key' ? `key #${step.predicate.parameters.join(' #')}` : step.kind)),
  ]
  return [
    ...hops.map(({ plan, values }) => [...steps(plan.source), ...values.map(({ kind }) => `> ${kind}`)]),
    steps(flat),
  ]
}

describe('how a navigation property is stored', () => {
  it.each([
    ['rel.User', 'manager', 'dependent'],
    ['rel.User', 'reports', 'principal'],
    ['rel.User', 'badge', 'principal'],
    ['rel.Badge', 'holder', 'dependent'],
    ['rel.User', 'groups', 'links'],
    ['rel.Order', 'items', 'principal'],
  ])('%s/%s: %s', (type, name, expected) => {
    const storage = storageOf(navigation(type, name))
    expect(storage.kind === 'links' ? 'links' : storage.dependent ? 'dependent' : 'principal').toBe(expected)
  })

  it('finds the partner from either side', () => {
    expect(partnerOf(navigation('rel.User', 'badge'))).toBe(navigation('rel.Badge', 'holder'))
    expect(partnerOf(navigation('rel.Group', 'members'))).toBeUndefined()
  })
})

describe('hops', () => {
  it.each([
    [
      "users('a')/manager",
      [
        ['users', 'key #0', '> member'],
        ['users', 'key #1'],
      ],
    ],
    [
      "users('a')/reports('b')",
      [
        ['users', 'key #0', '> member'],
        ['users', 'filter', 'key #1'],
      ],
    ],
    [
      "users('a')/badge",
      [
        ['users', 'key #0', '> member'],
        ['badges', 'filter', '> member'],
        ['badges', 'key #2'],
      ],
    ],
    [
      "users('a')/groups",
      [
        ['users', 'key #0', '> links'],
        ['groups', 'filter'],
      ],
    ],
    [
      "users('a')/mainGroup",
      [
        ['users', 'key #0', '> links'],
        ['groups', 'key #1'],
      ],
    ],
    [
      'me/folders',
      [
        ['me', '> owner'],
        ['rel.User/folders', 'owner #0'],
      ],
    ],
    [
      "users('a')/folders('f')/messages(box='b',no=1)",
      [
        ['users', 'key #0', '> owner'],
        ['rel.User/folders', 'owner #4', 'key #1', '> owner'],
        ['rel.Folder/messages', 'owner #5', 'key #2 #3'],
      ],
    ],
    [
      "users('a')/manager/folders",
      [
        ['users', 'key #0', '> member'],
        ['users', 'key #1', '> owner'],
        ['rel.User/folders', 'owner #2'],
      ],
    ],
  ])('%s', (url, expected) => {
    expect(shape(url)).toEqual(expected)
  })

  it('says what leads from the owner to a contained entity', () => {
    const suffix = (url: string) => source(url).hops.at(-1)?.values[0]
    expect(suffix("users('a')/folders")).toEqual({ kind: 'owner', suffix: '' })
    expect(suffix("users('a')/home/sights")).toEqual({
      kind: 'owner',
      suffix: '/home',
      within: [expect.objectContaining({ name: 'home' })],
    })
    expect(suffix("users('a')/rel.Employee/tasks")).toEqual({ kind: 'owner', suffix: '/rel.Employee' })
    expect(suffix("users('a')/rel.Employee/folders")).toEqual({ kind: 'owner', suffix: '' })
  })

  it('sets foreign keys of entities created by way of them', () => {
    expect(source("users('a')/reports").fixed).toEqual([{ property: 'managerId', parameter: 1 }])
    expect(source('orders(1)/items').fixed).toEqual([{ property: 'orderId', parameter: 1 }])
    expect(source("users('a')/manager/folders").fixed).toEqual([])
  })
})
