import { beforeAll, describe, expect, it } from 'vitest'
import type { OperationHandler } from '../../src/index.ts'
import { onEveryService, type ServiceSettings } from '../support/running-service.ts'
import { createSales } from '../support/sales.ts'

/** Data Aggregation 4.0 over HTTP, on both stores: the worked examples of the standard, by their numbers. */

type Json = Record<string, unknown>

/** Foreign keys that the sample model of the standard does not have. */
const added = new Set(['CustomerID', 'TimeDate', 'ProductID', 'SalesOrganizationID', 'SuperordinateID', 'CategoryID'])

/** An answer as the standard prints it: without types, ETags, foreign keys, contexts of parts, and ids of what is no reference. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  const alone = Object.keys(value).length === 1
  const kept = Object.entries(value).filter(
    ([name]) => !added.has(name) && !/@(?:type|etag|context)$/.test(name) && (alone || name !== '@id'),
  )
  return Object.fromEntries(kept.map(([name, inner]) => [name, plain(inner)]))
}

const sale = (ID: string, Amount: number) => ({ ID, Amount })
const org = (ID: string, Name = ID) => ({ ID, Name })
const corporate = org('Sales', 'Corporate Sales')

const best: OperationHandler = async ({ Count }, { binding }) => {
  const sales = (await binding()) as { readonly Amount: string }[]
  return [...sales].sort((a, b) => Number(b.Amount) - Number(a.Amount)).slice(0, Number(Count))
}
const merged: OperationHandler = async (_none, { binding }) => {
  const sales = (await binding()) as { readonly Amount: string }[]
  return [{ ID: 'all', Amount: String(sales.reduce((sum, { Amount }) => sum + Number(Amount), 0)) }]
}

const settings: ServiceSettings = {
  customAggregates: {
    'SalesModel.Sale/Median': async (rows: readonly { readonly Amount?: unknown }[]) => {
      const amounts = rows.map(({ Amount }) => Number(Amount)).sort((a, b) => a - b)
      const [low, high] = [amounts[(amounts.length - 1) >> 1], amounts[amounts.length >> 1]]
      return low === undefined || high === undefined ? undefined : (low + high) / 2
    },
    Seen: ([row], { aggregate }) => `${aggregate}: ${Object.keys(row ?? {}).join()}`,
    'Sales/Wrong': () => 'many',
  },
  operations: { 'SalesModel.Best': best, 'SalesModel.Merged': merged },
}

onEveryService('$apply', 'test/models/sales.xml', settings, (running) => {
  beforeAll(() => createSales(running()))

  const ask = async (path: string, version = '4.01') => {
    const answer = await running().get(encodeURI(path), { 'OData-MaxVersion': version })
    const text = await answer.text()
    const body = (text.startsWith('{') ? JSON.parse(text) : {}) as Json
    return { status: answer.status, text, body }
  }
  /** The context without its root, and the instances as the standard prints them. */
  const answered = async (path: string) => {
    const { status, text, body } = await ask(path.replaceAll(/([\w)])\n\s*(?=\w)/g, '$1 ').replaceAll(/\n\s*/g, ''))
    expect(status, `${path}: ${text}`).toBe(200)
    return { context: String(body['@context']).replace(/^.*\$metadata#/, ''), value: plain(body.value) as Json[] }
  }
  const hierarchy = '$root/SalesOrganizations,SalesOrgHierarchy'

  /** number of the example, request, select list of the context, instances; in any order where the standard gives none */
  const examples: readonly (readonly [string, string, string, readonly Json[], ('anyOrder' | 'ordered')?])[] = [
    [
      '7',
      '/Sales?$apply=aggregate(Amount with sum as Total,Amount with max as MxA)',
      'Sales(Total,MxA)',
      [{ Total: 24, MxA: 8 }],
    ],
    ['8', '/Sales?$apply=aggregate(Amount mul Product/TaxRate with sum as Tax)', 'Sales(Tax)', [{ Tax: 2.08 }]],
    ['10', '/Sales?$apply=aggregate(Amount with min as MinAmount)', 'Sales(MinAmount)', [{ MinAmount: 1 }]],
    ['12', '/Sales?$apply=aggregate(Amount with average as Avg)', 'Sales(Avg)', [{ Avg: 3 }]],
    [
      '13',
      '/Sales?$apply=aggregate(Product with countdistinct as DistinctProducts)',
      'Sales(DistinctProducts)',
      [{ DistinctProducts: 3 }],
    ],
    ['15', '/Sales?$apply=aggregate($count as SalesCount)', 'Sales(SalesCount)', [{ SalesCount: 8 }]],
    [
      '18',
      '/Sales?$apply=aggregate(Amount with average from Time,Product/Name with max as MaxDailyAverage)',
      'Sales(MaxDailyAverage)',
      [{ MaxDailyAverage: 8 }],
    ],
    [
      '20',
      '/Sales?$apply=groupby((Customer/Country,Product/Name),aggregate(Amount with sum as Total))',
      'Sales(Total,Customer(Country),Product(Name))',
      [
        { Total: 3, Customer: { Country: 'Netherlands' }, Product: { Name: 'Paper' } },
        { Total: 2, Customer: { Country: 'Netherlands' }, Product: { Name: 'Sugar' } },
        { Total: 12, Customer: { Country: 'USA' }, Product: { Name: 'Coffee' } },
        { Total: 5, Customer: { Country: 'USA' }, Product: { Name: 'Paper' } },
        { Total: 2, Customer: { Country: 'USA' }, Product: { Name: 'Sugar' } },
      ],
      'anyOrder',
    ],
    [
      '21',
      '/Sales?$apply=groupby((Product/Name,Amount))',
      'Sales(Amount,Product(Name))',
      [
        { Product: { Name: 'Coffee' }, Amount: 4 },
        { Product: { Name: 'Coffee' }, Amount: 8 },
        { Product: { Name: 'Paper' }, Amount: 1 },
        { Product: { Name: 'Paper' }, Amount: 2 },
        { Product: { Name: 'Paper' }, Amount: 4 },
        { Product: { Name: 'Sugar' }, Amount: 2 },
      ],
      'anyOrder',
    ],
    ['25', '/Sales?$apply=bottomcount(2,Amount)', 'Sales', [sale('1', 1), sale('7', 1)]],
    ['26', '/Sales?$apply=topcount(2,Amount)', 'Sales', [sale('4', 8), sale('3', 4)]],
    [
      '27',
      '/Sales?$apply=bottompercent(50,Amount)',
      'Sales',
      [sale('1', 1), sale('7', 1), sale('2', 2), sale('6', 2), sale('8', 2), sale('3', 4)],
    ],
    ['28', '/Sales?$apply=toppercent(50,Amount)', 'Sales', [sale('4', 8), sale('3', 4)]],
    [
      '29',
      '/Sales?$apply=bottomsum(7,Amount)',
      'Sales',
      [sale('1', 1), sale('7', 1), sale('2', 2), sale('6', 2), sale('8', 2)],
    ],
    ['30', '/Sales?$apply=topsum(15,Amount)', 'Sales', [sale('4', 8), sale('3', 4), sale('5', 4)]],
    ['31', '/Sales?$apply=filter(Amount gt 3)', 'Sales', [sale('3', 4), sale('4', 8), sale('5', 4)]],
    [
      '32',
      '/Sales?$apply=groupby((Product/Name),aggregate(Amount with sum as Total))/orderby(Total desc)',
      'Sales(Total,Product(Name))',
      [
        { Product: { Name: 'Coffee' }, Total: 12 },
        { Product: { Name: 'Paper' }, Total: 8 },
        { Product: { Name: 'Sugar' }, Total: 4 },
      ],
    ],
    ['34', '/Sales?$apply=orderby(Customer/Name desc)/skip(2)/top(2)', 'Sales', [sale('6', 2), sale('7', 1)]],
    ['35', '/Sales?$apply=orderby(Customer/Name desc)/top(2)', 'Sales', [sale('4', 8), sale('5', 4)]],
    [
      '37',
      '/Sales?$apply=compute(Amount mul Product/TaxRate as Tax)/top(3)',
      'Sales(*,Tax)',
      [
        { ...sale('1', 1), Tax: 0.14 },
        { ...sale('2', 2), Tax: 0.12 },
        { ...sale('3', 4), Tax: 0.24 },
      ],
    ],
    [
      '38',
      '/Customers?$apply=addnested(Sales,filter(Amount gt 3) as FilteredSales)',
      'Customers(FilteredSales())',
      [
        { ID: 'C1', Name: 'Joe', Country: 'USA', FilteredSales: [sale('3', 4)] },
        { ID: 'C2', Name: 'Sue', Country: 'USA', FilteredSales: [sale('4', 8), sale('5', 4)] },
        { ID: 'C3', Name: 'Sue', Country: 'Netherlands', FilteredSales: [] },
        { ID: 'C4', Name: 'Luc', Country: 'France', FilteredSales: [] },
      ],
    ],
    [
      '39',
      '/Products?$apply=join(Sales as Sale)&$select=ID&$expand=Sale',
      'Products(ID,Sale())',
      [
        ['P1', '2', 2],
        ['P1', '6', 2],
        ['P2', '3', 4],
        ['P2', '4', 8],
        ['P3', '1', 1],
        ['P3', '5', 4],
        ['P3', '7', 1],
        ['P3', '8', 2],
      ].map(([ID, id, amount]) => ({ ID, Sale: sale(String(id), Number(amount)) })),
    ],
    [
      '40',
      '/Sales?$apply=nest(groupby((Customer/ID)) as Customers)',
      'Sales(Customers())',
      [{ Customers: [{ Customer: { ID: 'C1' } }, { Customer: { ID: 'C2' } }, { Customer: { ID: 'C3' } }] }],
    ],
    ['41', '/Sales?$filter=Amount mul 3 ge $these/aggregate(Amount with sum)', 'Sales', [sale('4', 8)]],
    ['44', '/Sales?$apply=topcount($these/$count div 3,Amount)', 'Sales', [sale('4', 8), sale('3', 4)]],
    ['45', '/Sales?$apply=aggregate(Amount with sum as Total)&$filter=isdefined(Product)', 'Sales(Total)', []],
    [
      '46',
      '/Products?$select=Name&$expand=Sales($apply=aggregate(Amount with sum as Total))',
      'Products(Name,Sales(Total))',
      [
        { Name: 'Sugar', Sales: [{ Total: 4 }] },
        { Name: 'Coffee', Sales: [{ Total: 12 }] },
        { Name: 'Paper', Sales: [{ Total: 8 }] },
        { Name: 'Pencil', Sales: [{ Total: null }] },
      ],
    ],
    [
      '46 (with later options)',
      `/Categories?$filter=ID eq 'PG1'&$select=ID&$expand=Products($select=ID;$expand=Sales(
        $apply=groupby((Customer/Country),aggregate(Amount with sum as Total));$filter=Total gt 2;$orderby=Total desc))`,
      'Categories(ID,Products(ID,Sales(Total,Customer(Country))))',
      [
        {
          ID: 'PG1',
          Products: [
            { ID: 'P1', Sales: [] },
            { ID: 'P2', Sales: [{ Total: 12, Customer: { Country: 'USA' } }] },
          ],
        },
      ],
    ],
    [
      '54',
      `/SalesOrganizations?$filter=Aggregation.isdescendant(HierarchyNodes=$root/SalesOrganizations,
        HierarchyQualifier='SalesOrgHierarchy',Node=ID,Ancestor='EMEA')`,
      'SalesOrganizations',
      [org('EMEA Central')],
    ],
    [
      '58',
      `/Sales?$select=ID&$filter=Aggregation.isdescendant(HierarchyNodes=$root/SalesOrganizations,
        HierarchyQualifier='SalesOrgHierarchy',Node=SalesOrganization/ID,Ancestor='EMEA')`,
      'Sales(ID)',
      [{ ID: '6' }, { ID: '7' }, { ID: '8' }],
    ],
    [
      '60',
      `/SalesOrganizations?$apply=ancestors(${hierarchy},ID,filter(contains(Name,'East') or contains(Name,'Central')))
        &$expand=Superordinate/$ref`,
      'SalesOrganizations',
      [
        { ...org('EMEA'), Superordinate: { '@id': "SalesOrganizations('Sales')" } },
        { ...corporate, Superordinate: null },
        { ...org('US'), Superordinate: { '@id': "SalesOrganizations('Sales')" } },
      ],
      'anyOrder',
    ],
    [
      '61',
      `/SalesOrganizations?$apply=descendants(${hierarchy},ID,filter(Name eq 'US'),keep start)`,
      'SalesOrganizations',
      [org('US'), org('US East'), org('US West')],
    ],
    [
      '62',
      `/Sales?$apply=ancestors(${hierarchy},SalesOrganization/ID,filter(contains(SalesOrganization/Name,'East')
         or contains(SalesOrganization/Name,'Central')),keep start)`,
      'Sales',
      [sale('4', 8), sale('5', 4), sale('6', 2), sale('7', 1), sale('8', 2)],
    ],
    [
      '63',
      `/SalesOrganizations?$apply=descendants(${hierarchy},ID,filter(Name eq 'US'),keep start)
        /ancestors(${hierarchy},ID,filter(contains(Name,'East')),keep start)/traverse(${hierarchy},ID,preorder)`,
      'SalesOrganizations',
      [org('US'), org('US East')],
    ],
    [
      '65',
      `/SalesOrganizations?$apply=groupby((rolluprecursive(${hierarchy},ID)),
        aggregate($count as OrgCnt)/compute(OrgCnt sub 1 as SubOrgCnt))
        &$select=ID,Name,SubOrgCnt&$expand=Superordinate($select=ID)`,
      'SalesOrganizations(ID,Name,SubOrgCnt,Superordinate(ID))',
      [
        { ...org('EMEA'), SubOrgCnt: 1, Superordinate: { ID: 'Sales' } },
        { ...org('EMEA Central'), SubOrgCnt: 0, Superordinate: { ID: 'EMEA' } },
        { ...corporate, SubOrgCnt: 5, Superordinate: null },
        { ...org('US'), SubOrgCnt: 2, Superordinate: { ID: 'Sales' } },
        { ...org('US East'), SubOrgCnt: 0, Superordinate: { ID: 'US' } },
        { ...org('US West'), SubOrgCnt: 0, Superordinate: { ID: 'US' } },
      ],
      'anyOrder',
    ],
    [
      '66',
      `/Sales?$apply=groupby((rolluprecursive(${hierarchy},SalesOrganization/ID,
        descendants(${hierarchy},ID,filter(ID eq 'US'),keep start))),
        compute(case(SalesOrganization eq Aggregation.rollupnode():Amount) as AmountExcl)
        /aggregate(Amount with sum as Incl,AmountExcl with sum as Excl))`,
      'Sales(Incl,Excl,SalesOrganization())',
      [
        { Incl: 19, Excl: null, SalesOrganization: org('US') },
        { Incl: 12, Excl: 12, SalesOrganization: org('US East') },
        { Incl: 7, Excl: 7, SalesOrganization: org('US West') },
      ],
      'anyOrder',
    ],
    [
      '67',
      `/Sales?$apply=groupby((rolluprecursive(${hierarchy},SalesOrganization/ID,
        ancestors(${hierarchy},ID,filter(ID eq 'US East'),keep start))),aggregate(Amount with sum as Total))`,
      'Sales(Total,SalesOrganization())',
      [
        { Total: 24, SalesOrganization: corporate },
        { Total: 19, SalesOrganization: org('US') },
        { Total: 12, SalesOrganization: org('US East') },
      ],
      'anyOrder',
    ],
    [
      '67 (visual totals)',
      `/Sales?$apply=ancestors(${hierarchy},SalesOrganization/ID,filter(SalesOrganization/ID eq 'US East'),keep start)
        /groupby((rolluprecursive(${hierarchy},SalesOrganization/ID,
        ancestors(${hierarchy},ID,filter(ID eq 'US East'),keep start))),aggregate(Amount with sum as Total))`,
      'Sales(Total,SalesOrganization())',
      [
        { Total: 12, SalesOrganization: corporate },
        { Total: 12, SalesOrganization: org('US') },
        { Total: 12, SalesOrganization: org('US East') },
      ],
      'anyOrder',
    ],
    ['69', '/Customers?$apply=groupby((Name))', 'Customers(Name)', [{ Name: 'Joe' }, { Name: 'Luc' }, { Name: 'Sue' }]],
    [
      '70',
      '/Sales?$apply=groupby((Customer/Name))',
      'Sales(Customer(Name))',
      [{ Customer: { Name: 'Joe' } }, { Customer: { Name: 'Sue' } }],
      'anyOrder',
    ],
    [
      '71',
      '/Sales?$apply=groupby((Customer/Name,Customer/ID))',
      'Sales(Customer(Name,ID))',
      [
        { Customer: { Name: 'Joe', ID: 'C1' } },
        { Customer: { Name: 'Sue', ID: 'C2' } },
        { Customer: { Name: 'Sue', ID: 'C3' } },
      ],
    ],
    [
      '71 (with $expand)',
      '/Sales?$apply=groupby((Customer))&$expand=Customer($select=Name,ID)',
      'Sales(Customer(Name,ID))',
      [
        { Customer: { Name: 'Joe', ID: 'C1' } },
        { Customer: { Name: 'Sue', ID: 'C2' } },
        { Customer: { Name: 'Sue', ID: 'C3' } },
      ],
    ],
    [
      '72',
      '/Sales?$apply=groupby((Customer))',
      'Sales(Customer())',
      [
        { Customer: { ID: 'C1', Name: 'Joe', Country: 'USA' } },
        { Customer: { ID: 'C2', Name: 'Sue', Country: 'USA' } },
        { Customer: { ID: 'C3', Name: 'Sue', Country: 'Netherlands' } },
      ],
    ],
    [
      '75',
      '/Products?$apply=groupby((SalesModel.FoodProduct/Rating))',
      'Products(SalesModel.FoodProduct/Rating)',
      [{ Rating: null }, {}, { Rating: 5 }],
    ],
    [
      '76',
      '/Products?$apply=groupby((Name),aggregate(Sales/Amount with sum as Total))',
      'Products(Total,Name)',
      [
        { Name: 'Coffee', Total: 12 },
        { Name: 'Paper', Total: 8 },
        { Name: 'Pencil', Total: null },
        { Name: 'Sugar', Total: 4 },
      ],
    ],
    [
      '77',
      '/Products?$apply=addnested(Sales,aggregate(Amount with sum as Total) as AggregatedSales)&$select=Name',
      'Products(Name,AggregatedSales())',
      [
        { Name: 'Sugar', AggregatedSales: [{ Total: 4 }] },
        { Name: 'Coffee', AggregatedSales: [{ Total: 12 }] },
        { Name: 'Paper', AggregatedSales: [{ Total: 8 }] },
        { Name: 'Pencil', AggregatedSales: [{ Total: null }] },
      ],
    ],
    [
      '78',
      '/Products?$compute=Sales/aggregate(Amount with sum) as Total&$select=Name,Total',
      'Products(Name,Total)',
      [
        { Name: 'Sugar', Total: 4 },
        { Name: 'Coffee', Total: 12 },
        { Name: 'Paper', Total: 8 },
        { Name: 'Pencil', Total: null },
      ],
    ],
    [
      '79',
      `/Products?$apply=join(Sales as TotalSales,aggregate(Amount with sum as Total))
        /groupby((Name,TotalSales/Total))`,
      'Products(Name,TotalSales(Total))',
      [
        { Name: 'Coffee', TotalSales: { Total: 12 } },
        { Name: 'Paper', TotalSales: { Total: 8 } },
        { Name: 'Pencil', TotalSales: { Total: null } },
        { Name: 'Sugar', TotalSales: { Total: 4 } },
      ],
    ],
    [
      '81',
      '/Products?$apply=groupby((Name),aggregate(Sales/$count as SalesCount))',
      'Products(SalesCount,Name)',
      [
        { Name: 'Coffee', SalesCount: 2 },
        { Name: 'Paper', SalesCount: 4 },
        { Name: 'Pencil', SalesCount: 0 },
        { Name: 'Sugar', SalesCount: 2 },
      ],
    ],
    ['83', '/Products?$filter=Sales/aggregate(Amount with sum) ge 10&$select=ID', 'Products(ID)', [{ ID: 'P2' }]],
    [
      '84',
      '/Customers?$orderby=Sales/aggregate(Amount with sum) desc&$select=ID',
      'Customers(ID)',
      [{ ID: 'C2' }, { ID: 'C1' }, { ID: 'C3' }, { ID: 'C4' }],
    ],
    [
      '85',
      '/Sales?$compute=Amount mul 100 divby $these/aggregate(Amount with sum) as Part&$select=ID,Part&$filter=Part eq 25',
      'Sales(ID,Part)',
      [],
    ],
    [
      '86',
      '/Categories?$filter=Products/any(p:p/Sales/aggregate(Amount with sum) gt 10)',
      'Categories',
      [{ ID: 'PG1', Name: 'Food' }],
    ],
    [
      '87',
      `/Sales?$apply=groupby((Customer),aggregate(Amount with sum as CustomerAmount))
        /compute(CustomerAmount divby $these/aggregate(CustomerAmount with sum) as Contribution)
        &$expand=Customer($select=ID)&$select=Contribution&$filter=Contribution eq 0.5`,
      'Sales(Contribution,Customer(ID))',
      [{ Contribution: 0.5, Customer: { ID: 'C2' } }],
    ],
    [
      '88',
      `/Sales?$apply=aggregate(Amount with sum from Time with average from Customer/Country with max
        as MaxDailyAveragePerCountry)`,
      'Sales(MaxDailyAveragePerCountry)',
      [{ MaxDailyAveragePerCountry: 4.75 }],
    ],
    [
      '90',
      `/Categories?$apply=addnested(Products,addnested(Sales,filter(Amount gt 3) as FilteredSales)
        as FilteredProducts)&$expand=FilteredProducts($select=ID;$expand=FilteredSales($select=ID))&$select=ID`,
      'Categories(ID,FilteredProducts(ID,FilteredSales(ID)))',
      [
        {
          ID: 'PG1',
          FilteredProducts: [
            { ID: 'P1', FilteredSales: [] },
            { ID: 'P2', FilteredSales: [{ ID: '3' }, { ID: '4' }] },
          ],
        },
        {
          ID: 'PG2',
          FilteredProducts: [
            { ID: 'P3', FilteredSales: [{ ID: '5' }] },
            { ID: 'P4', FilteredSales: [] },
          ],
        },
      ],
    ],
    [
      '92',
      '/Customers?$apply=outerjoin(Sales as ProductSales)/groupby((Country,ProductSales/Product/Name))',
      'Customers(Country,ProductSales(Product(Name)))',
      [
        { Country: 'Netherlands', ProductSales: { Product: { Name: 'Paper' } } },
        { Country: 'Netherlands', ProductSales: { Product: { Name: 'Sugar' } } },
        { Country: 'USA', ProductSales: { Product: { Name: 'Coffee' } } },
        { Country: 'USA', ProductSales: { Product: { Name: 'Paper' } } },
        { Country: 'USA', ProductSales: { Product: { Name: 'Sugar' } } },
        { Country: 'France', ProductSales: null },
      ],
      'anyOrder',
    ],
    [
      '98',
      '/Sales?$apply=groupby((Customer/Country),aggregate(Amount with sum as Total,Amount with max as Most))',
      'Sales(Total,Most,Customer(Country))',
      [
        { Customer: { Country: 'Netherlands' }, Total: 5, Most: 2 },
        { Customer: { Country: 'USA' }, Total: 19, Most: 8 },
      ],
      'anyOrder',
    ],
    [
      '100',
      '/Sales?$apply=groupby((Amount),aggregate(Amount with sum as Total))',
      'Sales(Total,Amount)',
      [
        { Amount: 1, Total: 2 },
        { Amount: 2, Total: 6 },
        { Amount: 4, Total: 8 },
        { Amount: 8, Total: 8 },
      ],
    ],
    [
      '101',
      `/Sales?$apply=concat(groupby((Customer/Country,Product/Name),aggregate(Amount with sum as Total))
        /groupby((Customer/Country),topcount(1,Total)),
        groupby((Customer/Country),aggregate(Amount with sum as Total)))`,
      'Sales(Total,Customer(Country))',
      [
        { Customer: { Country: 'Netherlands' }, Product: { Name: 'Paper' }, Total: 3 },
        { Customer: { Country: 'USA' }, Product: { Name: 'Coffee' }, Total: 12 },
        { Customer: { Country: 'Netherlands' }, Total: 5 },
        { Customer: { Country: 'USA' }, Total: 19 },
      ],
    ],
    [
      '102',
      `/Sales?$apply=groupby((Customer/Country,Product/Name),topcount(2,Amount)/aggregate(Amount with sum as Total))`,
      'Sales(Total,Customer(Country),Product(Name))',
      [
        { Customer: { Country: 'Netherlands' }, Product: { Name: 'Paper' }, Total: 3 },
        { Customer: { Country: 'Netherlands' }, Product: { Name: 'Sugar' }, Total: 2 },
        { Customer: { Country: 'USA' }, Product: { Name: 'Sugar' }, Total: 2 },
        { Customer: { Country: 'USA' }, Product: { Name: 'Coffee' }, Total: 12 },
        { Customer: { Country: 'USA' }, Product: { Name: 'Paper' }, Total: 5 },
      ],
      'anyOrder',
    ],
    [
      '103',
      `/Sales?$apply=concat(groupby((Customer),topcount(1,Amount))/compute('Customer' as per),
        groupby((Product),topcount(1,Amount))/compute('Product' as per))
        &$expand=Customer($select=ID),Product($select=ID)`,
      'Sales(*,per,Customer(ID),Product(ID))',
      [
        { ...sale('3', 4), per: 'Customer', Customer: { ID: 'C1' }, Product: { ID: 'P2' } },
        { ...sale('4', 8), per: 'Customer', Customer: { ID: 'C2' }, Product: { ID: 'P2' } },
        { ...sale('6', 2), per: 'Customer', Customer: { ID: 'C3' }, Product: { ID: 'P1' } },
        { ...sale('2', 2), per: 'Product', Customer: { ID: 'C1' }, Product: { ID: 'P1' } },
        { ...sale('4', 8), per: 'Product', Customer: { ID: 'C2' }, Product: { ID: 'P2' } },
        { ...sale('5', 4), per: 'Product', Customer: { ID: 'C2' }, Product: { ID: 'P3' } },
      ],
      'anyOrder',
    ],
    [
      '106',
      `/Sales?$apply=concat(groupby((rollup(Customer/Country,Customer/ID)),
        aggregate(Amount with sum from Customer/ID with average as CustomerCountryAverage)),
        aggregate(Amount with sum from Customer/ID with average from Customer/Country with average
        as CustomerCountryAverage))`,
      'Sales(CustomerCountryAverage)',
      [
        { Customer: { Country: 'USA', ID: 'C1' }, CustomerCountryAverage: 7 },
        { Customer: { Country: 'USA', ID: 'C2' }, CustomerCountryAverage: 12 },
        { Customer: { Country: 'Netherlands', ID: 'C3' }, CustomerCountryAverage: 5 },
        { Customer: { Country: 'USA' }, CustomerCountryAverage: 9.5 },
        { Customer: { Country: 'Netherlands' }, CustomerCountryAverage: 5 },
        { CustomerCountryAverage: 7.25 },
      ],
      'anyOrder',
    ],
    [
      '108',
      `/Sales?$apply=filter(Product/Name eq 'Paper')/groupby((rolluprecursive(${hierarchy},SalesOrganization/ID)),
        aggregate($count as PaperSalesCount))&$filter=PaperSalesCount gt 1`,
      'Sales(PaperSalesCount,SalesOrganization())',
      [
        { PaperSalesCount: 4, SalesOrganization: corporate },
        { PaperSalesCount: 2, SalesOrganization: org('US') },
        { PaperSalesCount: 2, SalesOrganization: org('EMEA') },
        { PaperSalesCount: 2, SalesOrganization: org('EMEA Central') },
      ],
      'anyOrder',
    ],
    [
      '111',
      `/Sales?$apply=groupby((rolluprecursive(${hierarchy},SalesOrganization/ID)),aggregate(Amount with sum as Total))
        /traverse(${hierarchy},SalesOrganization/ID,preorder,Name asc)`,
      'Sales(Total,SalesOrganization())',
      [
        { Total: 24, SalesOrganization: corporate },
        { Total: 5, SalesOrganization: org('EMEA') },
        { Total: 5, SalesOrganization: org('EMEA Central') },
        { Total: 19, SalesOrganization: org('US') },
        { Total: 12, SalesOrganization: org('US East') },
        { Total: 7, SalesOrganization: org('US West') },
      ],
    ],
    [
      '112',
      `/Products?$apply=traverse(${hierarchy},Sales/SalesOrganization/ID,preorder,Name asc)&$select=ID`,
      'Products(ID,Sales(SalesOrganization(ID)))',
      [
        ['P1', 'EMEA Central'],
        ['P3', 'EMEA Central'],
        ['P2', 'US East'],
        ['P3', 'US East'],
        ['P1', 'US West'],
        ['P2', 'US West'],
        ['P3', 'US West'],
      ].map(([ID, unit]) => ({ ID, Sales: [{ SalesOrganization: { ID: unit } }] })),
    ],
    ['119', '/Sales?$apply=filter(Amount le 1)/aggregate(Amount with sum as Total)', 'Sales(Total)', [{ Total: 2 }]],
    [
      '120',
      `/Sales?$apply=filter(Amount le 2)/groupby((Product/Name),aggregate(Amount with sum as Total))
        &$filter=Total ge 4`,
      'Sales(Total,Product(Name))',
      [
        { Product: { Name: 'Paper' }, Total: 4 },
        { Product: { Name: 'Sugar' }, Total: 4 },
      ],
      'anyOrder',
    ],
  ]

  describe('examples', () => {
    for (const [number, path, context, instances, order] of examples)
      it(`example ${number}`, async () => {
        const found = await answered(path)
        expect(found.context).toBe(context)
        const link = (text: string): unknown => JSON.parse(text.replaceAll(`${running().root}/`, ''))
        const value = link(JSON.stringify(found.value)) as Json[]
        if (order === 'anyOrder') {
          expect(value).toHaveLength(instances.length)
          expect(value).toEqual(expect.arrayContaining([...instances]))
        } else expect(value).toEqual(instances)
      })
  })

  describe('later options', () => {
    const totals = '$apply=groupby((Product/Name),aggregate(Amount with sum as Total))'
    const names = async (path: string) => (await answered(path)).value.map((row) => (row.Product as Json).Name)

    it('filters, sorts, skips, tops and counts what $apply gives', async () => {
      expect(await names(`/Sales?${totals}&$orderby=Total desc`)).toEqual(['Coffee', 'Paper', 'Sugar'])
      expect(await names(`/Sales?${totals}&$orderby=Total&$skip=1&$top=1`)).toEqual(['Paper'])
      const { body } = await ask(`/Sales?${totals}&$filter=Total gt 4&$count=true&$top=1`)
      expect([body['@count'], (body.value as Json[]).length]).toEqual([2, 1])
      expect((await ask(`/Sales/$count?${totals}&$filter=Total gt 4`)).text).toBe('2')
    })

    it('goes on with groups in the order of their properties, whichever row came first', async () => {
      const of = async (apply: string) => (await answered(`/Customers?$apply=${apply}`)).value
      expect(await of('groupby((Country))/top(1)')).toEqual([{ Country: 'France' }])
      expect(await of('groupby((Name,Country))/skip(1)/top(2)')).toEqual([
        { Name: 'Luc', Country: 'France' },
        { Name: 'Sue', Country: 'Netherlands' },
      ])
      expect(
        await of('groupby((Name,Country),aggregate($count as N))/topcount(3,N)/aggregate(Name with max as M)'),
      ).toEqual([{ M: 'Sue' }])
      expect(await of('concat(groupby((Country)),aggregate($count as N))')).toEqual([
        ...['France', 'Netherlands', 'USA'].map((Country) => ({ Country })),
        { N: 4 },
      ])
    })

    it('computes and selects behind $apply', async () => {
      const { context, value } = await answered(`/Sales?${totals}&$compute=Total mul 2 as Twice&$select=Twice`)
      expect(context).toBe('Sales(Twice,Product(Name))')
      expect(value.map(({ Twice }) => Twice)).toEqual(expect.arrayContaining([24, 16, 8]))
      expect(value.every((row) => !('Total' in row))).toBe(true)
    })

    it('selects what $compute defines without $apply', async () => {
      const { context, value } = await answered(
        '/Sales?$compute=Amount mul 2 as Twice&$select=ID,Twice&$orderby=Twice desc,ID&$top=2',
      )
      expect(context).toBe('Sales(ID,Twice)')
      expect(value).toEqual([
        { ID: '4', Twice: 16 },
        { ID: '3', Twice: 8 },
      ])
    })

    it('takes what $compute defines for selected by a star', async () => {
      const { value } = await answered('/Sales?$compute=Amount mul 2 as Twice&$select=*&$orderby=ID&$top=1')
      expect(value).toMatchObject([{ ID: '1', Amount: 1, Twice: 2 }])
    })

    it('searches transient instances and stored entities', async () => {
      expect(await names(`/Sales?${totals}&$search=none`)).toEqual([])
      const found = await answered('/Products?$apply=search(paper)/compute(1 as One)&$select=ID')
      expect(found.value).toEqual([{ ID: 'P3' }])
      const group = await answered('/Products?$apply=groupby((Name,Color))&$search=white')
      expect(group.value.map(({ Name }) => Name)).toEqual(['Paper', 'Sugar'])
    })

    it.each([
      ['/Customers?$apply=groupby((Name,Country))&$orderby=Country desc', 4],
      ['/Sales?$apply=groupby((Customer/Country,Product/Name),aggregate($count as N))', 5],
      ['/Sales?$apply=concat(identity,aggregate(Amount with sum as Total))', 9],
      ['/Sales?$apply=topcount(7,Amount)', 7],
      ['/Sales?$apply=filter(Amount gt 1)', 6],
      ['/Sales?$apply=groupby((Amount))&$orderby=Amount desc&$top=3', 3],
    ])('walks the pages of %s', async (path, count) => {
      const whole = (await answered(path)).value
      const walked: unknown[] = []
      let next: string | undefined = running().root + encodeURI(path)
      while (next !== undefined) {
        const answer: Response = await fetch(next, { headers: { 'OData-MaxVersion': '4.01', Prefer: 'maxpagesize=2' } })
        expect(answer.status).toBe(200)
        const page = (await answer.json()) as { value: unknown[]; '@nextLink'?: string }
        expect(page.value.length).toBeLessThanOrEqual(2)
        walked.push(...(plain(page.value) as unknown[]))
        next = page['@nextLink']
      }
      expect(walked).toEqual(whole)
      expect(walked).toHaveLength(count)
    })

    it('takes no token of another question', async () => {
      const answer = await running().get(encodeURI(`/Sales?${totals}`), { Prefer: 'maxpagesize=1' })
      const link = ((await answer.json()) as Json)['@odata.nextLink'] as string
      const other = await fetch(link.replace('sum', 'max'))
      expect(other.status).toBe(400)
    })
  })

  describe('answers', () => {
    it('tell types of dynamic properties, contexts of parts and transient ids as the metadata asks', async () => {
      const path = encodeURI("/Sales?$apply=filter(ID eq '1')/groupby((Customer),aggregate(Amount with sum as Total))")
      const read = async (metadata: string) => {
        const answer = await running().get(`${path}&$format=application/json;odata.metadata=${metadata}`)
        return ((await answer.json()) as { value: Json[] }).value[0]
      }
      expect(await read('none')).toEqual({ Total: 1, Customer: { ID: 'C1', Name: 'Joe', Country: 'USA' } })
      expect(await read('minimal')).toMatchObject({ 'Total@odata.type': '#Decimal', Customer: { ID: 'C1' } })
      expect(await read('full')).toMatchObject({
        '@odata.type': '#SalesModel.Sale',
        '@odata.id': null,
        Customer: { '@odata.id': `${running().root}/Customers('C1')` },
      })
      const nested = await ask("/Customers?$apply=filter(ID eq 'C1')/addnested(Sales,top(1) as First)", '4.0')
      expect((nested.body.value as Json[])[0]).toMatchObject({
        'First@odata.context': `${running().root}/$metadata#Sales`,
        First: [{ ID: '1' }],
      })
    })

    it('write Decimals as strings where the client asks for it', async () => {
      const answer = await running().get(
        encodeURI('/Sales?$apply=aggregate(Amount with average from Customer/ID with sum as A,$count as N)'),
        { Accept: 'application/json;IEEE754Compatible=true' },
      )
      expect((await answer.json()) as unknown).toMatchObject({ value: [{ N: '8' }] })
    })

    it('say where a node is reached by way of several parents', async () => {
      for (const [child, parent] of [
        ['US', 'Sales'],
        ['EMEA', 'Sales'],
        ['EMEA Central', 'EMEA'],
        ['EMEA Central', 'US'],
      ])
        await running().send('POST', encodeURI(`/SalesOrganizations('${child}')/Relations`), { ParentID: parent })
      const multi = '$root/SalesOrganizations,MultiParentHierarchy,ID'
      const { value } = await answered(
        `/SalesOrganizations?$apply=traverse(${multi},preorder,filter(ID eq 'Sales'))&$select=ID`,
      )
      const term = '@Org.OData.Aggregation.V1.UpPath#MultiParentHierarchy'
      const rolled = await answered(
        `/Sales?$apply=groupby((rolluprecursive($root/SalesOrganizations,MultiParentHierarchy,SalesOrganization/ID,
        traverse(${multi},preorder,filter(ID eq 'Sales')))),aggregate(Amount with sum as T))`,
      )
      expect(rolled.value.map((row) => [row.T, row.SalesOrganization])).toEqual([
        [5, { ...corporate, [term]: [] }],
        [5, { ...org('EMEA'), [term]: ['Sales'] }],
        [5, { ...org('EMEA Central'), [term]: ['EMEA', 'Sales'] }],
        [5, { ...org('US'), [term]: ['Sales'] }],
        [5, { ...org('EMEA Central'), [term]: ['US', 'Sales'] }],
      ])
      expect(value).toEqual([
        { ID: 'Sales', [term]: [] },
        { ID: 'EMEA', [term]: ['Sales'] },
        { ID: 'EMEA Central', [term]: ['EMEA', 'Sales'] },
        { ID: 'US', [term]: ['Sales'] },
        { ID: 'EMEA Central', [term]: ['US', 'Sales'] },
      ])
    })
  })

  describe('rolluprecursive', () => {
    it('goes by several hierarchies, each with its node', async () => {
      const path = `/Sales?$apply=groupby((rolluprecursive(${hierarchy},SalesOrganization/ID),
        rolluprecursive($root/SalesOrganizations,SalesOrgHierarchy,SalesOrganization/ID)),
        compute(Aggregation.rollupnode(Position=1)/ID as A,Aggregation.rollupnode(Position=2)/ID as B)
        /groupby((A,B),aggregate(Amount with sum as T)))/groupby((A,B,T))/filter(A eq 'US' or B eq 'EMEA')`
      const { value } = await answered(path)
      expect(value.map(({ A, B, T }) => [A, B, T])).toEqual([
        ['EMEA', 'EMEA', 5],
        ['EMEA Central', 'EMEA', 5],
        ['Sales', 'EMEA', 5],
        ['US', 'Sales', 19],
        ['US', 'US', 19],
        ['US', 'US East', 12],
        ['US', 'US West', 7],
      ])
    })

    it('has no node where related entities are transformed, or where it is not', async () => {
      const inside = `/Customers?$apply=groupby((rolluprecursive(${hierarchy},Sales/SalesOrganization/ID)),
        addnested(Sales,filter(SalesOrganization eq Aggregation.rollupnode()) as X))`
      for (const path of [inside, '/Sales?$apply=filter(SalesOrganization eq Aggregation.rollupnode())']) {
        const { status, text } = await ask(path.replaceAll(/\n\s*/g, ''))
        expect(text).toContain('inside rolluprecursive only')
        expect(status).toBe(400)
      }
    })
  })

  describe('isdefined of stored entities', () => {
    it.each([
      ['isdefined(Product)', 8],
      ['isdefined(Amount) and Amount gt 3', 3],
      ['isdefined(Customer/Name)', 8],
      ['isdefined(SalesOrganization/Superordinate/Superordinate/Superordinate)', 8],
      ['not isdefined(SalesOrganization/Superordinate/Superordinate/Superordinate/ID)', 8],
    ])('$filter=%s', async (filter, count) => {
      expect((await answered(`/Sales?$filter=${filter}`)).value).toHaveLength(count)
      expect((await ask(`/Sales/$count?$filter=${filter}`)).text).toBe(String(count))
      expect((await answered(`/Sales?$orderby=${filter},ID`)).value).toHaveLength(8)
    })
  })

  describe('navigation', () => {
    it('transforms what a navigation property leads to, and nothing where it leads nowhere', async () => {
      const total = '$apply=aggregate(Amount with sum as Total,$count as N)'
      expect((await answered(`/Customers('C1')/Sales?${total}`)).value).toEqual([{ Total: 7, N: 3 }])
      expect((await answered(`/Customers('C4')/Sales?${total}`)).value).toEqual([{ Total: null, N: 0 }])
    })
  })

  describe('custom aggregates', () => {
    it.each<[string, string, readonly Json[]]>([
      ['Sales?$apply=aggregate(Median)', 'Sales(Median)', [{ Median: 2 }]],
      ['Sales?$apply=aggregate(Median as M,$count as N)', 'Sales(M,N)', [{ M: 2, N: 8 }]],
      [
        'Sales?$apply=groupby((Customer/ID),aggregate(Median))&$filter=Median gt 2',
        'Sales(Median,Customer(ID))',
        [{ Median: 6, Customer: { ID: 'C2' } }],
      ],
      ['Sales?$apply=aggregate(Median from Customer/ID with max as Best)', 'Sales(Best)', [{ Best: 6 }]],
      [
        'Sales?$apply=groupby((rollup(Customer/Country,Customer/ID)),aggregate(Median))&$orderby=Median desc&$top=2',
        'Sales(Median,Customer(Country))',
        [
          { Median: 6, Customer: { Country: 'USA', ID: 'C2' } },
          { Median: 4, Customer: { Country: 'USA' } },
        ],
      ],
      [
        'Customers?$apply=groupby((Country),aggregate(Sales/Median as M))&$orderby=Country',
        'Customers(M,Country)',
        [
          { M: null, Country: 'France' },
          { M: 2, Country: 'Netherlands' },
          { M: 4, Country: 'USA' },
        ],
      ],
      ['Sales?$apply=filter(Amount gt 100)/aggregate(Median)', 'Sales(Median)', [{ Median: null }]],
      [
        'Sales?$apply=groupby((Product/Name,Amount))/aggregate(Seen)',
        'Sales(Seen)',
        [{ Seen: 'Sales/Seen: Product,Amount' }],
      ],
      // a property with a recommended method, by its own name and as another
      ['Time?$apply=aggregate(Year)', 'Time(Year)', [{ Year: 2022 }]],
      [
        "Sales?$apply=filter(Customer/ID ne 'C1')/groupby((Customer/ID),aggregate(Time/Year as Latest))&$orderby=Customer/ID",
        'Sales(Latest,Customer(ID))',
        [
          { Latest: 2022, Customer: { ID: 'C2' } },
          { Latest: 2022, Customer: { ID: 'C3' } },
        ],
      ],
    ])('%s', async (path, context, value) => {
      expect(await answered(`/${path}`)).toEqual({ context, value })
    })

    it('are given entities with what was added to them', async () => {
      const { value } = await answered('/Sales?$apply=compute(Amount mul 2 as Twice)/aggregate(Seen)')
      expect(value[0]?.Seen).toMatch(/^Sales\/Seen: ID,Amount,.*,Twice$/)
    })

    it('answers 500 without details where the code gives what the type cannot hold', async () => {
      const { status, text } = await ask('/Sales?$apply=aggregate(Wrong)')
      expect(status).toBe(500)
      expect(text).not.toContain('many')
    })
  })

  describe('functions as transformations', () => {
    it.each<[string, string, readonly Json[]]>([
      [
        'Sales?$apply=SalesModel.Best(Count=2)&$expand=Customer($select=ID)',
        'Sales(Customer(ID))',
        [
          { ...sale('4', 8), Customer: { ID: 'C2' } },
          { ...sale('3', 4), Customer: { ID: 'C1' } },
        ],
      ],
      [
        "Sales?$apply=filter(Customer/ID eq 'C3')/SalesModel.Best(Count=@n)/aggregate(Amount with sum as Total)&@n=2",
        'Sales(Total)',
        [{ Total: 4 }],
      ],
      [
        'Sales?$apply=groupby((Customer/ID),SalesModel.Best(Count=1)/aggregate(Amount with max as Most))&$orderby=Most desc',
        'Sales(Most,Customer(ID))',
        [
          { Most: 8, Customer: { ID: 'C2' } },
          { Most: 4, Customer: { ID: 'C1' } },
          { Most: 2, Customer: { ID: 'C3' } },
        ],
      ],
      // what it needs is there, of aggregated instances too
      [
        'Sales?$apply=groupby((Amount))/SalesModel.Best(Count=2)/compute(Amount mul 2 as Twice)',
        'Sales(Amount,Twice)',
        [
          { Amount: 8, Twice: 16 },
          { Amount: 4, Twice: 8 },
        ],
      ],
      ['Sales?$apply=SalesModel.Merged()&$select=ID,Amount', 'Sales(ID,Amount)', [sale('all', 24)]],
    ])('%s', async (path, context, value) => {
      expect(await answered(`/${path}`)).toEqual({ context, value })
    })
  })

  describe('refusals', () => {
    it.each([
      ["/Sales('1')?$apply=identity", 400, '$apply cannot be applied'],
      ['/Sales?$apply=aggregate(Customer/Name with sum as X)', 400, "'sum' cannot aggregate Edm.String"],
      ['/Sales?$apply=aggregate(Amount)', 400, "'Amount' is no custom aggregate"],
      ['/Sales?$apply=aggregate(Forecast)', 501, "custom aggregate 'Forecast'"],
      ['/Sales?$apply=filter(Amount gt 100)/groupby((ID),aggregate(Forecast))', 501, "custom aggregate 'Forecast'"],
      ['/Sales?$filter=$these/aggregate(Median) gt 1', 501, "'Median' in an expression"],
      ['/Sales?$apply=aggregate(Median from Customer/ID as X)', 501, 'custom aggregate of custom aggregates'],
      ['/Sales?$apply=aggregate(Median as Customer)', 400, "'Customer' is the name of a property already"],
      ['/Time?$apply=aggregate(Year with sum as X)', 400, 'ApplySupported'],
      ['/Time?$apply=aggregate(Year,Year)', 400, "'Year' is the name of a property already"],
      ['/Sales?$apply=aggregate(Amount with Custom.concat as X)', 501, 'Custom.concat'],
      ['/Sales?$apply=aggregate(Amount with sum as Customer)', 400, "'Customer' is the name of a property already"],
      ['/Sales?$apply=compute(Amount as A,Amount as A)', 400, "'A' is the name of a property already"],
      ['/Sales?$apply=groupby((Nope))', 400, "property 'Nope' does not exist"],
      ['/Customers?$apply=groupby((Sales/Amount))', 400, "'Sales' is a collection"],
      ['/Sales?$apply=groupby((Customer/Name))&$filter=Total gt 1', 400, "'Total' does not exist"],
      ['/Sales?$apply=topcount(0,Amount)', 400, 'positive integer'],
      ['/Sales?$expand=Customer($apply=identity)', 400, 'single entity'],
      ["/Products('P1')?$expand=Sales($apply=identity)", 501, '$apply inside $expand'],
      ['/Sales?$apply=topcount(Amount,Amount)', 400, 'cannot depend on single instances'],
      ['/Sales?$apply=toppercent(101,Amount)', 400, 'at most 100'],
      ['/Sales?$apply=toppercent(10,Customer/Name)', 400, 'must be a number'],
      ['/Sales?$apply=join(Customer as C)', 400, 'needs a collection'],
      ['/Sales?$apply=addnested(Customer,filter(true) as C)', 400, 'single value'],
      ['/Sales?$apply=groupby((rollup(Nope)))', 400, 'no leveled hierarchy'],
      ['/Sales?$apply=ancestors($root/SalesOrganizations,Nope,SalesOrganization/ID,identity)', 400, 'Nope'],
      [
        '/Sales?$apply=SalesModel.Top(Count=1)',
        400,
        "'SalesModel.Top' is no function bound to Collection(SalesModel.Sale)",
      ],
      ['/Customers?$apply=SalesModel.Best(Count=1)', 400, 'no function bound to Collection(SalesModel.Customer)'],
      ['/Sales?$apply=SalesModel.Best()', 404, 'Count'],
      ['/Sales?$apply=SalesModel.Idle()', 501, 'SalesModel.Idle'],
      ['/Sales?$apply=SalesModel.Names()', 501, 'does not give Collection(SalesModel.Sale)'],
      ['/Sales?$apply=groupby((Customer/ID))/SalesModel.Best(Count=1)', 400, "they have no 'Amount'"],
      ['/Sales?$apply=groupby((Amount))/SalesModel.Merged()', 400, 'AvailableOnAggregates'],
      ['/Sales?$filter=$these/aggregate(Amount with sum) gt 1 and $these/ID eq 1', 400, '$these'],
      [`/Sales?$apply=traverse(${hierarchy},SalesOrganization/ID,preorder,$these/$count)`, 501, '$these here'],
      ['/Sales?$filter=$these/aggregate(Amount mul $these/$count with sum) gt 1', 501, '$these inside'],
      ['/Sales?$apply=aggregate(Amount mul $these/$count with sum from Time with max as X)', 501, '$these before'],
    ])('%s: %i', async (path, status, message) => {
      const found = await ask(path)
      expect(found.text).toContain(message)
      expect(found.status).toBe(status)
    })
  })
})
