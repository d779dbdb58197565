import type { RunningService } from './running-service.ts'

/** The example data of Data Aggregation 4.0, section 2.2, as facts; `test/models/sales.xml` is its model. */

const categories = { PG1: 'Food', PG2: 'Non-Food' }

const products = [
  ['P1', 'PG1', 'Sugar', 'White', 0.06, 5],
  ['P2', 'PG1', 'Coffee', 'Brown', 0.06, null],
  ['P3', 'PG2', 'Paper', 'White', 0.14, 'average'],
  ['P4', 'PG2', 'Pencil', 'Black', 0.14, null],
] as const

const customers = [
  ['C1', 'Joe', 'USA'],
  ['C2', 'Sue', 'USA'],
  ['C3', 'Sue', 'Netherlands'],
  ['C4', 'Luc', 'France'],
] as const

const organizations = [
  ['Sales', null, 'Corporate Sales'],
  ['US', 'Sales', 'US'],
  ['US West', 'US', 'US West'],
  ['US East', 'US', 'US East'],
  ['EMEA', 'Sales', 'EMEA'],
  ['EMEA Central', 'EMEA', 'EMEA Central'],
] as const

const sales = [
  ['1', 'C1', '2022-01-03', 'P3', 'US West', 1],
  ['2', 'C1', '2022-04-10', 'P1', 'US West', 2],
  ['3', 'C1', '2022-08-07', 'P2', 'US West', 4],
  ['4', 'C2', '2022-01-03', 'P2', 'US East', 8],
  ['5', 'C2', '2022-11-09', 'P3', 'US East', 4],
  ['6', 'C3', '2022-04-01', 'P1', 'EMEA Central', 2],
  ['7', 'C3', '2022-08-06', 'P3', 'EMEA Central', 1],
  ['8', 'C3', '2022-11-22', 'P3', 'EMEA Central', 2],
] as const

/** Puts the example data into a service. */
export async function createSales(service: RunningService): Promise<void> {
  const make = async (path: string, body: unknown): Promise<void> => {
    const answer = await service.send('POST', path, body)
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    await answer.arrayBuffer()
  }
  for (const [ID, Name] of Object.entries(categories)) await make('/Categories', { ID, Name })
  for (const [ID, CategoryID, Name, Color, TaxRate, rating] of products) {
    const food = CategoryID === 'PG1'
    const own = food ? { Rating: rating } : { RatingClass: rating }
    const type = `#SalesModel.${food ? 'FoodProduct' : 'NonFoodProduct'}`
    await make('/Products', { '@odata.type': type, ID, CategoryID, Name, Color, TaxRate, ...own })
  }
  for (const [ID, Name, Country] of customers) await make('/Customers', { ID, Name, Country })
  for (const [ID, SuperordinateID, Name] of organizations)
    await make('/SalesOrganizations', { ID, SuperordinateID, Name })
  for (const day of new Set(sales.map(([, , date]) => date))) {
    const [year = '', month = ''] = day.split('-')
    const quarter = Math.ceil(Number(month) / 3)
    await make('/Time', { Date: day, Month: `${year}-${month}`, Quarter: `${year}-${quarter}`, Year: Number(year) })
  }
  for (const [ID, CustomerID, TimeDate, ProductID, SalesOrganizationID, Amount] of sales)
    await make('/Sales', { ID, CustomerID, TimeDate, ProductID, SalesOrganizationID, Amount })
}
