import type { Schema } from './schemas.ts'

/** Also of lists: not every generator honours `explode: false`, and an option must not appear twice. */
const text: Schema = { type: 'string' }

/** The system query options that OpenAPI tells of; each a component that operations refer to. */
export const queryOptions: Readonly<Record<string, Schema>> = {
  top: option('$top', 'Show only the first n items.', { type: 'integer', minimum: 0, example: 50 }),
  skip: option('$skip', 'Leave out the first n items.', { type: 'integer', minimum: 0 }),
  search: option('$search', 'Search items by search phrases.', { type: 'string' }),
  filter: option('$filter', 'Filter items by property values.', { type: 'string' }),
  count: option('$count', 'Include the number of items.', { type: 'boolean' }),
  orderby: option('$orderby', 'Order items by property values, separated by commas.', text),
  select: option('$select', 'Properties to be returned, separated by commas.', text),
  expand: option('$expand', 'Related entities to be returned, separated by commas.', text),
}

/** Values that show whether an option is allowed; undefined where the type does not matter. */
export const exampleOptions: Readonly<Record<string, string>> = {
  top: '1',
  skip: '1',
  search: 'x',
  filter: 'true',
  count: 'true',
  select: '*',
  expand: '*',
}

export const ifMatch: Schema = {
  name: 'If-Match',
  in: 'header',
  description: 'ETag of the entity as it was read; another one answers 412.',
  schema: { type: 'string' },
}

function option(name: string, description: string, schema: Schema): Schema {
  return { name, in: 'query', description, schema }
}
