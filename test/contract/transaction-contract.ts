import { expect, it, type TestContext } from 'vitest'
import { type Client, decoded, mergeOf, sessionOf } from './kit.ts'

/** Transactions: all or nothing, alone with what they see. */
export function transactionContract(client: () => Client): void {
  const run = <T>(work: (transaction: { transaction: unknown }) => Promise<T>) =>
    client().store.transaction(sessionOf([]), ({ transaction }) => work({ transaction }))

  const needed = (test: TestContext) => {
    if (!client().store.capabilities.transactions) test.skip('this store has no transactions')
  }

  it('stores everything at once', async (test) => {
    needed(test)
    await client().create('things', { id: 'before' })
    const result = await run(async (within) => {
      expect((await client().create('things', { id: 'tx-1', number: 1 }, within)).kind).toBe('created')
      expect((await client().create('numbered', { n: 1, value: 1 }, within)).kind).toBe('created')
      expect((await client().update(`things('before')`, mergeOf('things', { number: 5 }), within)).kind).toBe('updated')
      // it sees its own writes, nobody else does
      expect(decoded(await client().one(`things('tx-1')`, within)).number).toBe(1)
      expect(await client().keys('things?$orderby=id', within)).toEqual(['before', 'tx-1'])
      expect(await client().count('things/$count', within)).toBe(2)
      expect(await client().one(`things('tx-1')`)).toBeUndefined()
      expect(await client().count('things/$count')).toBe(1)
      return 'done'
    })
    expect(result).toBe('done')
    expect(decoded(await client().one(`things('tx-1')`)).number).toBe(1)
    expect(decoded(await client().one(`things('before')`)).number).toBe(5)
    expect(await client().one('numbered(1)')).toBeDefined()
  })

  it('stores nothing where the work fails, and hands on its error', async (test) => {
    needed(test)
    const failure = new Error('no')
    await expect(
      run(async (within) => {
        await client().create('things', { id: 'rolled-back' }, within)
        await client().delete(`things('before')`, within)
        throw failure
      }),
    ).rejects.toBe(failure)
    expect(await client().one(`things('rolled-back')`)).toBeUndefined()
    expect(await client().one(`things('before')`)).toBeDefined()
  })

  it('loses no update of transactions that meet', async (test) => {
    needed(test)
    await client().create('things', { id: 'counter', number: 0 })
    const add = () =>
      run(async (within) => {
        const current = decoded(await client().one(`things('counter')`, within)).number as number
        const outcome = await client().update(`things('counter')`, mergeOf('things', { number: current + 1 }), within)
        if (outcome.kind !== 'updated') throw new Error(outcome.kind)
      })
    await Promise.all(Array.from({ length: 10 }, add))
    expect(decoded(await client().one(`things('counter')`)).number).toBe(10)
  })

  it('tells of a key that is taken', async (test) => {
    needed(test)
    const kinds: string[] = []
    await run(async (within) => {
      kinds.push((await client().create('things', { id: 'before' }, within)).kind)
      throw new Error('rolled back')
    }).catch(() => {})
    expect(kinds).toEqual(['exists'])
  })
}
