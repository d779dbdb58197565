import type { Choices } from './choices.ts'
import type { RandomData } from './data.ts'
import { Expressions } from './expressions.ts'
import { allNavigations, allProperties, type RandomModel, type RandomType, setOf, typeNamed, typesOf } from './model.ts'
import { list, type Piece, piece, textOf } from './pieces.ts'
import { groupOf, type Scope, type SingleValue, scopeOf, widened } from './scope.ts'
import type { Group } from './values.ts'

/** A random request of a random model. */
export interface RandomRequest {
  /** percent-encoded, below the service root */
  readonly path: string
  /** each part is `name=value`, not encoded */
  readonly options: Piece
  readonly headers: Readonly<Record<string, string>>
  /** whether the answer is a collection, which can be asked for page by page */
  readonly collection: boolean
}

export function targetOf({ path, options }: RandomRequest): string {
  const text = options.parts.map((part) => {
    const option = textOf(part)
    const equals = option.indexOf('=')
    return `${option.slice(0, equals)}=${encodeURIComponent(option.slice(equals + 1))}`
  })
  return text.length === 0 ? path : `${path}?${text.join('&')}`
}

const scalarGroups: readonly Group[] = [
  'number',
  'number',
  'string',
  'string',
  'date',
  'instant',
  'duration',
  'boolean',
]
const methods = ['sum', 'min', 'max', 'average', 'countdistinct'] as const

export class Requests {
  readonly #choices: Choices
  readonly #model: RandomModel
  readonly #data: RandomData
  readonly #expressions: Expressions
  #aliases = 0

  constructor(choices: Choices, model: RandomModel, data: RandomData) {
    this.#choices = choices
    this.#model = model
    this.#data = data
    this.#expressions = new Expressions(choices, model)
  }

