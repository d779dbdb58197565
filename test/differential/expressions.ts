import fc from 'fast-check'
import type { Grammar } from './grammar.ts'

/** Random expressions of every type over the measurements, nested; what stands in the literals of the grammar meets them. */

type Group = 'number' | 'string' | 'boolean' | 'date' | 'time' | 'instant' | 'duration'

/** @param depth of operators and functions */
export function conditions(grammar: Grammar, depth = 2): fc.Arbitrary<string> {
  const field = (group: Group) =>
    fc.constantFrom(...grammar.fields.filter((one) => one.group === group).map(({ path }) => path))
  const literal = (group: Group) => fc.constantFrom(...(grammar.literals[group] ?? ['null']))
  const leaf = (group: Group) =>
    fc.oneof(
      { weight: 6, arbitrary: field(group) },
      { weight: 3, arbitrary: literal(group) },
      { weight: group === 'boolean' ? 0 : 1, arbitrary: fc.constant('null') },
    )
  const call = (name: string, ...args: readonly fc.Arbitrary<string>[]) =>
    fc.tuple(...args).map((values) => `${name}(${values.join(',')})`)
  const either = (...all: readonly fc.Arbitrary<string>[]) => fc.oneof(...all)
  const small = fc.constantFrom('-3', '-1', '0', '1', '2', '3', '100', '4294967296')
  const when = (type: (left: number) => fc.Arbitrary<string>) => (left: number) =>
    fc.tuple(bool(left), type(left)).map(([condition, value]) => `case(${condition}:${value})`)

  function number(left: number): fc.Arbitrary<string> {
    if (left === 0) return leaf('number')
    const inner = number(left - 1)
    return either(
      leaf('number'),
      fc
        .tuple(inner, fc.constantFrom('add', 'sub', 'mul', 'div', 'divby', 'mod'), inner)
        .map(([a, operator, b]) => `(${a} ${operator} ${b})`),
      fc.constantFrom('ceiling', 'floor', 'round').chain((name) => call(name, inner)),
      inner.map((value) => `-(${value})`),
      call('length', string(left - 1)),
      call('indexof', string(left - 1), string(left - 1)),
      fc.constantFrom('year', 'month', 'day').chain((name) => call(name, either(date(0), field('instant')))),
      fc
        .constantFrom('hour', 'minute', 'second', 'fractionalseconds')
        .chain((name) => call(name, either(time(0), field('instant')))),
      call('totaloffsetminutes', field('instant')),
      call('totalseconds', duration(0)),
      fc.constantFrom('Tags/$count', 'Values/$count', "Tags/$count($filter=$this gt 'a')", 'Places/$count'),
      when(number)(left - 1),
    )
  }
  function string(left: number): fc.Arbitrary<string> {
    if (left === 0) return leaf('string')
    const inner = string(left - 1)
    return either(
      leaf('string'),
      call('concat', inner, inner),
      fc.constantFrom('tolower', 'toupper', 'trim').chain((name) => call(name, inner)),
      call('substring', inner, small),
      call('substring', inner, small, fc.constantFrom('0', '1', '2', '2147483648')),
      when(string)(left - 1),
    )
  }
  const date = (left: number): fc.Arbitrary<string> =>
    left === 0 ? leaf('date') : either(leaf('date'), call('date', field('instant')), when(date)(left - 1))
  const time = (left: number): fc.Arbitrary<string> =>
    left === 0 ? leaf('time') : either(leaf('time'), call('time', field('instant')))
  const duration = (left: number): fc.Arbitrary<string> =>
    left === 0
      ? leaf('duration')
      : either(leaf('duration'), fc.constantFrom('(At sub Seen)', '(Span add Took)', '(Span mul 2)'))
  const instant = (left: number): fc.Arbitrary<string> =>
    left === 0 ? leaf('instant') : either(leaf('instant'), fc.constantFrom('(At add Span)', '(Seen sub Took)', 'now()'))

  const compared = (left: number) =>
    either(
      ...[number, string, date, time, duration, instant].map((type) =>
        fc
          .tuple(type(left), fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le'), type(left))
          .map(([a, operator, b]) => `${a} ${operator} ${b}`),
      ),
      fc.tuple(number(left), number(0), number(0)).map(([a, b, c]) => `${a} in (${b},${c},null)`),
      fc.tuple(string(left), string(0), string(0)).map(([a, b, c]) => `${a} in (${b},${c})`),
    )
  /** conditions on one item of a collection, with outer fields too */
  const onTag = either(
    fc
      .tuple(fc.constantFrom('t', 'concat(t,Text)', 'tolower(t)', 'length(t)'), fc.constantFrom('eq', 'ne', 'gt', 'le'))
      .chain(([a, o]) =>
        (a === 'length(t)' ? number(0) : either(fc.constantFrom("'a'", "'ab'", "''"), field('string'))).map(
          (b) => `${a} ${o} ${b}`,
        ),
      ),
    fc.constantFrom('t eq null', "contains(t,'b')", "startswith(t,'a') eq true", 'not (t ne null)', 'endswith(t,Text)'),
  )
  const onValue = fc
    .tuple(fc.constantFrom('v', 'v mul 2', 'v add Int32', '-v'), fc.constantFrom('eq', 'ne', 'gt', 'le'), number(0))
    .map((parts) => parts.join(' '))
  const onPlace = either(
    fc
      .tuple(fc.constantFrom('p/Floor', 'p/Floor add 1'), fc.constantFrom('eq', 'ne', 'gt', 'le'), number(0))
      .map((parts) => parts.join(' ')),
    fc
      .tuple(fc.constantFrom('p/City', 'concat(p/City,p/City)'), fc.constantFrom('eq', 'ne', 'gt', 'le'), string(0))
      .map((parts) => parts.join(' ')),
    fc
      .tuple(fc.constant('p/Since'), fc.constantFrom('eq', 'ne', 'gt', 'le'), instant(0))
      .map((parts) => parts.join(' ')),
  )
  const several = (one: fc.Arbitrary<string>) =>
    fc.oneof(
      { weight: 3, arbitrary: one },
      { weight: 1, arbitrary: fc.tuple(one, fc.constantFrom('and', 'or'), one).map(([a, o, b]) => `${a} ${o} ${b}`) },
      { weight: 1, arbitrary: one.map((inner) => `not (${inner})`) },
    )
  const lambda = (path: string, variable: string, one: fc.Arbitrary<string>) =>
    fc
      .tuple(fc.constantFrom('any', 'all'), several(one))
      .map(([name, inner]) => `${path}/${name}(${variable}:${inner})`)

  function bool(left: number): fc.Arbitrary<string> {
    const base = either(
      compared(Math.max(left - 1, 0)),
      field('boolean'),
      fc
        .constantFrom('contains', 'startswith', 'endswith')
        .chain((name) => call(name, string(left), string(Math.max(left - 1, 0)))),
      lambda('Tags', 't', onTag),
      lambda('Values', 'v', onValue),
      lambda('Places', 'p', onPlace),
    )
    if (left === 0) return base
    const inner = bool(left - 1)
    return fc.oneof(
      { weight: 5, arbitrary: base },
      {
        weight: 2,
        arbitrary: fc.tuple(inner, fc.constantFrom('and', 'or'), inner).map(([a, o, b]) => `(${a} ${o} ${b})`),
      },
      { weight: 1, arbitrary: inner.map((one) => `not (${one})`) },
      {
        weight: 1,
        arbitrary: fc.tuple(inner, fc.constantFrom('true', 'false', 'null')).map(([one, b]) => `(${one}) eq ${b}`),
      },
    )
  }
  return bool(depth)
}
