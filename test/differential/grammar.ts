import fc from 'fast-check'

/** Random queries over the properties of one entity set, as URL text. */

/** Properties of one group compare with each other and with the group's literals. */
export interface Field {
  /** path in the URL: `status`, `Address/City` */
  readonly path: string
  readonly group: string
}

export interface Grammar {
  readonly fields: readonly Field[]
  /** literals of each group, as they stand in a URL before percent-encoding */
  readonly literals: Readonly<Record<string, readonly string[]>>
  /** groups whose values have an order */
  readonly ordered: readonly string[]
  /** conditions of other forms, whole: lambdas, `has`, functions of dates */
  readonly more: readonly string[]
  /** expressions to sort by */
  readonly orders?: readonly string[]
  /** the property whose values differ from row to row, so that every order is total */
  readonly unique: string
  /** what can be in `$select` */
  readonly select: readonly string[]
}

export interface Query {
  readonly filter: string | undefined
  /** ends with the unique property */
  readonly orderby: string
  readonly top: number | undefined
  readonly skip: number | undefined
  readonly count: boolean
  readonly select: readonly string[]
}

export const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** Short texts that meet, contain and precede one another, and that upset regular expressions and byte orders. */
export const texts = [
  '',
  'a',
  'A',
  'ab',
  'aB',
  'b',
  'ba',
  ' a',
  'a ',
  '10',
  '9',
  "it's",
  'a.b',
  'a%b_c',
  '^a$',
  'a\\d',
  '(a|b',
  'a\nb',
  'ä',
  'Ä',
  'a\u0308',
  'ß',
  'İ',
  '\uff5e',
  '😀',
  '😀a',
  'null',
  '$a',
]

/** $filter in the form of the grammar; with few weights for what is rare in real queries. */
export function filters(grammar: Grammar): fc.Arbitrary<string> {
  const { fields, literals, ordered, more } = grammar
  const inGroup = (group: string): readonly Field[] => fields.filter((field) => field.group === group)
  const field = fc.constantFrom(...fields)
  const literalOf = ({ group }: Field): fc.Arbitrary<string> => fc.constantFrom(...(literals[group] ?? ['null']))
  const operatorOf = ({ group }: Field): fc.Arbitrary<string> =>
    ordered.includes(group) ? fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le') : fc.constantFrom('eq', 'ne')

  const withLiteral = field.chain((one) =>
    fc
      .tuple(operatorOf(one), literalOf(one), fc.boolean())
      .map(([operator, literal, turned]) =>
        turned ? `${literal} ${operator} ${one.path}` : `${one.path} ${operator} ${literal}`,
      ),
  )
  const withNull = field.chain((one) => operatorOf(one).map((operator) => `${one.path} ${operator} null`))
  const withField = field.chain((one) =>
    fc
      .tuple(operatorOf(one), fc.constantFrom(...inGroup(one.group)))
      .map(([operator, other]) => `${one.path} ${operator} ${other.path}`),
  )
  const inList = field.chain((one) =>
    fc
      .array(fc.oneof({ weight: 8, arbitrary: literalOf(one) }, { weight: 1, arbitrary: fc.constant('null') }), {
        minLength: 1,
        maxLength: 4,
      })
      .map((items) => `${one.path} in (${items.join(',')})`),
  )
  const strings = inGroup('string')
  const pattern =
    strings.length === 0
      ? withLiteral
      : fc
          .tuple(
            fc.constantFrom('contains', 'startswith', 'endswith'),
            fc.constantFrom(...strings),
            fc.oneof(
              { weight: 6, arbitrary: fc.constantFrom(...texts.map(quote)) },
              { weight: 1, arbitrary: fc.constantFrom(...strings.map(({ path }) => path)) },
              { weight: 1, arbitrary: fc.constant('null') },
            ),
            fc.constantFrom('', '', '', ' eq true', ' eq false', ' ne true', ' eq null', ' ne null'),
          )
          .map(([name, one, argument, after]) => `${name}(${one.path},${argument})${after}`)
  const flags = inGroup('boolean')
  const flag = flags.length === 0 ? withLiteral : fc.constantFrom(...flags.map(({ path }) => path))

  const { condition } = fc.letrec<{ condition: string; both: string; no: string; leaf: string }>((tie) => ({
    leaf: fc.oneof(
      { weight: 8, arbitrary: withLiteral },
      { weight: 2, arbitrary: withNull },
      { weight: 3, arbitrary: withField },
      { weight: 2, arbitrary: inList },
      { weight: 4, arbitrary: pattern },
      { weight: 1, arbitrary: flag },
      { weight: more.length === 0 ? 0 : 2, arbitrary: more.length === 0 ? withNull : fc.constantFrom(...more) },
    ),
    both: fc
      .tuple(tie('condition'), fc.constantFrom('and', 'or'), tie('condition'), fc.boolean())
      .map(([left, operator, right, open]) =>
        open ? `${left} ${operator} ${right}` : `(${left}) ${operator} (${right})`,
      ),
    no: tie('condition').map((inner) => `not (${inner})`),
    condition: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'condition' },
      { weight: 5, arbitrary: tie('leaf') },
      { weight: 3, arbitrary: tie('both') },
      { weight: 2, arbitrary: tie('no') },
    ),
  }))
  return condition
}

export function queries(grammar: Grammar): fc.Arbitrary<Query> {
  const sortable = grammar.fields
    .filter(({ group }) => grammar.ordered.includes(group) || group === 'boolean')
    .map(({ path }) => path)
    .concat(grammar.orders ?? [])
  const item = fc
    .tuple(fc.constantFrom(...sortable), fc.constantFrom('', ' asc', ' desc'))
    .map(([path, direction]) => `${path}${direction}`)
  return fc.record({
    filter: fc.option(filters(grammar), { nil: undefined, freq: 8 }),
    orderby: fc
      .tuple(fc.array(item, { maxLength: 2 }), fc.constantFrom('', ' desc'))
      .map(([items, direction]) => [...items, `${grammar.unique}${direction}`].join(',')),
    top: fc.option(fc.nat(20), { nil: undefined, freq: 1 }),
    skip: fc.option(fc.nat(12), { nil: undefined, freq: 1 }),
    count: fc.boolean(),
    select: fc.subarray([...grammar.select], { maxLength: 4 }),
  })
}

/** The query as it stands behind the `?`. */
export function urlOf(query: Query): string {
  const options = [
    query.filter === undefined ? '' : `$filter=${encodeURIComponent(query.filter)}`,
    `$orderby=${encodeURIComponent(query.orderby)}`,
    query.top === undefined ? '' : `$top=${query.top}`,
    query.skip === undefined ? '' : `$skip=${query.skip}`,
    query.count ? '$count=true' : '',
    query.select.length === 0 ? '' : `$select=${query.select.join(',')}`,
  ]
  return options.filter((option) => option !== '').join('&')
}