  next(): RandomRequest {
    const c = this.#choices
    const set = c.pick(this.#model.sets)
    const path = `/${set.name}`
    const keyed = `${path}${c.pick(this.#data.keys.get(set) ?? ['(0)'])}`
    return c.weighted<() => RandomRequest>([
      [55, () => this.#rows(path, set.type)],
      [6, () => this.#cast(path, set.type)],
      [6, () => this.#request(keyed, this.#shaping(set.type, 1), false)],
      [10, () => this.#related(keyed, set.type)],
      [6, () => this.#property(keyed, set.type)],
      [6, () => this.#count(path, set.type)],
      [3, () => this.#filterSegment(path, set.type)],
      [10, () => this.#applied(path, set.type)],
      [2, () => this.#crossjoin()],
    ])()
  }

  #request(path: string, options: readonly Piece[], collection: boolean): RandomRequest {
    return { path, options: list('request', '&', options), headers: this.#headers(), collection }
  }

  #headers(): Record<string, string> {
    const c = this.#choices
    const parameters = `odata.metadata=${c.pick(['minimal', 'minimal', 'minimal', 'none', 'none', 'full'])};IEEE754Compatible=${c.chance(0.8)}`
    return {
      Accept: `application/json;${parameters}`,
      'OData-MaxVersion': c.pick(['4.01', '4.01', '4.0']),
      ...(c.chance(0.1) ? { Prefer: c.pick(['omit-values=nulls', 'omit-values=defaults', 'maxpagesize=4']) } : {}),
    }
  }

  #rows(path: string, type: RandomType): RandomRequest {
    return this.#request(path, this.#options(type, 2), true)
  }

  #cast(path: string, type: RandomType): RandomRequest {
    const one = this.#choices.pick(typesOf(type))
    return this.#request(`${path}/${one.name}`, this.#options(one, 1), true)
  }

  #related(path: string, type: RandomType): RandomRequest {
    const navigations = allNavigations(type)
    if (navigations.length === 0) return this.#request(path, this.#shaping(type, 1), false)
    const { name, target, collection } = this.#choices.pick(navigations)
    const other = typeNamed(this.#model, target)
    const there = `${path}/${encodeURIComponent(name)}`
    if (!collection) return this.#request(there, this.#shaping(other, 1), false)
    if (this.#choices.chance(0.15))
      return this.#request(`${there}/$ref`, this.#some([0.5, () => this.#filter(scopeOf(this.#model, other), 1)]), true)
    return this.#request(there, this.#options(other, 1), true)
  }

  #property(path: string, type: RandomType): RandomRequest {
    const property = this.#choices.pick(allProperties(type))
    const there = `${path}/${encodeURIComponent(property.name)}`
    const nested = this.#model.types.get(property.type)
    if (!property.collection) {
      if (nested === undefined) {
        return this.#request(this.#choices.chance(0.3) ? `${there}/$value` : there, [], false)
      }
      return this.#request(there, this.#shaping(nested, 0), false)
    }
    if (nested !== undefined) return this.#request(there, this.#options(nested, 0), true)
    const group = groupOf(this.#model, property.type) ?? 'string'
    const scope: Scope = {
      singles: [{ path: '$this', group, type: property.type }],
      many: [],
      open: false,
      types: [],
      prefix: '',
    }
    return this.#request(
      there,
      this.#some(
        [0.5, () => this.#filter(scope, 1)],
        [0.3, () => piece('orderby', '$orderby=$this desc')],
        [0.3, () => this.#window('$top')],
        [0.3, () => piece('count', '$count=true')],
      ),
      true,
    )
  }

  #count(path: string, type: RandomType): RandomRequest {
    const scope = scopeOf(this.#model, type)
    const request = this.#request(
      `${path}/$count`,
      this.#some([0.9, () => this.#filter(scope, 2)], [0.1, () => this.#search()]),
      false,
    )
    return { ...request, headers: {} }
  }

  #filterSegment(path: string, type: RandomType): RandomRequest {
    const scope = scopeOf(this.#model, type)
    return this.#request(
      `${path}/$filter(@e)`,
      [
        piece('alias', '@e=', this.#expressions.condition(scope, 1)),
        ...this.#options(type, 0).filter((one) => one.kind !== 'apply'),
      ],
      true,
    )
  }

  #crossjoin(): RandomRequest {
    const [left, right] = this.#choices.some(this.#model.sets, 2, 2)
    if (left === undefined || right === undefined) throw new Error('two sets')
    const scopes = [left, right].map((set) => scopeOf(this.#model, set.type, 0, `${set.name}/`))
    const scope = widened(scopes[0] as Scope, scopes[1]?.singles ?? [])
    return this.#request(
      `/$crossjoin(${left.name},${right.name})`,
      [
        this.#filter({ ...scope, open: false, types: [], many: [] }, 1),
        ...this.#some([0.5, () => piece('expand', `$expand=${left.name}`)], [0.5, () => this.#window('$top')]),
      ],
      true,
    )
  }

  /** every option of a collection, each by chance. @param depth of expressions and expansions */
  #options(type: RandomType, depth: number): Piece[] {
    const computed = this.#choices.chance(0.15) ? this.#computed(scopeOf(this.#model, type), depth) : undefined
    const scope =
      computed === undefined ? scopeOf(this.#model, type) : widened(scopeOf(this.#model, type), computed.names)
    return [
      ...(computed === undefined ? [] : [computed.option]),
      ...this.#some(
        [0.6, () => this.#filter(scope, depth)],
        [0.45, () => this.#orderby(scope, depth)],
        [0.3, () => this.#select(type, computed?.names ?? [])],
        [
          depth > 0 && allNavigations(type).length > 0 ? 0.25 : 0,
          () => piece('expand', '$expand=', this.#expand(type, depth, ';')),
        ],
        [0.06, () => this.#search()],
        [0.25, () => piece('count', '$count=true')],
        [0.25, () => this.#window('$top')],
        [0.2, () => this.#window('$skip')],
      ),
    ]
  }

  /** the options of a single value. */
  #shaping(type: RandomType, depth: number): Piece[] {
    return this.#some(
      [0.4, () => this.#select(type, [])],
      [
        depth > 0 && allNavigations(type).length > 0 ? 0.5 : 0,
        () => piece('expand', '$expand=', this.#expand(type, depth, ';')),
      ],
    )
  }

  #some(...options: readonly (readonly [number, () => Piece])[]): Piece[] {
    return options.flatMap(([share, make]) => (this.#choices.chance(share) ? [make()] : []))
  }

  #filter(scope: Scope, depth: number): Piece {
    return piece('filter', '$filter=', this.#expressions.condition(scope, depth))
  }

  #window(name: '$top' | '$skip'): Piece {
    return piece(name, `${name}=${this.#choices.int(0, 9)}`)
  }

  #search(): Piece {
    return piece('search', `$search=${this.#choices.pick(['a', 'ab OR b', 'NOT a', '"a b"', 'a NOT b', '10', '😀'])}`)
  }

  #orderby(scope: Scope, depth: number): Piece {
    const items = Array.from({ length: this.#choices.int(1, 3) }, () => {
      const group = this.#choices.pick(scalarGroups)
      const one = this.#choices.chance(0.7)
        ? this.#expressions.path(group, scope)
        : this.#expressions.of(group, scope, depth)
      return piece('item', one, this.#choices.pick(['', ' asc', ' desc']))
    })
    return piece('orderby', '$orderby=', list('items', ',', items))
  }

  #select(type: RandomType, computed: readonly SingleValue[]): Piece {
    const names = [
      ...allProperties(type).map(({ name }) => name),
      ...allNavigations(type).map(({ name }) => name),
      ...typesOf(type)
        .slice(1)
        .flatMap((derived) => derived.properties.map(({ name }) => `${derived.name}/${name}`)),
      ...allProperties(type).flatMap(({ name, type: nested }) => {
        const complex = this.#model.types.get(nested)
        return complex === undefined ? [] : complex.properties.map((property) => `${name}/${property.name}`)
      }),
      ...(type.open ? ['Dyn1', 'Dyn2'] : []),
      ...computed.map(({ path }) => path),
      '*',
    ]
    return piece('select', '$select=', list('items', ',', this.#choices.some(names, 4, 1)))
  }

  #computed(scope: Scope, depth: number): { option: Piece; names: SingleValue[] } {
    const names: SingleValue[] = []
    const items = Array.from({ length: this.#choices.int(1, 2) }, () => {
      const group = this.#choices.pick(scalarGroups)
      const name = `C${this.#aliases++ % 100}`
      const value = this.#expressions.of(group, scope, depth)
      names.push({ path: name, group, type: '' })
      return piece('computed', value, ` as ${name}`)
    })
    return { option: piece('compute', '$compute=', list('items', ',', items)), names }
  }

  #expand(type: RandomType, depth: number, separator: string): Piece {
    const items = this.#choices.some(allNavigations(type), 2, 1).map((navigation) => {
      const target = typeNamed(this.#model, navigation.target)
      if (navigation.collection && this.#choices.chance(0.1)) return piece('item', `${navigation.name}/$count`)
      if (this.#choices.chance(0.05)) return piece('item', `${navigation.name}/$ref`)
      const options = navigation.collection ? this.#options(target, depth - 1) : this.#shaping(target, depth - 1)
      const levels =
        setOf(this.#model, target)?.type === setOf(this.#model, type)?.type && this.#choices.chance(0.2)
          ? [piece('levels', '$levels=2')]
          : []
      const all = [...options, ...levels]
      return all.length === 0
        ? piece('item', navigation.name)
        : piece('item', navigation.name, '(', list('nested', separator, all), ')')
    })
    return list('items', ',', items)
  }

  /** `$apply`, and the later options on its result. */
  #applied(path: string, type: RandomType): RandomRequest {
    const c = this.#choices
    const e = this.#expressions
    let scope = scopeOf(this.#model, type)
    const steps: Piece[] = []
    const group = (): { step: Piece; scope: Scope } => {
      const named = scope.singles.filter(({ group: of }) => of !== undefined && of !== 'point')
      const grouping = named.length === 0 ? [] : c.some(named, 2, 1)
      const results: SingleValue[] = []
      const aggregates = Array.from({ length: c.int(0, 3) }, () => {
        const alias = `S${this.#aliases++ % 100}`
        if (c.chance(0.25)) {
          results.push({ path: alias, group: 'number', type: '' })
          return piece('aggregate', `$count as ${alias}`)
        }
        const method = c.pick(methods)
        const of: Group = method === 'sum' || method === 'average' ? 'number' : c.pick(scalarGroups)
        const value = c.chance(0.8) ? e.path(of, scope) : e.of(of, scope, 1)
        results.push({ path: alias, group: method === 'countdistinct' ? 'number' : of, type: '' })
        return piece('aggregate', value, ` with ${method} as ${alias}`)
      })
      const aggregate =
        aggregates.length === 0 ? [] : [piece('aggregates', 'aggregate(', list('items', ',', aggregates), ')')]
      const all = grouping.length === 0 || (aggregate.length > 0 && c.chance(0.15))
      const step = all
        ? (aggregate[0] ?? piece('step', 'identity'))
        : piece(
            'step',
            'groupby((',
            list(
              'items',
              ',',
              grouping.map(({ path: one }) => one),
            ),
            ')',
            ...aggregate.flatMap((one) => [',', one]),
            ')',
          )
      const left =
        all && aggregate.length === 0
          ? scope
          : { singles: [...(all ? [] : grouping), ...results], many: [], open: false, types: [], prefix: '' }
      return { step, scope: left }
    }
    for (let i = c.int(1, 3); i > 0; i--) {
      const step = c.weighted<() => Piece>([
        [3, () => piece('step', 'filter(', e.condition(scope, 1), ')')],
        [
          5,
          () => {
            const made = group()
            scope = made.scope
            return made.step
          },
        ],
        [1, () => piece('step', 'orderby(', e.path(c.pick(scalarGroups), scope), ')')],
        [1, () => piece('step', `top(${c.int(1, 9)})`)],
        [0.5, () => piece('step', `skip(${c.int(1, 3)})`)],
        [
          1,
          () =>
            piece(
              'step',
              c.pick(['topcount(3,', 'bottomcount(2,', 'toppercent(50,', 'bottomsum(3,']),
              e.path('number', scope),
              ')',
            ),
        ],
        [
          1,
          () => {
            const name = `C${this.#aliases++ % 100}`
            const of = c.pick(scalarGroups)
            const made = piece('step', 'compute(', e.of(of, scope, 1), ` as ${name})`)
            scope = widened(scope, [{ path: name, group: of, type: '' }])
            return made
          },
        ],
      ])()
      steps.push(step)
    }
    const result = scope
    return this.#request(
      path,
      [
        piece('apply', '$apply=', list('steps', '/', steps)),
        ...this.#some(
          [0.3, () => this.#filter(result, 0)],
          [0.4, () => this.#orderby(result, 0)],
          [0.2, () => piece('count', '$count=true')],
          [0.2, () => this.#window('$top')],
          [0.2, () => this.#window('$skip')],
        ),
      ],
      true,
    )
  }
}
