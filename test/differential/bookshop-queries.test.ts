import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bookshopModel } from '../support/running-service.ts'
import { type Grammar, queries, quote } from './grammar.ts'
import { askMany, effort, reason, sample, seed, stopAfterwards, TwoStores, uri } from './two-stores.ts'

/** The second model: nullable properties, decimals, enums and flags, dates, collections, complex values, keys of the client. */

const maybe = <T>(...values: readonly T[]): fc.Arbitrary<T | null> => fc.option(fc.constantFrom(...values), { freq: 3 })
const fieldsOf = (group: string, ...paths: readonly string[]) => paths.map((path) => ({ path, group }))
const words = ['', 'Emma', 'emma', 'Émile', 'Ulysses', 'It\'s "O.K."', '50%', 'a_b', '鏡', '😀']
const dates = ['1815-12-23', '1922-02-02', '0001-01-01', '9999-12-31']
const bindings = ['Hardcover', 'Paperback', 'EBook']
const genres = ['Fiction', 'Science', 'Fiction,Science', 'History,Children', '0']
const address = fc.option(
  fc.record(
    { Street: maybe(...words), City: fc.constantFrom(...words), Country: maybe('GB', 'IE') },
    { requiredKeys: ['City'] },
  ),
)

interface Shelf {
  readonly set: string
  readonly rows: (batch: number) => Record<string, unknown>[]
  readonly grammar: Grammar
}

const literals = {
  number: [
    '-1',
    '0',
    '1',
    '9.99',
    '10',
    '10.00',
    '12.5',
    '99999999.99',
    '32767',
    '9223372036854775807',
    '1e1',
    'INF',
    'NaN',
  ],
  string: words.map(quote),
  date: dates,
  instant: [
    '2024-02-29T12:00:00.123Z',
    '2024-02-29T14:00:00.123+02:00',
    '2024-02-29T12:00:00.1230001Z',
    '1970-01-01T00:00:00Z',
  ],
  binding: bindings.map((name) => `org.example.bookshop.Binding'${name}'`),
  genre: genres.map((name) => `org.example.bookshop.Genre'${name}'`),
}
const ordered = ['number', 'string', 'date', 'instant']

const shelves: readonly Shelf[] = [
  {
    set: 'Books',
    rows: (batch) =>
      sample(
        fc.record(
          {
            ISBN: maybe('0-19-283', '978-0'),
            Price: fc.constantFrom('0', '9.99', '10', '10.00', '12.50', '99999999.99', '-1'),
            Pages: maybe(-1, 0, 1, 10, 32767),
            Published: maybe(...dates),
            Binding: fc.constantFrom(...bindings),
            Genres: maybe(...genres),
            Tags: fc.array(fc.constantFrom('new', 'old', 'a'), { maxLength: 3 }),
            AuthorID: maybe(-1, 0, 1, 10),
          },
          { requiredKeys: ['Price'] },
        ),
        30,
        batch,
      ).map((book, i) => ({ ...book, Title: `${words[i % words.length]} ${String(i).padStart(2, '0')}` })),
    grammar: {
      fields: [
        ...fieldsOf('number', 'Price', 'Pages', 'AuthorID'),
        ...fieldsOf('string', 'Title', 'ISBN'),
        ...fieldsOf('date', 'Published'),
        ...fieldsOf('binding', 'Binding'),
        ...fieldsOf('genre', 'Genres'),
      ],
      literals: { ...literals, string: [...literals.string, "'978-0'", "'Emma 01'"] },
      ordered,
      more: [
        "Genres has org.example.bookshop.Genre'Science'",
        "Tags/any(t:t eq 'new')",
        "Tags/all(t:t eq 'new')",
        'Tags/$count gt 1',
        'Price mul 2 gt 20',
        'Price eq Pages',
        'year(Published) lt 1900',
        "startswith(Title,'It')",
      ],
      unique: 'Title',
      select: ['Title', 'Price', 'Binding', 'Genres', 'Tags'],
    },
  },
  {
    set: 'Authors',
    rows: (batch) =>
      sample(
        fc.record(
          { Name: fc.constantFrom(...words), Born: maybe(...dates), Address: address },
          { requiredKeys: ['Name'] },
        ),
        25,
        batch,
      ).map((author, i) => ({ ID: ((i * 7) % 25) - 5, ...author })),
    grammar: {
      fields: [
        ...fieldsOf('number', 'ID'),
        ...fieldsOf('string', 'Name', 'Address/City', 'Address/Street', 'Address/Country'),
        ...fieldsOf('date', 'Born'),
      ],
      literals,
      ordered,
      more: [
        'Address eq null',
        'Address ne null',
        'ID in (1,2,3,10)',
        "contains(Address/City,'m') or Born gt 1900-01-01",
      ],
      unique: 'ID',
      select: ['ID', 'Name', 'Address', 'Born'],
    },
  },
  {
    set: 'StockLevels',
    rows: (batch) => {
      const levels = sample(
        fc.record(
          {
            Copies: fc.constantFrom('0', '1', '10', '9007199254740993', '-9223372036854775808', '9223372036854775807'),
            Counted: maybe('2024-02-29T12:00:00.123Z', '2024-02-29T14:00:00.123+02:00', '1970-01-01T00:00:00Z'),
            Place: fc.record({ City: fc.constantFrom(...words), Country: maybe('GB', 'IE') }),
          },
          { requiredKeys: ['Copies', 'Place'] },
        ),
        25,
        batch,
      )
      const shops = ['', 'a', 'A', 'ab', 'ä', '😀', '\uff5e']
      return levels.map((level, i) => ({
        Shop: shops[i % shops.length],
        Shelf: 10 - Math.floor(i / shops.length),
        ...level,
      }))
    },
    grammar: {
      fields: [
        ...fieldsOf('number', 'Shelf', 'Copies'),
        ...fieldsOf('string', 'Shop', 'Place/City', 'Place/Country', 'Place/Street'),
        ...fieldsOf('instant', 'Counted'),
      ],
      literals: { ...literals, string: [...literals.string, "'a'", "'ab'", "'\uff5e'"] },
      ordered,
      more: ['Copies add Shelf gt 9', "Shop eq 'a' and Shelf eq 10", 'Copies gt 9007199254740992'],
      unique: 'Shop,Shelf',
      select: ['Shop', 'Shelf', 'Copies', 'Counted'],
    },
  },
]

describe.skipIf(uri === undefined)(`random queries of the bookshop, seed ${seed}${uri ? '' : `: ${reason}`}`, () => {
  stopAfterwards()
  const { batches, queries: count } = effort(6)

  it.each(
    shelves.flatMap((shelf) => Array.from({ length: batches }, (_, batch) => [shelf.set, batch, shelf] as const)),
  )('both stores answer alike (%s, data %i)', async (set, batch, { rows: rowsOf, grammar }) => {
    const rows = rowsOf(batch)
    const stores = await TwoStores.of(bookshopModel, set, rows)
    await askMany(stores, queries(grammar), { count, batch, rows })
    expect(stores.statuses.get(200) ?? 0, [...stores.statuses].join(' ')).toBeGreaterThan(count * 0.7)
  })
})
