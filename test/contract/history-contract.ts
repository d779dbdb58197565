import { expect, it } from 'vitest'
import type { ChangeOutcome } from '../../src/store/changes.ts'
import { type Client, collectionOf, decoded, mergeOf, sessionOf } from './kit.ts'

/** What was written to since when (src/store/changes.ts). Stores without a history are asked elsewhere. */
export function historyContract(client: () => Client): void {
  const now = (set = 'things') => client().store.changes.now(collectionOf(set), sessionOf([]))
  const since = async (position: string, limit = 100, until?: string, set = 'things') => {
    const query = {
      collection: collectionOf(set),
      since: position,
      sight: undefined,
      fields: [],
      until,
      owner: undefined,
      limit,
    }
    const outcome: ChangeOutcome = await client().store.changes.since(query, sessionOf([]))
    if (outcome.kind !== 'changes') throw new Error('the history is lost')
    return { ...outcome, keys: outcome.rows.map(({ id }) => decoded(id)._id) }
  }

  it('tells each row once, in the order of its last change', async () => {
    await client().createAll('things', [{ id: 'a' }, { id: 'b' }, { id: 'c' }])
    const start = await now()
    expect(await since(start)).toMatchObject({ keys: [], total: 0, more: false })
    await client().update(`things('a')`, mergeOf('things', { number: 1 }))
    await client().create('things', { id: 'd' })
    await client().delete(`things('b')`)
    await client().update(`things('a')`, mergeOf('things', { number: 2 }))
    await client().create('pairs', { left: 'l', right: 1 })
    const { keys, total, more, position } = await since(start)
    expect(keys).toEqual(['d', 'b', 'a'])
    expect([total, more]).toEqual([3, false])
    expect((await since(position)).keys).toEqual([])
    expect((await since(start)).keys).toEqual(['d', 'b', 'a'])
  })

  it('gives pages up to the moment of the first one', async () => {
    const start = await now()
    for (const id of ['p1', 'p2', 'p3', 'p4']) await client().create('things', { id })
    const first = await since(start, 2)
    expect(first).toMatchObject({ keys: ['p1', 'p2'], total: 4, more: true })
    await client().update(`things('p1')`, mergeOf('things', { number: 2 }))
    const second = await since(first.position, 2, first.until)
    expect(second).toMatchObject({ keys: ['p3', 'p4'], more: false })
    expect((await since(second.position)).keys).toEqual(['p1'])
  })

  it('has the changes of a transaction once it is committed, and of one taken back none', async () => {
    const start = await now()
    await client().store.transaction(sessionOf([]), async ({ transaction }) => {
      await client().create('things', { id: 't1' }, { transaction })
      await client().create('things', { id: 't2' }, { transaction })
      expect((await since(start)).keys).toEqual([])
    })
    const failed = client().store.transaction(sessionOf([]), async ({ transaction }) => {
      await client().create('things', { id: 't3' }, { transaction })
      throw new Error('taken back')
    })
    await expect(failed).rejects.toThrow('taken back')
    const { keys, position } = await since(start, 1)
    expect(keys).toEqual(['t1'])
    expect((await since(position)).keys).toEqual(['t2'])
  })

  it('tells whether a change may have touched a field', async () => {
    await client().createAll('things', [{ id: 'f1', text: 'a', address: { city: 'Ulm' } }, { id: 'f2' }, { id: 'f3' }])
    const start = await now()
    await client().update(`things('f1')`, mergeOf('things', { number: 1 }))
    await client().update(`things('f1')`, mergeOf('things', { text: 'b', address: { zip: 2 } }))
    await client().update(`things('f2')`, mergeOf('things', { number: 1 }))
    await client().delete(`things('f3')`)
    await client().create('things', { id: 'f4', text: 'new' })
    const touched = async (...fields: string[]) => {
      const query = { collection: collectionOf('things'), since: start, sight: undefined, fields }
      const outcome = await client().store.changes.since(
        { ...query, until: undefined, owner: undefined, limit: 9 },
        sessionOf([]),
      )
      return outcome.kind === 'changes' && outcome.rows.filter((row) => row.touched).map(({ id }) => decoded(id)._id)
    }
    expect(await touched('text')).toEqual(['f1', 'f3'])
    expect(await touched('number')).toEqual(['f1', 'f2', 'f3'])
    expect(await touched('flag', 'address')).toEqual(['f1', 'f3'])
    expect(await touched('flag')).toEqual(['f3'])
    expect(await touched()).toEqual([])
  })

  it('gives keys of several parts', async () => {
    const start = await now('pairs')
    await client().create('pairs', { left: 'x', right: 2 })
    expect((await since(start, 1, undefined, 'pairs')).keys).toEqual([{ left: 'x', right: 2 }])
  })
}
