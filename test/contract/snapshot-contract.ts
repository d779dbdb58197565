import { expect, it, type TestContext } from 'vitest'
import type { Snapshot } from '../../src/store/snapshots.ts'
import { type Client, decoded, mergeOf, sessionOf } from './kit.ts'

/** Reads that are held to one state of the data. */
export function snapshotContract(client: () => Client): void {
  const take = async (test: TestContext): Promise<Snapshot> => {
    if (!client().store.capabilities.snapshots) test.skip('this store has no snapshots')
    return client().store.snapshots.take(sessionOf([]))
  }

  it('sees the data as they were: by key, in every order, filtered, counted', async (test) => {
    await client().createAll(
      'things',
      Array.from({ length: 20 }, (_, n) => ({ id: `s${n}`, number: n, text: n % 2 === 0 ? 'even' : 'odd' })),
    )
    const snapshot = await take(test)
    await client().create('things', { id: 'later', number: 100, text: 'even' })
    await client().update(`things('s4')`, mergeOf('things', { number: 400, text: 'odd' }))
    await client().delete(`things('s6')`)
    const held = { snapshot }
    expect(await client().one(`things('later')`, held)).toBeUndefined()
    expect(decoded(await client().one(`things('s4')`, held))).toMatchObject({ number: 4, '@version': 1 })
    expect(decoded(await client().one(`things('s6')`, held)).number).toBe(6)
    const evens = ['s0', 's2', 's4', 's6', 's8', 's10', 's12', 's14', 's16', 's18']
    expect(await client().keys(`things?$filter=text eq 'even'&$orderby=number`, held)).toEqual(evens)
    expect(await client().keys(`things?$filter=text eq 'even'&$orderby=number`, { ...held, limit: 3 })).toEqual(
      evens.slice(0, 3),
    )
    // after a position in that order: number, then the key
    const after = [4, 's4']
    expect(await client().keys(`things?$filter=text eq 'even'&$orderby=number`, { ...held, after, limit: 2 })).toEqual([
      's6',
      's8',
    ])
    expect(await client().keys(`things?$filter=tolower(text) eq 'even' and number gt 12`, held)).toEqual([
      's14',
      's16',
      's18',
    ])
    expect(await client().count('things/$count', held)).toBe(20)
    expect(await client().count(`things/$count?$filter=text eq 'even'`, held)).toBe(10)
    // what nobody holds to a state is as it is now
    expect(await client().count(`things/$count?$filter=text eq 'even'`)).toBe(9)
    expect(await client().keys(`things?$filter=number gt 99&$orderby=number`)).toEqual(['later', 's4'])
    if (snapshot.name !== undefined) {
      const again = client().store.snapshots.named(snapshot.name)
      expect(await client().count('things/$count', { snapshot: again })).toBe(20)
      const tooOld = client().store.snapshots.named('1.1')
      await expect(client().keys('things', { snapshot: tooOld })).rejects.toMatchObject({ code: 'gone', status: 410 })
      await expect(client().keys('things', { snapshot: tooOld, limit: 5 })).rejects.toMatchObject({ code: 'gone' })
    }
    snapshot.release()
    snapshot.release()
  })

  it('reads many rows from one state, whatever is written between two batches', async (test) => {
    const some = Array.from({ length: 2_500 }, (_, n) => ({ n, value: 0 }))
    await client().createAll('numbered', some)
    const snapshot = await take(test)
    const rows = await client().rows('numbered?$orderby=value,n', { snapshot })
    let met = 0
    for await (const batch of rows.batches) {
      for (const row of batch) if (decoded(row).value === 0) met++
      await client().update(`numbered(${2_499 - met})`, { kind: 'merge', set: { value: 1 }, unset: [] })
      await client().delete(`numbered(${(met * 7) % 2_500})`)
    }
    expect(met).toBe(2_500)
    snapshot.release()
  })
}
