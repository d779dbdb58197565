import { describe, expect, it } from 'vitest'
import type { HierarchyTest } from '../../../../src/bind/apply/tree.ts'
import type { Expression } from '../../../../src/bind/tree.ts'
import type { EntityType } from '../../../../src/edm/model.ts'
import type { Value } from '../../../../src/edm/value.ts'
import { HierarchyNodes } from '../../../../src/eval/apply/hierarchy.ts'
import { type Instance, transient } from '../../../../src/eval/apply/instance.ts'
import { modelOf } from '../../../support/csdl.ts'

const type = modelOf(
  '<EntityType Name="N"><Key><PropertyRef Name="Id"/></Key><Property Name="Id" Type="Edm.String" Nullable="false"/></EntityType>',
).types.get('t.N') as EntityType

/** Nodes from `child: parent parent` lines. */
function nodesOf(tree: Readonly<Record<string, string>>): HierarchyNodes {
  const instances = new Map(Object.keys(tree).map((id) => [id, transient(type, new Map([['Id', id]]))]))
  const idOf = (instance: Instance): Value => instance.members.get('Id') ?? null
  const parentsOf = (instance: Instance): readonly Value[] =>
    (tree[String(idOf(instance))] ?? '').split(' ').flatMap((id) => instances.get(id) ?? [])
  return new HierarchyNodes([...instances.values()], idOf, parentsOf, 'Q')
}

const argument = (value: Value): Expression => ({ kind: 'parameter', index: 0, type: undefined, ...{ value } })
const valueFor = (expression: Expression | undefined): Value =>
  expression !== undefined && 'value' in expression ? (expression.value as Value) : null

describe('recursive hierarchies', () => {
  const nodes = nodesOf({ a: '', b: 'a', c: 'a', d: 'b', e: 'b c', lone: '' })
  const passing = (test: HierarchyTest) => [...nodes.passing(test, valueFor)].sort()

  it('tell roots, leaves, nodes and siblings', () => {
    expect(passing({ kind: 'isroot' })).toEqual(['a', 'lone'])
    expect(passing({ kind: 'isleaf' })).toEqual(['d', 'e', 'lone'])
    expect(passing({ kind: 'isnode' })).toEqual(['a', 'b', 'c', 'd', 'e', 'lone'])
    expect(passing({ kind: 'issibling', other: argument('d') })).toEqual(['e'])
    expect(passing({ kind: 'issibling', other: argument('a') })).toEqual(['lone'])
    expect(passing({ kind: 'issibling', other: argument('nobody') })).toEqual([])
  })

  it('follow ancestors and descendants as far as they are asked', () => {
    const related = (kind: 'isancestor' | 'isdescendant', id: string, distance: Value = null, self = false) =>
      passing({ kind, other: argument(id), distance: argument(distance), includeSelf: argument(self) })
    expect(related('isdescendant', 'a')).toEqual(['b', 'c', 'd', 'e'])
    expect(related('isdescendant', 'a', 1)).toEqual(['b', 'c'])
    expect(related('isancestor', 'e', null, true)).toEqual(['a', 'b', 'c', 'e'])
    expect(related('isancestor', 'nobody', null, true)).toEqual([])
    expect(() => related('isdescendant', 'a', 0)).toThrow(/MaxDistance/)
  })

  it('are refused where a node is its own ancestor', () => {
    expect(() => nodesOf({ a: 'c', b: 'a', c: 'b', d: '' })).toThrow(/ancestor of itself/)
    expect(() => nodesOf({ a: 'a' })).toThrow(/ancestor of itself/)
  })
})
