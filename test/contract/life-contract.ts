import { expect, it } from 'vitest'
import type { Client } from './kit.ts'

/** Opening, readiness, secrets, capabilities. */
export function lifeContract(client: () => Client): void {
  it('is ready once open', async () => {
    await expect(client().store.ready()).resolves.toBeUndefined()
  })

  it('makes a secret once and gives it to all', async () => {
    const { store } = client()
    const [first, ...others] = await Promise.all(Array.from({ length: 8 }, () => store.secret('paging')))
    expect(first?.length).toBeGreaterThanOrEqual(16)
    for (const other of others) expect(Buffer.from(other).equals(Buffer.from(first ?? []))).toBe(true)
    expect(Buffer.from(await store.secret('paging')).equals(Buffer.from(first ?? []))).toBe(true)
    expect(Buffer.from(await store.secret('another')).equals(Buffer.from(first ?? []))).toBe(false)
  })

  it('tells what it can do', () => {
    const { store } = client()
    expect(['mongodb', 'embedded']).toContain(store.name)
    expect(store.capabilities).toMatchObject({
      transactions: expect.any(Boolean),
      snapshots: expect.any(Boolean),
      changes: expect.any(Boolean),
    })
  })

  it('gives nothing for what was never stored', async () => {
    expect(await client().one(`things('nobody')`)).toBeUndefined()
    expect(await client().keys('things')).toEqual([])
    expect(await client().count('things/$count')).toBe(0)
    const rows = await client().rows('things')
    expect(rows.complete).toBe(true)
    await rows.close()
  })
}
