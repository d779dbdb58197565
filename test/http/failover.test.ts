import { describe, expect, it } from 'vitest'
import { findMongod, startReplicaSet } from '../../scripts/mongod.mjs'
import { failover } from '../support/failover.ts'

/** A replica set of three loses its primary while clients write: twice here, many times under ODATUM_TEST_LONG. */
const found = await findMongod()
const reason = found.kind === 'binary' ? '' : `: ${found.kind === 'uri' ? 'MONGODB_URI is set' : 'no mongod'}`
const rounds = Number(process.env.ODATUM_FAILOVERS ?? (process.env.ODATUM_TEST_LONG === '1' ? 30 : 2))

describe.skipIf(reason !== '')(`a replica set that loses its primary${reason}`, () => {
  it('loses no acknowledged write, doubles none, and goes on by itself', {
    timeout: 60_000 + rounds * 20_000,
  }, async () => {
    if (found.kind !== 'binary') return
    const set = await startReplicaSet(found.path)
    try {
      const result = await failover(set, rounds)
      process.stdout.write(`failover: ${JSON.stringify(result)}\n`)
      expect(result.wrong).toEqual([])
      expect({ lost: result.lost, doubled: result.doubled }).toEqual({ lost: 0, doubled: 0 })
      expect(result.kills + result.stepDowns).toBe(rounds)
      expect(result.acknowledged).toBeGreaterThan(100)
    } finally {
      await set.stop()
    }
  })
})
