import { describe, expect, it } from 'vitest'
import { queries } from './grammar.ts'
import { measurement, measurementGrammar } from './measurements.ts'
import { askMany, effort, reason, sample, seed, stopAfterwards, TwoStores, uri } from './two-stores.ts'

describe.skipIf(uri === undefined)(`random queries of every type, seed ${seed}${uri ? '' : `: ${reason}`}`, () => {
  stopAfterwards()
  const { batches, queries: count } = effort(35)

  it.each(Array.from({ length: batches }, (_, batch) => batch))('both stores answer alike (data %i)', async (batch) => {
    const rows = sample(measurement, 30, batch).map((row, i) => ({ Number: i, ...row }))
    const stores = await TwoStores.of('test/differential/measurements.xml', 'Measurements', rows)
    await askMany(stores, queries(measurementGrammar), { count, batch, rows })
    expect(stores.statuses.get(200) ?? 0, [...stores.statuses].join(' ')).toBeGreaterThan(count * 0.7)
  })
})
