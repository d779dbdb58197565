import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModelLayout } from '../../src/bson/layout.ts'
import type { Store } from '../../src/store/port.ts'
import { changeContract } from './change-contract.ts'
import { containedContract } from './contained-contract.ts'
import { createContract } from './create-contract.ts'
import { historyContract } from './history-contract.ts'
import { Client, layout } from './kit.ts'
import { lifeContract } from './life-contract.ts'
import { queryContract } from './query-contract.ts'
import { snapshotContract } from './snapshot-contract.ts'
import { streamContract } from './stream-contract.ts'
import { transactionContract } from './transaction-contract.ts'

/**
 * What every store promises (src/store/port.ts), as tests. The same cases run on all stores.
 * @param make a store on data of its own, not yet open; called once for each part, closed by the suite
 * @param indexed the layout, where it is to have further indexes
 */
export function storeContract(name: string, make: () => Promise<Store> | Store, indexed: ModelLayout = layout): void {
  const parts = {
    life: lifeContract,
    create: createContract,
    query: queryContract,
    change: changeContract,
    contained: containedContract,
    transaction: transactionContract,
    streams: streamContract,
    history: historyContract,
    snapshots: snapshotContract,
  }
  for (const [part, cases] of Object.entries(parts))
    describe(`${name}: ${part}`, () => {
      let client: Client
      beforeAll(async () => {
        const store = await make()
        await store.open(indexed)
        client = new Client(store)
      })
      afterAll(() => client?.store.close())
      cases(() => client)
    })
  describe(`${name}: closing`, () => {
    it('lets running requests finish and takes no new ones', async () => {
      const store = await make()
      await store.open(layout)
      const client = new Client(store)
      const running = client.create('things', { id: 'last' })
      const closed = store.close()
      expect((await running).kind).toBe('created')
      await closed
      await expect(client.one(`things('last')`)).rejects.toMatchObject({ code: 'storeUnavailable', status: 503 })
    })
  })
}
