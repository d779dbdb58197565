import { describe, expect, it } from 'vitest'
import type { ExpandItem, MemberStep, Selection } from '../../../src/bind/tree.ts'
import type { EntityType } from '../../../src/edm/model.ts'
import { contextUrl } from '../../../src/payload/context.ts'
import { containedCollection } from '../../../src/plan/contained.ts'
import type { CreatePlan, ReadPlan, SourceRoot, SourceStep } from '../../../src/plan/plan.ts'
import { dialect, sampleModel } from './fixture.ts'

const { sets, thing, special, item, line } = sampleModel()

interface Shape {
  root?: SourceRoot
  owner?: number
  steps?: readonly SourceStep[]
  type?: EntityType
  single?: boolean
  member?: readonly MemberStep[]
  select?: Selection
  expand?: readonly ExpandItem[]
}

function read({
  root = sets.things,
  owner,
  steps = [],
  type = root.type,
  single = false,
  member = [],
  select,
  expand = [],
}: Shape): ReadPlan {
  const last = member.at(-1)
  return {
    kind: 'read',
    requires: [],
    slots: [],
    source: { root, ...(owner === undefined ? {} : { owner }), steps, type, single },
    member,
    memberType: last?.kind === 'property' ? last.property.type : undefined,
    raw: false,
    filter: undefined,
    search: undefined,
    compute: [],
    orderby: [],
    select,
    expand,
    top: undefined,
    skip: undefined,
    count: false,
  }
}

const key = (type: EntityType, ...parameters: number[]): SourceStep => ({
  kind: 'key',
  predicate: { key: type.key, parameters },
})
const property = (type: EntityType, name: string): MemberStep => ({
  kind: 'property',
  property: type.allProperties.get(name)!,
})
const parts = containedCollection(thing.allNavigationProperties.get('parts')!)
const selection = (names: readonly string[], all = false): Selection => ({
  all,
  properties: new Map(names.map((name) => [name, undefined])),
})
const fragment = (
  shape: Shape,
  parameters: readonly (string | number)[] = ["O'x/é", "Things('k')"],
  version: '4.0' | '4.01' = '4.0',
): string => {
  const url = contextUrl(read(shape), dialect({ version }), parameters)
  expect(url.startsWith('https://host/svc/$metadata#')).toBe(true)
  return url.slice(url.indexOf('#'))
}

describe('contextUrl', () => {
  it.each<[string, string, Shape]>([
    ['10.2', '#Things', {}],
    ['10.3', '#Things/$entity', { steps: [key(thing, 0)], single: true }],
    ['10.4', '#Me', { root: sets.me, single: true }],
    ['10.5', '#Things/test.Special', { steps: [{ kind: 'cast', type: special }] }],
    ['10.6', '#Things/test.Special/$entity', { steps: [key(thing, 0), { kind: 'cast', type: special }], single: true }],
    ['10.7', '#Things(text,flag)', { select: selection(['text', 'flag']) }],
    ['10.7 *', '#Things(*)', { select: selection([], true) }],
    ['10.8', '#Things(text)/$entity', { steps: [key(thing, 0)], single: true, select: selection(['text']) }],
    ['10.8 singleton', '#Me(text)', { root: sets.me, single: true, select: selection(['text']) }],
    ['10.2 contained', "#Things('k')/parts", { root: parts, owner: 1, type: item }],
    [
      '10.3 contained',
      "#Things('k')/parts/$entity",
      { root: parts, owner: 1, steps: [key(item, 0)], type: item, single: true },
    ],
    ['10.13', "#Things('O''x/é')/text", { steps: [key(thing, 0)], single: true, member: [property(thing, 'text')] }],
    [
      '10.13 derived',
      "#Things('O''x/é')/test.Special/extra",
      { steps: [key(thing, 0), { kind: 'cast', type: special }], single: true, member: [property(special, 'extra')] },
    ],
    [
      '10.13 contained',
      "#Things('k')/parts('O''x/é')/name",
      { root: parts, owner: 1, steps: [key(item, 0)], type: item, single: true, member: [property(item, 'name')] },
    ],
    ['10.14', '#Collection(Edm.String)', { single: true, member: [property(thing, 'words')] }],
    ['10.15', '#Edm.Int32', { single: true, member: [property(thing, 'int32')] }],
    ['singleton property', '#Me/text', { root: sets.me, single: true, member: [property(thing, 'text')] }],
  ])('Protocol %s: %s', (_section, expected, shape) => {
    expect(fragment(shape)).toBe(expected)
  })

  it('writes composite keys by alias', () => {
    const shape: Shape = {
      root: sets.lines,
      steps: [key(line, 0, 1)],
      single: true,
      member: [property(line, 'amount')],
    }
    expect(fragment(shape, ['o', 5])).toBe("#Lines(order='o',number=5)/amount")
  })

  it('writes nested selections as paths', () => {
    const select: Selection = {
      all: false,
      properties: new Map([
        ['address', selection(['city', 'zip'])],
        ['note', undefined],
      ]),
    }
    expect(fragment({ select })).toBe('#Things(address/city,address/zip,note)')
  })

  it('puts the derived type before its properties', () => {
    expect(fragment({ select: selection(['text', 'extra']) })).toBe('#Things(text,test.Special/extra)')
    expect(fragment({ type: special, select: selection(['extra']) })).toBe('#Things(extra)')
  })

  it('lists expanded properties, in 4.0 only those with nested options', () => {
    const expand = (select: Selection | undefined, levels: number | 'max' = 1): ExpandItem => ({
      path: [],
      property: thing.allNavigationProperties.get('items')!,
      as: 'entities',
      levels,
      query: {
        filter: undefined,
        orderby: [],
        select,
        expand: [],
        compute: [],
        search: undefined,
        top: undefined,
        skip: undefined,
        count: false,
      },
    })
    expect(fragment({ expand: [expand(undefined)] })).toBe('#Things')
    expect(fragment({ expand: [expand(undefined)] }, [], '4.01')).toBe('#Things(items())')
    expect(fragment({ select: selection(['text']), expand: [expand(selection(['name']), 'max')] })).toBe(
      '#Things(text,items+(name))',
    )
    expect(fragment({ expand: [{ ...expand(selection(['name'])), as: 'references' }] })).toBe('#Things')
  })

  it('names one entity for a create', () => {
    const source = { root: sets.things, steps: [], type: thing, single: false }
    const plan: CreatePlan = { kind: 'create', requires: [], slots: [], source, select: undefined, expand: [] }
    expect(contextUrl(plan, dialect({}), [])).toBe('https://host/svc/$metadata#Things/$entity')
  })
})
