import { expect, it } from 'vitest'
import { readModel } from '../../../src/csdl/read-model.ts'
import { CustomAggregates } from '../../../src/service/apply/custom-aggregates.ts'

it('refuses names that the model does not have', async () => {
  const model = await readModel('test/models/sales.xml')
  expect(() => new CustomAggregates(model, { 'Sales/Forcast': () => 0 })).toThrow(
    'customAggregates: the model has no custom aggregate Sales/Forcast; did you mean Sales/Forecast?',
  )
  expect(() => new CustomAggregates(model, { Forecast: () => 0, 'SalesModel.Sale/Median': () => 0 })).not.toThrow()
})
