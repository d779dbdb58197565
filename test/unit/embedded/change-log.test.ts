import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serialize } from 'bson'
import { afterEach, expect, it } from 'vitest'
import { keyOf, logChange, logLimits, numberOf } from '../../../src/embedded/change-log.ts'
import { keyRange } from '../../../src/embedded/key.ts'
import { embeddedStore } from '../../../src/embedded/store.ts'
import { openTables } from '../../../src/embedded/tables.ts'
import { Client, collectionOf, layout, sessionOf } from '../../contract/kit.ts'

const folders: string[] = []
const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'odatum-log-'))
  folders.push(path)
  return path
}
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true })
})

it('keeps the last changes of a collection without gaps, and lets go of old ones', async () => {
  const tables = openTables({ path: folder(), mapSize: undefined, maxReaders: 4 })
  const change = { before: undefined, after: serialize({ _id: 'a', text: 'x' }) }
  const handle = (number: number) => ({ layout: collectionOf('things'), number, ...keyRange(number) })
  const numbers = (collection: number): number[] =>
    [...tables.changes.getKeys({ start: keyOf(collection, 0), end: keyOf(collection + 1, 0) })].map(numberOf)
  const now = Date.now()
  const { interval, age } = logLimits
  tables.root.transactionSync(() => {
    for (let n = 1; n < interval; n++) logChange(tables, handle(1), n, change, now - age - 10_000)
    logChange(tables, handle(2), 1, change, now - age - 10_000)
    expect(numbers(1)).toHaveLength(interval - 1)
    logChange(tables, handle(1), interval, change, now)
  })
  expect(numbers(1)).toEqual([interval])
  expect(numbers(2)).toEqual([1])
  tables.root.transactionSync(() => {
    for (let n = interval + 1; n <= logLimits.entries + 2 * interval; n++) logChange(tables, handle(1), n, change, now)
  })
  const kept = numbers(1)
  expect(kept.length - logLimits.entries).toBeGreaterThanOrEqual(0)
  expect(kept.length - logLimits.entries).toBeLessThan(interval)
  expect((kept.at(-1) ?? 0) - (kept[0] ?? 0)).toBe(kept.length - 1)
  await tables.root.close()
})

it('tells a history as lost that was pruned, or is of a later copy of the data', async () => {
  const path = folder()
  const client = new Client(embeddedStore({ path }))
  await client.store.open(layout)
  await client.createAll('things', [{ id: 'a' }, { id: 'b' }])
  const query = {
    collection: collectionOf('things'),
    sight: undefined,
    fields: [],
    until: undefined,
    owner: undefined,
    limit: 9,
  }
  const since = async (position: string) =>
    (await client.store.changes.since({ ...query, since: position }, sessionOf([]))).kind
  expect([await since('0'), await since('2'), await since('3'), await since('x')]).toEqual([
    'changes',
    'changes',
    'historyLost',
    'historyLost',
  ])
  const tables = openTables({ path, mapSize: undefined, maxReaders: 4 })
  await tables.changes.clearAsync()
  expect([await since('0'), await since('1'), await since('2')]).toEqual(['historyLost', 'historyLost', 'changes'])
  await client.store.close()
  await tables.root.close()
})
