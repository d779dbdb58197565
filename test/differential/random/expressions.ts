import type { Choices } from './choices.ts'
import { itemOf } from './data.ts'
import { type RandomModel, typeNamed } from './model.ts'
import { list, type Piece, piece } from './pieces.ts'
import { groupOf, type ManyValues, type Scope, scopeOf, widened } from './scope.ts'
import { type Group, ordered, pools } from './values.ts'

/** Random typed expressions over a scope; the kind of a piece is its group, so that a smaller one of the same group can stand for it. */
export class Expressions {
  readonly #choices: Choices
  readonly #model: RandomModel
  #variables = 0

  constructor(choices: Choices, model: RandomModel) {
    this.#choices = choices
    this.#model = model
  }

  /** A path of a group in the scope, a literal where there is none. */
  path(group: Group, scope: Scope): Piece {
    const found = scope.singles.filter((one) => one.group === group)
    if (found.length === 0) return this.literal(group)
    // short paths first: deep ones are many
    const short = found.filter(({ path }) => !path.slice(scope.prefix.length).includes('/'))
    const { path } = this.#choices.pick(short.length > 0 && this.#choices.chance(0.6) ? short : found)
    return piece(group, path)
  }

  literal(group: Group): Piece {
    if (group.startsWith('enum ')) {
      const name = group.slice('enum '.length)
      const members = this.#model.enums.get(name)?.members ?? []
      return piece(group, `${name}'${this.#choices.pick(members)[0]}'`)
    }
    const literals = Object.values(pools).filter((pool) => pool.group === group)
    return piece(group, this.#choices.pick(this.#choices.pick(literals).literals))
  }

  leaf(group: Group, scope: Scope): Piece {
    return this.#choices.weighted<() => Piece>([
      [6, () => this.path(group, scope)],
      [3, () => this.literal(group)],
      [0.5, () => piece(group, 'null')],
      [scope.open ? 0.7 : 0, () => piece(group, `${scope.prefix}${this.#choices.pick(['Dyn1', 'Dyn2', 'dollar'])}`)],
    ])()
  }

  /** @param left how deep operators and functions may still nest */
  of(group: Group, scope: Scope, left: number): Piece {
    if (left <= 0 || this.#choices.chance(0.4)) return this.leaf(group, scope)
    const inner = (of: Group): Piece => this.of(of, scope, left - 1)
    const call = (name: string, ...args: readonly (Piece | string)[]): Piece =>
      piece(group, name, '(', ...args.flatMap((one, i) => (i === 0 ? [one] : [',', one])), ')')
    const pick = (...options: readonly string[]): string => this.#choices.pick(options)
    const when = (): Piece => call('case', piece('case', this.condition(scope, left - 1), ':', inner(group)))
    switch (group) {
      case 'boolean':
        return this.condition(scope, left)
      case 'number':
        return this.#choices.weighted<() => Piece>([
          [
            6,
            () =>
              piece(
                group,
                '(',
                inner(group),
                ` ${pick('add', 'sub', 'mul', 'div', 'divby', 'mod')} `,
                inner(group),
                ')',
              ),
          ],
          [2, () => call(pick('ceiling', 'floor', 'round'), inner(group))],
          [1, () => piece(group, '-(', inner(group), ')')],
          [1, () => call('length', inner('string'))],
          [1, () => call('indexof', inner('string'), inner('string'))],
          [1, () => call(pick('year', 'month', 'day'), inner(pick('date', 'instant') as Group))],
          [
            1,
            () => call(pick('hour', 'minute', 'second', 'fractionalseconds'), inner(pick('time', 'instant') as Group)),
          ],
          [0.5, () => call('totaloffsetminutes', inner('instant'))],
          [0.5, () => call('totalseconds', inner('duration'))],
          [1, () => this.#counted(scope, left)],
          [
            1,
            () => call('cast', inner(group), pick('Edm.Int64', 'Edm.Decimal', 'Edm.Double', 'Edm.Int32', 'Edm.Byte')),
          ],
          [0.3, () => call('geo.distance', inner('point'), inner('point'))],
          [1, when],
        ])()
      case 'string':
        return this.#choices.weighted<() => Piece>([
          [2, () => call('concat', inner(group), inner(group))],
          [3, () => call(pick('tolower', 'toupper', 'trim'), inner(group))],
          [1, () => call('substring', inner(group), pick('-1', '0', '1', '2'))],
          [1, () => call('substring', inner(group), pick('0', '1'), pick('0', '1', '2'))],
          [1, () => call('cast', inner(pick('number', 'date', 'instant', 'guid', 'boolean') as Group), 'Edm.String')],
          [1, when],
        ])()
      case 'date':
        return this.#choices.weighted<() => Piece>([
          [2, () => call('date', inner('instant'))],
          [1, when],
        ])()
      case 'time':
        return call('time', inner('instant'))
      case 'instant':
        return this.#choices.weighted<() => Piece>([
          [2, () => piece(group, '(', inner(group), ` ${pick('add', 'sub')} `, inner('duration'), ')')],
          [1, when],
        ])()
      case 'duration':
        return this.#choices.weighted<() => Piece>([
          [2, () => piece(group, '(', inner('instant'), ' sub ', inner('instant'), ')')],
          [1, () => piece(group, '(', inner(group), ` ${pick('add', 'sub')} `, inner(group), ')')],
          [1, () => piece(group, '(', inner(group), ' mul ', pick('2', '-1', '0.5'), ')')],
          [1, () => piece(group, '-(', inner(group), ')')],
        ])()
      default:
        return this.leaf(group, scope)
    }
  }

  condition(scope: Scope, left: number): Piece {
    const group = (): Group => this.#choices.pick(this.#groups(scope))
    const inner = (): Piece => this.condition(scope, left - 1)
    const simple: readonly (readonly [number, () => Piece])[] = [
      [10, () => this.#compared(group(), scope, left)],
      [2, () => piece('boolean', this.path(group(), scope), this.#choices.pick([' eq null', ' ne null', ' gt null']))],
      [2, () => this.#listed(group(), scope)],
      [
        4,
        () =>
          piece(
            'boolean',
            this.#choices.pick(['contains', 'startswith', 'endswith']),
            '(',
            this.of('string', scope, left - 1),
            ',',
            this.leaf('string', scope),
            ')',
          ),
      ],
      [1, () => this.path('boolean', scope)],
      [scope.many.length === 0 ? 0 : 4, () => this.#lambda(scope, left)],
      [1, () => this.#has(scope)],
      [0.5, () => this.#typed(scope)],
      [1, () => this.#structured(scope)],
      [0.5, () => piece('boolean', 'matchesPattern(', this.path('string', scope), ",'^a.*b?$')")],
    ]
    if (left <= 0) return this.#choices.weighted(simple)()
    return this.#choices.weighted<() => Piece>([
      [5, () => this.#choices.weighted(simple)()],
      [
        3,
        () => list('boolean', this.#choices.pick([' and ', ' or ']), [parenthesized(inner()), parenthesized(inner())]),
      ],
      [1.5, () => piece('boolean', 'not (', inner(), ')')],
      [
        0.7,
        () =>
          piece('boolean', '(', inner(), ')', this.#choices.pick([' eq true', ' eq false', ' eq null', ' ne true'])),
      ],
    ])()
  }

  #groups(scope: Scope): readonly Group[] {
    const found = scope.singles.flatMap(({ group }) => (group === undefined ? [] : [group]))
    return found.length === 0 ? ['number'] : found
  }

  #compared(group: Group, scope: Scope, left: number): Piece {
    const operators = ordered.has(group) ? ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] : ['eq', 'ne']
    if (group === 'point')
      return piece('boolean', 'geo.distance(', this.path(group, scope), ',', this.literal(group), ') lt 5')
    return piece(
      'boolean',
      this.of(group, scope, left - 1),
      ` ${this.#choices.pick(operators)} `,
      this.of(group, scope, left - 2),
    )
  }

  #listed(group: Group, scope: Scope): Piece {
    if (group === 'point') return this.#compared(group, scope, 0)
    const items = Array.from({ length: this.#choices.int(1, 4) }, () =>
      this.#choices.chance(0.1) ? piece(group, 'null') : this.literal(group),
    )
    return piece('boolean', this.path(group, scope), ' in (', list('items', ',', items), ')')
  }

  #has(scope: Scope): Piece {
    const flags = scope.singles.filter(({ type }) => this.#model.enums.get(type)?.flags === true)
    if (flags.length === 0) return this.#compared(this.#choices.pick(this.#groups(scope)), scope, 0)
    const { path, type } = this.#choices.pick(flags)
    return piece('boolean', path, ' has ', this.literal(`enum ${type}`))
  }

  #typed(scope: Scope): Piece {
    if (scope.types.length === 0) return piece('boolean', 'true eq true')
    const subject = scope.prefix === '' ? [] : [scope.prefix.slice(0, -1), ',']
    return piece('boolean', 'isof(', ...subject, this.#choices.pick(scope.types), ')')
  }

  #structured(scope: Scope): Piece {
    const lists = scope.many.filter(({ type }) => this.#isValue(type) && !type.startsWith('Edm.Geo'))
    if (lists.length > 0 && this.#choices.chance(0.4)) {
      const { path, type } = this.#choices.pick(lists)
      const items = Array.from({ length: this.#choices.int(0, 2) }, () => this.#json(type))
      return piece('boolean', path, this.#choices.pick([' eq ', ' ne ']), `[${items.join(',')}]`)
    }
    const complex = scope.singles.filter(({ group, type }) => group === undefined && this.#isValue(type))
    if (complex.length > 0 && this.#choices.chance(0.5)) {
      const { path, type } = this.#choices.pick(complex)
      const [operator, close] = this.#choices.pick([
        [' eq ', ''],
        [' ne ', ''],
        [' in [null,', ']'],
      ] as const)
      return piece('boolean', path, operator, this.#choices.chance(0.3) ? '{}' : this.#json(type), close)
    }
    const found = scope.singles.filter(({ group }) => group === undefined)
    if (found.length === 0) return piece('boolean', this.path('string', scope), ' ne null')
    return piece('boolean', this.#choices.pick(found).path, this.#choices.pick([' eq null', ' ne null']))
  }

  /** Whether values of a type have a literal: not entities. */
  #isValue(type: string): boolean {
    return (this.#model.types.get(type)?.key.length ?? 0) === 0
  }

  #json(type: string): string {
    return JSON.stringify(itemOf(this.#choices, this.#model, type, 2))
  }

  #counted(scope: Scope, left: number): Piece {
    if (scope.many.length === 0) return this.leaf('number', scope)
    const one = this.#choices.pick(scope.many)
    if (left < 2 || this.#choices.chance(0.6)) return piece('number', one.path, '/$count')
    const item = this.#itemScope(one, '$this')
    return piece('number', one.path, '/$count($filter=', this.condition(item, left - 2), ')')
  }

  #lambda(scope: Scope, left: number): Piece {
    const one = this.#choices.pick(scope.many)
    if (this.#choices.chance(0.15)) return piece('boolean', one.path, '/any()')
    const variable = `v${this.#variables++ % 100}`
    const item = this.#itemScope(one, variable)
    const outer = this.#choices.chance(0.3) ? widened(item, scope.singles) : item
    return piece(
      'boolean',
      one.path,
      `/${this.#choices.pick(['any', 'any', 'all'])}(${variable}:`,
      this.condition(outer, Math.min(left - 1, 1)),
      ')',
    )
  }

  #itemScope({ type }: ManyValues, variable: string): Scope {
    const group = groupOf(this.#model, type)
    if (group !== undefined) {
      return { singles: [{ path: variable, group, type }], many: [], open: false, types: [], prefix: '' }
    }
    return scopeOf(this.#model, typeNamed(this.#model, type), 1, `${variable}/`)
  }
}

const parenthesized = (one: Piece): Piece => piece('operand', '(', one, ')')
