import { describe, expect, it } from 'vitest'
import { narrow } from '../../../src/auth/narrow.ts'
import type { Principal } from '../../../src/auth/principal.ts'
import type { Grant } from '../../../src/plan/capabilities/verdict.ts'
import type { ReadPlan } from '../../../src/plan/plan.ts'
import { restrictedModel } from '../plan/capabilities/requests.ts'

const owner = restrictedModel.types.get('restricted.Owner')
const owners = restrictedModel.container?.children.get('Owners')
if (owner?.kind !== 'entity' || owners?.kind !== 'entitySet') throw new Error('the model has no Owners')

const named = (...names: string[]): Grant['properties'] => ({ all: false, named: new Set(names), excluded: new Set() })
const all: Grant = { scheme: 'Delegated', scope: 'All', properties: undefined }
const basic: Grant = { scheme: 'Delegated', scope: 'Basic', properties: named('ID', 'Name') }
const mail: Grant = { scheme: 'Delegated', scope: 'Mail', properties: named('Mail') }
const rest: Grant = {
  scheme: 'Delegated',
  scope: 'Rest',
  properties: { all: true, named: new Set(), excluded: new Set(['Mail']) },
}

function plan(more: Partial<ReadPlan> = {}): ReadPlan {
  return {
    kind: 'read',
    requires: [],
    slots: [],
    source: { root: owners as never, steps: [], type: owner as never, single: false },
    member: [],
    memberType: undefined,
    raw: false,
    filter: undefined,
    search: undefined,
    compute: [],
    orderby: [],
    select: undefined,
    expand: [],
    top: undefined,
    skip: undefined,
    count: false,
    grants: [all, basic, mail, rest],
    ...more,
  }
}

function principal(...scopes: string[]): Principal {
  return { subject: 's', tenant: undefined, scheme: 'Delegated', scopes: new Set(scopes), expires: 0 }
}

function selected(given: ReadPlan, ...scopes: string[]): readonly string[] | undefined {
  const own = narrow(given, principal(...scopes)) as ReadPlan
  return own.select && [...own.select.properties.keys()]
}

describe('narrow', () => {
  it.each([
    [['All'], undefined],
    [['Basic', 'All'], undefined],
    [['Basic'], ['ID', 'Name']],
    [
      ['Basic', 'Mail'],
      ['ID', 'Name', 'Mail'],
    ],
    [['Rest'], ['ID', 'Name', 'Age']],
    [
      ['Rest', 'Mail'],
      ['ID', 'Name', 'Age', 'Mail'],
    ],
  ])('%j sees %j', (scopes, expected) => {
    expect(selected(plan(), ...scopes)?.toSorted()).toEqual(expected?.toSorted())
  })

  it('leaves what the client names alone: the plan requires it', () => {
    const select = { all: false, properties: new Map([['Mail', undefined]]) }
    expect(selected(plan({ select }), 'Basic')).toEqual(['Mail'])
  })

  it('cuts *, and counts scopes of the caller’s own scheme only', () => {
    const select = { all: true, properties: new Map() }
    expect(selected(plan({ select }), 'Basic')).toEqual(['ID', 'Name'])
    const items = [{ alias: 'Mail', expression: { kind: 'constant', value: true, type: undefined } }] as const
    expect(selected(plan({ select, compute: items, computed: { items } }), 'Basic')).toEqual(['ID', 'Name', 'Mail'])
    expect(selected(plan({ compute: items }), 'Basic'), 'what nobody selects shows nothing').toEqual(['ID', 'Name'])
    const application = { ...principal('All', 'Basic'), scheme: 'Application' } as const
    expect((narrow(plan(), application) as ReadPlan).select?.properties.size).toBe(0)
  })

  it('makes a plan once for the same scopes, and none where there is nothing to cut', () => {
    const given = plan()
    expect(narrow(given, principal('Basic'))).toBe(narrow(given, principal('Basic', 'Other')))
    const { grants, ...free } = given
    expect(narrow(free, principal('Basic'))).toBe(free)
    expect((narrow(given, 'anybody') as ReadPlan).grants).toBeUndefined()
  })
})
