import { serialize } from 'bson'
import { describe, expect, it } from 'vitest'
import type { Expression } from '../../../src/bind/tree.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import { readModel } from '../../../src/csdl/read-model.ts'
import { matcherOf } from '../../../src/service/expand-match.ts'

const model = await readModel('test/models/relations.xml')
const layout = layoutOf(model)
const entity = (name: string) => {
  const type = model.types.get(name)
  if (type?.kind !== 'entity') throw new Error(name)
  return type
}
const user = entity('rel.User')
const users = layout.collections.get('users')
if (!users) throw new Error('users')

const member = (name: string): Expression => {
  const property = user.allProperties.get(name)
  if (!property) throw new Error(name)
  return { kind: 'member', variable: '$it', steps: [{ kind: 'property', property }], type: property.type }
}
const rows = ['a', 'b', 'a', null].map((managerId, i) =>
  serialize({ _id: `u${i}`, ...(managerId === null ? {} : { managerId }) }),
)

describe('matching entities with many parents', () => {
  it('goes by the values of a foreign key', () => {
    const matcher = matcherOf(layout, users, user, { kind: 'values', members: [member('managerId')], each: false }, [])
    const byToken = new Map<string, Uint8Array[]>()

    for (const row of rows) byToken.set(matcher.token(row), [...(byToken.get(matcher.token(row)) ?? []), row])
    expect(matcher.collect(['a'], byToken, [])).toEqual([rows[0], rows[2]])
    expect(matcher.collect(['nobody'], byToken, [])).toEqual([])
    expect(matcher.asked(['a']).map(([, value]) => value)).toEqual(['a'])
  })

  it('goes by lists of keys, in the order of the entities', () => {
    const matcher = matcherOf(layout, users, user, { kind: 'values', members: [member('id')], each: true }, [])
    const sorted = rows.map((row) => ({ row }))
    expect(matcher.asked([['u2', 'u0']]).map(([, value]) => value)).toEqual(['u2', 'u0'])
    expect(matcher.collect([['u2', 'u0', 'gone']], new Map(), sorted)).toEqual([rows[0], rows[2]])
    expect(matcher.collect([[]], new Map(), sorted)).toEqual([])
  })

  it('goes by the path of the owner', () => {
    const folders = user.allNavigationProperties.get('folders')
    if (!folders) throw new Error('folders')
    const matcher = matcherOf(layout, layout.contained(folders), entity('rel.Folder'), { kind: 'owner' }, [])
    expect(matcher.token(serialize({ _id: { p: "users('a')", k: 'f' } }))).toBe("users('a')")
    expect(matcher.token(serialize({ _id: 5 }))).toBe('')
    expect(matcher.asked(["users('a')"])).toEqual([["users('a')", "users('a')"]])
  })
})
