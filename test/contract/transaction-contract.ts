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

  it('shows a create that may be stored later to whatever comes after it', async (test) => {
    needed(test)
    const late = (failure: unknown) => failure
    await run(async ({ transaction }) => {
      const within = { transaction, late }
      expect(await client().one(`things('late-1')`, { transaction })).toBeUndefined()
      for (const id of ['late-1', 'late-2']) await client().create('things', { id, number: 1 }, within)
      await client().create('numbered', { n: 100, value: 1 }, within)
      expect(decoded(await client().one(`things('late-1')`, { transaction })).number).toBe(1)
      const changed = await client().update(`things('late-1')`, mergeOf('things', { number: 2 }), { transaction })
      expect(changed.kind).toBe('updated')
      expect(decoded(await client().one(`things('late-1')`, { transaction })).number).toBe(2)
      await client().create('things', { id: 'late-3' }, within)
      const keys = await client().keys(`things?$filter=startswith(id,'late')&$orderby=id`, { transaction })
      expect(keys).toEqual(['late-1', 'late-2', 'late-3'])
      await client().delete(`things('late-2')`, { transaction })
      expect(await client().one(`things('late-2')`, { transaction })).toBeUndefined()
      await client().create('things', { id: 'late-2', number: 9 }, within)
    })
    expect(decoded(await client().one(`things('late-1')`)).number).toBe(2)
    expect(decoded(await client().one(`things('late-2')`)).number).toBe(9)
    expect(await client().one(`things('late-3')`)).toBeDefined()
    expect(await client().one('numbered(100)')).toBeDefined()
  })

  it('stores nothing where a create that may be stored later finds its key taken, and says whose', async (test) => {
    needed(test)
    const create = async (ids: readonly string[], transaction: unknown) => {
      for (const id of ids) {
        const late = (failure: unknown) => new Error(`${(failure as { code: string }).code} ${id}`)
        const { kind } = await client().create('things', { id }, { transaction, late })
        if (kind === 'exists') throw new Error(`entityExists ${id}`)
      }
    }
    await client().create('things', { id: 'late-taken' })
    for (const ids of [
      ['late-a', 'late-taken', 'late-b'],
      ['late-a', 'late-b', 'late-a'],
    ]) {
      const name = ids[1] === 'late-taken' ? 'late-taken' : 'late-a'
      const attempt = run(({ transaction }) => create(ids, transaction))
      await expect(attempt).rejects.toThrow(`entityExists ${name}`)
      // what fails afterwards is not what is told of, nor can who swallows the failure go on
      const failing = run(async ({ transaction }) => {
        await create(ids, transaction)
        throw new Error('later')
      })
      await expect(failing).rejects.toThrow(`entityExists ${name}`)
      const stubborn = run(async ({ transaction }) => {
        await create(ids, transaction)
        await client()
          .count('things/$count', { transaction })
          .catch(() => {})
        await client().create('things', { id: 'late-c' }, { transaction })
      })
      await expect(stubborn).rejects.toThrow(`entityExists ${name}`)
      expect(await client().keys(`things?$filter=id in ('late-a','late-b','late-c')`)).toEqual([])
    }
  })
}
