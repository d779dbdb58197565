import { beforeAll, expect, it } from 'vitest'
import type { Parameters } from '../../src/bind/tree.ts'
import { encodeEntity } from '../../src/bson/encode.ts'
import type { Keyset, Precondition, Session } from '../../src/store/port.ts'
import { type Client, collect, countPlanOf, decoded, entityOf, layout, planOf, sessionOf } from './kit.ts'

/** Contained entities: rows of many owners in one collection, of which a request sees those of one. */
export function containedContract(client: () => Client): void {
  const owners = [`things('a')`, `things('a''b')`, `things('b')`]

  /** The parameters of a request, the owner's path in its place (what the service does with a plan's hops). */
  const withOwner = (owner: number | undefined, parameters: Parameters, path: string): Parameters => {
    if (owner === undefined) throw new Error('the plan names no owner')
    const all = [...parameters]
    all[owner] = path
    return all
  }
  const create = (navigation: string, owner: string, json: object, more: Partial<Session> = {}) => {
    const { plan, parameters } = planOf('POST', `things('x')/${navigation}`)
    const { root } = plan.source
    if (root.kind !== 'contained') throw new Error('not contained')
    const entity = entityOf(root.type, json, 'create')
    const document = encodeEntity(layout, layout.contained(root.property), entity, owner)
    return client().store.create(plan, sessionOf(withOwner(plan.source.owner, parameters, owner), more), document)
  }
  const list = async (url: string, owner: string, more: Partial<Session> = {}) => {
    const { plan, parameters } = planOf('GET', `things('x')/${url}`)
    return collect(await client().store.read(plan, sessionOf(withOwner(plan.source.owner, parameters, owner), more)))
  }
  const names = async (url: string, owner: string, more: Partial<Session> = {}) =>
    (await list(url, owner, more)).map((row) => decoded(row)._id.k)
  const one = (url: string, owner: string) => {
    const { plan, parameters } = planOf('GET', `things('x')/${url}`)
    return client().store.readOne(plan, sessionOf(withOwner(plan.source.owner, parameters, owner)))
  }

  beforeAll(async () => {
    for (const owner of owners)
      for (const name of ['c', 'a', 'b'])
        expect((await create('parts', owner, { name, size: name.charCodeAt(0) })).kind).toBe('created')
  })

  it('keeps the same key once for each owner', async () => {
    expect(await create('parts', owners[0] ?? '', { name: 'a' })).toEqual({ kind: 'exists' })
    expect((await create('parts', `things('c')`, { name: 'a' })).kind).toBe('created')
    expect(decoded(await one(`parts('a')`, `things('c')`))._id).toEqual({ p: `things('c')`, k: 'a' })
    expect(await one(`parts('a')`, `things('nobody')`)).toBeUndefined()
    expect(await one(`parts('z')`, `things('a')`)).toBeUndefined()
  })

  it('lists, filters, sorts and counts those of one owner', async () => {
    for (const owner of owners) {
      expect(await names('parts', owner)).toEqual(['a', 'b', 'c'])
      expect(await names('parts?$orderby=name desc', owner)).toEqual(['c', 'b', 'a'])
      expect(await names('parts?$orderby=size desc', owner)).toEqual(['c', 'b', 'a'])
      expect(await names('parts?$filter=size gt 97', owner)).toEqual(['b', 'c'])
      expect(await names(`parts?$filter=name ne 'b'`, owner)).toEqual(['a', 'c'])
      expect(await names('parts?$filter=length(name) eq 1&$skip=1&$top=1', owner)).toEqual(['b'])
      const { plan, parameters } = countPlanOf(`things('x')/parts/$count`)
      expect(await client().store.count(plan, sessionOf(withOwner(plan.source.owner, parameters, owner)))).toBe(3)
    }
    expect(await names('parts', `things('`)).toEqual([])
    expect(await names('parts', '')).toEqual([])
  })

  it('pages in the order of the keys, forwards and backwards', async () => {
    const after = (keyset: Keyset) => ({ after: keyset, limit: 2 })
    expect(await names('parts', owners[1] ?? '', { limit: 2 })).toEqual(['a', 'b'])
    expect(await names('parts', owners[1] ?? '', after(['b']))).toEqual(['c'])
    expect(await names('parts', owners[1] ?? '', after(['c']))).toEqual([])
    expect(await names('parts?$orderby=name desc', owners[1] ?? '', after(['c']))).toEqual(['b', 'a'])
    expect(await names('parts?$orderby=size desc', owners[1] ?? '', after([98, 'b']))).toEqual(['a'])
  })

  it('sorts and pages keys of several parts', async () => {
    const owner = `things('p')`
    for (const [x, y] of [
      [10, 'a'],
      [2, 'b'],
      [2, 'a'],
    ] as const)
      for (const path of [owner, `things('q')`]) expect((await create('pieces', path, { x, y })).kind).toBe('created')
    const keys = [
      { x: 2, y: 'a' },
      { x: 2, y: 'b' },
      { x: 10, y: 'a' },
    ]
    expect(await names('pieces', owner)).toEqual(keys)
    expect(await names('pieces', owner, { after: [2, 'a'] })).toEqual(keys.slice(1))
    expect(await names('pieces?$orderby=x desc,y desc', owner, { after: [10, 'a'], limit: 1 })).toEqual([keys[1]])
    expect(await names('pieces?$orderby=y,x desc', owner)).toEqual([keys[2], keys[0], keys[1]])
    expect(decoded(await one(`pieces(x=2,y='b')`, owner))._id).toEqual({ p: owner, k: keys[1] })
  })

  it('changes and deletes those of one owner', async () => {
    const [mine = '', , other = ''] = owners
    const session = (url: string, owner: string, precondition?: Precondition) => {
      const { plan, parameters } = planOf('PATCH', url)
      return { plan, session: sessionOf(withOwner(plan.source.owner, parameters, owner), { precondition }) }
    }
    const patch = session(`things('x')/parts('b')`, mine, { kind: 'versions', anyOf: [1] })
    const outcome = await client().store.update(patch.plan, patch.session, {
      kind: 'merge',
      set: { size: 7 },
      unset: [],
    })
    expect(outcome.kind).toBe('updated')
    expect(decoded(await one(`parts('b')`, mine))).toMatchObject({ '@version': 2, size: 7 })
    expect(decoded(await one(`parts('b')`, other))).toMatchObject({ '@version': 1, size: 98 })
    const { plan, parameters } = planOf('DELETE', `things('x')/parts('b')`)
    const remove = (owner: string) =>
      client().store.delete(plan, sessionOf(withOwner(plan.source.owner, parameters, owner)))
    expect(await remove(mine)).toEqual({ kind: 'deleted' })
    expect(await remove(mine)).toEqual({ kind: 'missing' })
    expect(await names('parts', mine)).toEqual(['a', 'c'])
    expect(await names('parts', other)).toEqual(['a', 'b', 'c'])
  })

  it('keeps one entity of a single-valued property for each owner', async () => {
    const lid = (owner: string) => one('lid', owner)
    expect(await lid(owners[0] ?? '')).toBeUndefined()
    const { plan, parameters } = planOf('PATCH', `things('x')/lid`)
    const put = (owner: string, name: string) => {
      const { root } = plan.source
      if (root.kind !== 'contained') throw new Error('not contained')
      const document = encodeEntity(
        layout,
        layout.contained(root.property),
        entityOf(root.type, { name }, 'create'),
        owner,
      )
      return client().store.create(plan, sessionOf(withOwner(plan.source.owner, parameters, owner)), document)
    }
    expect((await put(owners[0] ?? '', 'round')).kind).toBe('created')
    expect(await put(owners[0] ?? '', 'square')).toEqual({ kind: 'exists' })
    expect((await put(owners[2] ?? '', 'square')).kind).toBe('created')
    expect(decoded(await lid(owners[0] ?? '')).name).toBe('round')
    expect(decoded(await lid(owners[2] ?? '')).name).toBe('square')
    expect(await lid(owners[1] ?? '')).toBeUndefined()
  })

  it('removes what an entity contains, at any depth, and nothing else', async () => {
    const { root } = planOf('POST', `things('x')/parts`).plan.source
    const pieces = planOf('POST', `things('x')/pieces`).plan.source.root
    if (root.kind !== 'contained' || pieces.kind !== 'contained') throw new Error('not contained')
    const collections = [root, pieces].map(({ property }) => layout.contained(property))
    const family = [`things('del')`, `things('del')/parts('a')`, `things('del')/address`]
    const others = [`things('de')`, `things('del')0`, `things('del2')`, `things('del').x`, `things('dem')`]
    for (const owner of [...family, ...others]) await create('parts', owner, { name: 'n' })
    await client().store.deleteContained(`things('del')`, collections, sessionOf([]))
    for (const owner of family) expect([owner, await names('parts', owner)]).toEqual([owner, []])
    for (const owner of others) expect([owner, await names('parts', owner)]).toEqual([owner, ['n']])
  })

  it('removes it in a transaction, or not at all', async (test) => {
    const { store } = client()
    if (!store.capabilities.transactions) test.skip('this store has no transactions')
    const { root } = planOf('POST', `things('x')/parts`).plan.source
    if (root.kind !== 'contained') throw new Error('not contained')
    const collections = [layout.contained(root.property)]
    await create('parts', `things('tx')`, { name: 'kept' })
    const failure = new Error('no')
    const remove = (fails: boolean) =>
      store.transaction(sessionOf([]), async ({ transaction }) => {
        await store.deleteContained(`things('tx')`, collections, sessionOf([], { transaction }))
        if (fails) throw failure
      })
    await expect(remove(true)).rejects.toBe(failure)
    expect(await names('parts', `things('tx')`)).toEqual(['kept'])
    await remove(false)
    expect(await names('parts', `things('tx')`)).toEqual([])
  })
}
