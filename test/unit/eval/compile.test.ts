import { Binary, Decimal128, Long, ObjectId } from 'bson'
import { describe, expect, it } from 'vitest'
import type { Expression, MemberStep } from '../../../src/bind/tree.ts'
import type { NavigationProperty, TypeReference } from '../../../src/edm/model.ts'
import { ODataError } from '../../../src/errors/odata-error.ts'
import {
  compilePredicate,
  compileTypeTest,
  compileValue,
  type EvalContext,
  preparePredicate,
  prepareValue,
} from '../../../src/eval/compile.ts'
import {
  address,
  all,
  and,
  any,
  binary,
  bound,
  cast,
  color,
  complex,
  context,
  count,
  double,
  eq,
  evaluate,
  friend,
  friends,
  ge,
  gt,
  holds,
  int,
  isIn,
  isOf,
  layout,
  le,
  lit,
  literal,
  lt,
  ne,
  negate,
  no,
  not,
  nothing,
  office,
  or,
  pair,
  pairs,
  promote,
  prop,
  rawRow,
  ref,
  row,
  self,
  special,
  str,
  thing,
  things,
  value,
  yes,
} from './things.ts'

const string = ref('Edm.String')
const int32 = ref('Edm.Int32')

describe('comparisons (U 5.1.1.1)', () => {
  it('with null: eq and ne are two-valued, the others false', () => {
    expect(holds(eq(prop('s'), nothing))).toBe(true)
    expect(holds(ne(prop('s'), nothing))).toBe(false)
    expect(holds(eq(prop('s'), nothing), { s: '' })).toBe(false)
    expect(holds(ne(prop('i'), int(5)))).toBe(true)
    for (const compare of [gt, ge, lt, le]) {
      expect(evaluate(compare(prop('i'), int(5)))).toBe(false)
      expect(evaluate(compare(prop('i'), nothing), { i: 5 })).toBe(false)
      expect(evaluate(compare(nothing, nothing))).toBe(false)
    }
    expect(holds(not(gt(prop('i'), int(5))))).toBe(true)
  })

  it('null equals null, stored as null or absent', () => {
    expect(holds(eq(prop('s'), prop('t')))).toBe(true)
    expect(holds(eq(prop('s'), prop('t')), rawRow({ s: null }))).toBe(true)
    expect(holds(eq(prop('s'), nothing), rawRow({ s: null }))).toBe(true)
  })

  it('NaN equals nothing and is neither above nor below', () => {
    const nan = { d: Number.NaN, e: Number.NaN }
    expect(holds(eq(prop('d'), prop('e')), nan)).toBe(false)
    expect(holds(ne(prop('d'), prop('e')), nan)).toBe(true)
    expect(holds(eq(prop('d'), double(Number.NaN)), nan)).toBe(false)
    expect(holds(not(ge(prop('d'), double(0))), nan)).toBe(true)
    expect(holds(not(le(prop('d'), double(0))), nan)).toBe(true)
    expect(holds(lt(prop('d'), double(Number.POSITIVE_INFINITY)), { d: 1e308 })).toBe(true)
    expect(holds(eq(prop('d'), double(0)), { d: -0 })).toBe(true)
  })

  it('strings by code point, not by UTF-16 unit', () => {
    expect(holds(gt(prop('s'), str('\uff5e')), { s: '\u{1f600}' })).toBe(true)
    expect(holds(gt(prop('s'), prop('t')), { s: '\u{1f600}', t: '\uff5e' })).toBe(true)
    expect(holds(lt(prop('s'), str('a')), { s: 'Z' })).toBe(true)
    expect(holds(gt(prop('s'), str('ab')), { s: 'abc' })).toBe(true)
    expect(holds(eq(prop('s'), str('ab')), { s: 'abc' })).toBe(false)
  })

  it('every operator, both ways round', () => {
    const results = (compare: typeof eq) => [4, 5, 6].map((i) => holds(compare(prop('i'), int(5)), { i }))
    expect([eq, ne, gt, ge, lt, le].map(results)).toEqual([
      [false, true, false],
      [true, false, true],
      [false, false, true],
      [false, true, true],
      [true, false, false],
      [true, true, false],
    ])
    const swapped = (compare: typeof eq) => [4, 5, 6].map((i) => holds(compare(int(5), prop('i')), { i }))
    expect([gt, ge, lt, le].map(swapped)).toEqual([lt, le, gt, ge].map(results))
  })

  it('Int64 beyond 2^53 to the last digit', () => {
    const big = { l: 9_007_199_254_740_993n }
    expect(holds(eq(prop('l'), literal('Edm.Int64', 9_007_199_254_740_992n)), big)).toBe(false)
    expect(holds(gt(prop('l'), literal('Edm.Int64', 9_007_199_254_740_992n)), big)).toBe(true)
    expect(holds(lt(prop('l'), literal('Edm.Int64', -1n)), { l: -4_294_967_297n })).toBe(true)
    expect(holds(gt(prop('l'), literal('Edm.Int64', -4_294_967_297n)), { l: -4_294_967_296n })).toBe(true)
    // promoted to Double by bind, compared exactly
    expect(holds(eq(promote(prop('l'), 'Edm.Double'), double(9_007_199_254_740_992)), big)).toBe(false)
  })

  it('Decimal with 34 digits', () => {
    const digits = '1234567890123456789012345678901.234'
    expect(holds(eq(prop('m'), lit('Edm.Decimal', digits)), { m: value('Edm.Decimal', digits) })).toBe(true)
    expect(
      holds(lt(prop('m'), lit('Edm.Decimal', `${digits.slice(0, -1)}5`)), { m: value('Edm.Decimal', digits) }),
    ).toBe(true)
    expect(holds(eq(prop('m'), lit('Edm.Decimal', '1.1')), { m: value('Edm.Decimal', '1.10') })).toBe(true)
    // promotion to Double: 0.1 is 0.1
    expect(holds(eq(promote(prop('m'), 'Edm.Double'), double(0.1)), { m: value('Edm.Decimal', '0.1') })).toBe(true)
  })

  it('an integer property with a fractional literal', () => {
    expect(holds(gt(promote(prop('i'), 'Edm.Decimal'), lit('Edm.Decimal', '4.5')), { i: 5 })).toBe(true)
    expect(holds(eq(promote(prop('i'), 'Edm.Double'), double(5)), { i: 5 })).toBe(true)
    expect(holds(lt(promote(prop('i'), 'Edm.Double'), double(5.5)), { i: 5 })).toBe(true)
  })

  it('DateTimeOffset by instant, to the last digit, whatever the offset', () => {
    const dt = value('Edm.DateTimeOffset', '2017-01-01T00:03:18.9597073-08:00')
    const at = (text: string) => lit('Edm.DateTimeOffset', text)
    expect(holds(eq(prop('dt'), at('2017-01-01T08:03:18.9597073Z')), { dt })).toBe(true)
    expect(holds(eq(prop('dt'), at('2017-01-01T08:03:18.9597074Z')), { dt })).toBe(false)
    expect(holds(gt(prop('dt'), at('2017-01-01T08:03:18.9597072Z')), { dt })).toBe(true)
    expect(holds(gt(prop('dt'), at('2017-01-01T08:03:18.959Z')), { dt })).toBe(true)
    expect(holds(lt(prop('dt'), at('2017-01-01T08:03:18.959707300001Z')), { dt })).toBe(true)
    expect(holds(le(prop('dt'), at('2017-01-01T08:03:18.96Z')), { dt })).toBe(true)
    expect(
      holds(lt(prop('dt'), at('1969-12-31T23:59:59.9999Z')), {
        dt: value('Edm.DateTimeOffset', '1960-01-01T00:00:00Z'),
      }),
    ).toBe(true)
    expect(holds(eq(prop('dt'), nothing), { dt })).toBe(false)
  })

  it('Guid, Boolean, Date, TimeOfDay, Duration, enumeration, binary', () => {
    const g = '01234567-89ab-cdef-0123-456789abcdef'
    expect(holds(eq(prop('g'), literal('Edm.Guid', g)), { g })).toBe(true)
    expect(holds(lt(prop('g'), literal('Edm.Guid', 'ff234567-89ab-cdef-0123-456789abcdef')), { g })).toBe(true)
    expect(holds(gt(prop('b'), no), { b: true })).toBe(true)
    expect(holds(eq(prop('b'), yes), { b: false })).toBe(false)
    expect(holds(eq(prop('b'), no))).toBe(false)
    expect(holds(lt(prop('date'), lit('Edm.Date', '2020-02-01')), { date: '2020-01-31' })).toBe(true)
    expect(holds(lt(prop('time'), lit('Edm.TimeOfDay', '10:00:00.5')), { time: '10:00:00' })).toBe(true)
    const dur = value('Edm.Duration', 'PT1H')
    expect(holds(eq(prop('dur'), lit('Edm.Duration', 'PT60M')), { dur })).toBe(true)
    expect(holds(lt(prop('dur'), lit('Edm.Duration', 'PT3600.000000000001S')), { dur })).toBe(true)
    expect(holds(eq(prop('color'), literal(ref(color), 3n)), { color: 3n })).toBe(true)
    expect(holds(eq(prop('bin'), lit('Edm.Binary', 'AQID')), { bin: new Uint8Array([1, 2, 3]) })).toBe(true)
  })

  it('values of different kinds are not equal and not ordered', () => {
    const open = rawRow({ dyn: 'five', n5: 5, n5d: 5.0, l5: Long.fromNumber(5), d5: Decimal128.fromString('5.0') })
    expect(holds(eq(prop('?dyn'), int(5)), open)).toBe(false)
    expect(holds(ne(prop('?dyn'), int(5)), open)).toBe(true)
    expect(holds(lt(prop('?dyn'), int(5)), open)).toBe(false)
    for (const name of ['n5', 'n5d', 'l5', 'd5']) expect(holds(eq(prop(`?${name}`), int(5)), open)).toBe(true)
    expect(holds(eq(prop('?missing'), nothing), open)).toBe(true)
  })

  it('collections: in their order where Core.Ordered, else as bags', () => {
    const list = (...items: number[]) => literal(ref('Edm.Int32', true), items)
    expect(holds(eq(prop('ordered'), list(1, 2)), { ordered: [1, 2] })).toBe(true)
    expect(holds(eq(prop('ordered'), list(2, 1)), { ordered: [1, 2] })).toBe(false)
    expect(holds(eq(prop('nums'), list(2, 1)), { nums: [1, 2] })).toBe(true)
    expect(holds(ne(prop('nums'), list(2, 1)), { nums: [1, 2] })).toBe(false)
    expect(holds(eq(prop('nums'), list(1, 1, 2)), { nums: [1, 2, 2] })).toBe(false)
    expect(holds(eq(prop('nums'), list()))).toBe(true)
    expect(holds(eq(prop('nums'), nothing))).toBe(false)
  })

  it('complex values member by member, a missing one is null', () => {
    const a = complex({ street: 'x', zip: 1 })
    expect(
      holds(eq(prop('address'), literal(ref(address), complex({ street: 'x', zip: 1, since: null }))), { address: a }),
    ).toBe(true)
    expect(holds(eq(prop('address'), literal(ref(address), complex({ street: 'x' }))), { address: a })).toBe(false)
    expect(
      holds(eq(prop('address'), literal(ref(address), a)), { address: complex({ street: 'x', zip: 1 }, office) }),
    ).toBe(false)
    expect(holds(eq(prop('address'), nothing))).toBe(true)
    expect(holds(ne(prop('address'), nothing), { address: a })).toBe(true)
  })

  it('entities by their key', () => {
    expect(holds(eq(self('$it', ref(thing)), self('$this', ref(thing))), { s: 'a' })).toBe(true)
    expect(holds(eq(self('$it', ref(thing)), nothing))).toBe(false)
  })
})

describe('logic (U 5.1.1.1)', () => {
  const values = [true, false, null]
  const table = (operator: 'and' | 'or') =>
    values.map((b) => values.map((c) => evaluate(binary(operator, prop('b'), prop('c')), { b, c })))

  it('and, or and not over null', () => {
    expect(table('and')).toEqual([
      [true, false, null],
      [false, false, false],
      [null, false, null],
    ])
    expect(table('or')).toEqual([
      [true, true, true],
      [true, false, null],
      [true, null, null],
    ])
    expect(values.map((b) => evaluate(not(prop('b')), { b }))).toEqual([false, true, null])
    expect(evaluate(not(nothing))).toBe(null)
  })

  it('constants on one side', () => {
    expect(values.map((b) => evaluate(and(prop('b'), no), { b }))).toEqual([false, false, false])
    expect(values.map((b) => evaluate(or(yes, prop('b')), { b }))).toEqual([true, true, true])
    expect(values.map((b) => evaluate(and(nothing, prop('b')), { b }))).toEqual([null, false, null])
    expect(values.map((b) => evaluate(or(prop('b'), nothing), { b }))).toEqual([true, null, null])
  })

  it('a filter that ends null is false', () => {
    expect(holds(prop('b'))).toBe(false)
    expect(holds(not(prop('b')))).toBe(false)
    expect(holds(eq(prop('b'), no), { b: null })).toBe(false)
  })

  it('has: all flags; null where an operand is null', () => {
    const flags = (n: bigint) => literal(ref(color), n)
    expect(evaluate(binary('has', prop('color'), flags(1n)), { color: 3n })).toBe(true)
    expect(evaluate(binary('has', prop('color'), flags(5n)), { color: 3n })).toBe(false)
    expect(evaluate(binary('has', prop('color'), flags(1n)))).toBe(null)
    expect(evaluate(binary('has', prop('color'), nothing), { color: 1n })).toBe(null)
  })
})

describe('in', () => {
  it('is true for a member, two-valued with null', () => {
    const item = isIn(prop('s'), str('a'), str('b'))
    expect([holds(item, { s: 'b' }), holds(item, { s: 'c' }), holds(item)]).toEqual([true, false, false])
    expect(holds(not(item))).toBe(true)
    expect(holds(isIn(prop('s'), str('a'), nothing))).toBe(true)
    expect(holds(isIn(prop('i'), int(1), nothing))).toBe(true)
    expect(holds(isIn(prop('d'), double(Number.NaN)), { d: Number.NaN })).toBe(false)
  })

  it('takes long lists, other types, expressions and collections', () => {
    const many = Array.from({ length: 300 }, (_, i) => int(i * 2))
    expect([holds(isIn(prop('i'), ...many), { i: 598 }), holds(isIn(prop('i'), ...many), { i: 599 })]).toEqual([
      true,
      false,
    ])
    const texts = Array.from({ length: 40 }, (_, i) => str(`k${i}`))
    expect([holds(isIn(prop('s'), ...texts), { s: 'k39' }), holds(isIn(prop('s'), ...texts), { s: 'k4x' })]).toEqual([
      true,
      false,
    ])
    expect(holds(isIn(prop('i'), prop('j'), int(7)), { i: 3, j: 3 })).toBe(true)
    expect(holds(isIn(str('x'), prop('tags')), { tags: ['y', 'x'] })).toBe(true)
    expect(holds(isIn(prop('s'), literal(ref('Edm.String', true), ['q'])), { s: 'q' })).toBe(true)
    expect(holds(isIn(prop('s'), prop('tags')), { s: 'q' })).toBe(false)
  })
})

describe('where members stand', () => {
  it('key properties are read from _id', () => {
    expect(holds(eq(prop('id'), str('abc')), { id: 'abc' })).toBe(true)
    const pairContext = { layout, type: pair, collection: pairs }
    const stored = row({ a: 7, b: 'q', text: 't' }, pair)
    expect(holds(eq(prop('a', '$it', pair), int(7)), stored, pairContext)).toBe(true)
    expect(holds(gt(prop('b', '$it', pair), str('p')), stored, pairContext)).toBe(true)
    expect(holds(eq(prop('text', '$it', pair), str('t')), stored, pairContext)).toBe(true)
  })

  it('complex properties, null where the way breaks off', () => {
    expect(holds(eq(prop('address/street'), str('x')), { address: complex({ street: 'x' }) })).toBe(true)
    expect(holds(eq(prop('address/street'), nothing))).toBe(true)
    expect(holds(eq(prop('address/street'), nothing), rawRow({ address: 5 }))).toBe(true)
    expect(holds(eq(prop('address/street'), str('x')), rawRow({ address: [{ street: 'x' }] }))).toBe(false)
  })

  it('a field in an array does not match as MongoDB would', () => {
    expect(holds(eq(prop('s'), str('a')), rawRow({ s: ['a'] }))).toBe(false)
    expect(holds(eq(prop('i'), int(1)), rawRow({ i: [1] }))).toBe(false)
  })

  it('casts are null for values of other types', () => {
    const extra = eq(prop('T.Special/extra'), str('e'))
    expect(holds(extra, row({ extra: 'e' }, special))).toBe(true)
    expect(holds(extra, rawRow({ extra: 'e' }))).toBe(false)
    const floor = prop('address/T.Office/floor')
    expect(evaluate(floor, { address: complex({ floor: 3 }, office) })).toBe(3)
    expect(evaluate(floor, rawRow({ address: { floor: 3 } }))).toBe(null)
  })

  it('the exact part of a DateTimeOffset inside a complex value', () => {
    const since = value('Edm.DateTimeOffset', '2020-01-01T00:00:00.0000001+05:00')
    expect(evaluate(prop('address/since'), { address: complex({ since }) })).toEqual(since)
    expect(
      holds(eq(prop('address/since'), literal('Edm.DateTimeOffset', since)), { address: complex({ since }) }),
    ).toBe(true)
  })
})

describe('navigation properties', () => {
  const path = (steps: readonly MemberStep[], type: TypeReference): Expression => ({
    kind: 'member',
    variable: '$it',
    steps,
    type,
  })
  const friendName = path(
    [
      { kind: 'navigation', property: friend },
      { kind: 'property', property: thing.allProperties.get('s')! },
    ],
    string,
  )
  const everyone = path([{ kind: 'navigation', property: friends }], ref(thing, true))

  it('without a reader of related rows are a 501 that names them', () => {
    expect(() => preparePredicate(eq(friendName, str('a')), context)).toThrow(/'friend'/)
    expect(() => preparePredicate(any(everyone, 'f'), context)).toThrow(ODataError)
  })

  it('with one are followed, single and many', () => {
    const rows = [row({ id: 'a', s: 'Ann', i: 1 }), row({ id: 'b', s: 'Bob', i: 2 }, special)]
    const read = (_: Uint8Array, start: number, property: NavigationProperty) =>
      start !== 0 ? [] : property === friend ? rows.slice(0, 1) : rows
    const related: EvalContext = { ...context, related: { collectionOf: () => things, read } }
    expect(evaluate(friendName, {}, related)).toBe('Ann')
    expect(holds(any(everyone, 'f', eq(prop('id', 'f'), str('b'))), {}, related)).toBe(true)
    expect(holds(all(everyone, 'f', gt(prop('i', 'f'), prop('i'))), { i: 1 }, related)).toBe(false)
    expect(evaluate(count(everyone), {}, related)).toBe(2n)
    const cast = path(
      [
        { kind: 'navigation', property: friends },
        { kind: 'cast', type: special },
      ],
      ref(special, true),
    )
    expect(evaluate(count(cast), {}, related)).toBe(1n)
    const alone: EvalContext = { ...context, related: { collectionOf: () => things, read: () => [] } }
    expect(evaluate(friendName, {}, alone)).toBe(null)
  })
})

describe('stored values that do not fit the model', () => {
  it('lossless differences read and filter alike', () => {
    expect(holds(eq(prop('i'), int(5)), rawRow({ i: 5.0 }))).toBe(true)
    expect(holds(gt(prop('i'), int(4)), rawRow({ i: Long.fromNumber(5) }))).toBe(true)
    expect(holds(eq(prop('l'), literal('Edm.Int64', 5n)), rawRow({ l: 5 }))).toBe(true)
    expect(holds(eq(prop('d'), double(5)), rawRow({ d: Long.fromNumber(5) }))).toBe(true)
    const id = new ObjectId()
    expect(holds(eq(prop('s'), str(id.toHexString())), rawRow({ s: id }))).toBe(true)
    expect(holds(isIn(prop('s'), str(id.toHexString())), rawRow({ s: id }))).toBe(true)
    expect(holds(contains('s', id.toHexString().slice(3, 9)), rawRow({ s: id }))).toBe(true)
  })

  it('anything else is null and matches nothing', () => {
    const misfits = rawRow({
      s: 5,
      i: 5.5,
      i16: 70000,
      l: 'x',
      d: 'x',
      b: 1,
      g: 'x',
      dt: 1,
      date: 'x',
      tags: 'a',
      byte: 300,
    })
    for (const name of ['s', 'i', 'i16', 'l', 'd', 'b', 'g', 'dt', 'date', 'byte']) {
      expect([name, holds(eq(prop(name), nothing), misfits)]).toEqual([name, true])
      expect([name, evaluate(prop(name), misfits)]).toEqual([name, null])
    }
    expect(holds(eq(prop('i16'), int(70000)), misfits)).toBe(false)
    expect(holds(gt(prop('byte'), int(5)), misfits)).toBe(false)
    expect(holds(eq(prop('g'), nothing), rawRow({ g: new Binary(Buffer.alloc(16), 3) }))).toBe(true)
    expect(holds(any(prop('tags'), 'x'), misfits)).toBe(false)
  })
})

function contains(name: string, text: string) {
  return { kind: 'call', function: 'contains', arguments: [prop(name), str(text)], type: ref('Edm.Boolean') } as const
}

describe('any, all, $count (U 5.1.1.13)', () => {
  it('over primitive collections', () => {
    const isX = (variable: string) => eq(self(variable, string), str('x'))
    expect(holds(any(prop('tags'), 't', isX('t')), { tags: ['y', 'x'] })).toBe(true)
    expect(holds(all(prop('tags'), 't', isX('t')), { tags: ['y', 'x'] })).toBe(false)
    expect(holds(all(prop('tags'), 't', isX('t')), { tags: ['x', 'x'] })).toBe(true)
    const late = gt(self('d', ref('Edm.DateTimeOffset')), lit('Edm.DateTimeOffset', '2020-01-01T00:00:00Z'))
    expect(
      holds(any(prop('dts'), 'd', late), { dts: [value('Edm.DateTimeOffset', '2020-01-01T00:00:00.0000001Z')] }),
    ).toBe(true)
  })

  it('an empty or missing collection: any false, all true, count 0', () => {
    const never = eq(self('t', string), str('x'))
    for (const members of [{}, { tags: [] }]) {
      expect(holds(any(prop('tags'), 't'), members)).toBe(false)
      expect(holds(any(prop('tags'), 't', never), members)).toBe(false)
      expect(holds(all(prop('tags'), 't', never), members)).toBe(true)
      expect(evaluate(count(prop('tags')), members)).toBe(0n)
    }
    expect(holds(any(prop('tags'), 't'), { tags: ['a'] })).toBe(true)
  })

  it('over complex collections, the item and the row side by side', () => {
    const same = eq(prop('zip', 'a', address), prop('i'))
    const addresses = [complex({ zip: 1 }), complex({ zip: 2 })]
    expect(holds(any(prop('addresses'), 'a', same), { addresses, i: 2 })).toBe(true)
    expect(holds(any(prop('addresses'), 'a', same), { addresses, i: 3 })).toBe(false)
    expect(holds(all(prop('addresses'), 'a', gt(prop('zip', 'a', address), int(0))), { addresses })).toBe(true)
    expect(evaluate(count(prop('addresses'), 'a', gt(prop('zip', 'a', address), int(1))), { addresses })).toBe(1n)
  })

  it('nested: each variable its own', () => {
    const inner = any(prop('nums'), 'n', eq(self('n', int32), prop('zip', 'a', address)))
    const addresses = [complex({ zip: 1 }), complex({ zip: 2 })]
    expect(holds(all(prop('addresses'), 'a', inner), { addresses, nums: [2, 1] })).toBe(true)
    expect(holds(all(prop('addresses'), 'a', inner), { addresses, nums: [2] })).toBe(false)
  })

  it('a predicate that is null counts as not true', () => {
    expect(holds(all(prop('addresses'), 'a', contains2('a')), { addresses: [complex({})] })).toBe(false)
    expect(holds(any(prop('addresses'), 'a', not(contains2('a'))), { addresses: [complex({})] })).toBe(false)
  })

  it('casts behind a collection leave other items out', () => {
    const addresses = [complex({ zip: 1 }), complex({ zip: 2, floor: 9 }, office)]
    expect(evaluate(count(prop('addresses/T.Office')), { addresses })).toBe(1n)
    expect(holds(all(prop('addresses/T.Office'), 'a', eq(prop('floor', 'a', office), int(9))), { addresses })).toBe(
      true,
    )
    expect((evaluate(prop('addresses/T.Office'), { addresses }) as unknown[]).length).toBe(1)
  })

  it('over collections that are no property', () => {
    const list = literal(ref('Edm.Int32', true), [1, 2, 3])
    expect(holds(any(list, 'n', eq(self('n', int32), prop('i'))), { i: 3 })).toBe(true)
  })

  it('items of no fitting type are null items', () => {
    const mixed = rawRow({ addresses: [5, { zip: 1 }, null] })
    expect(evaluate(count(prop('addresses')), mixed)).toBe(3n)
    expect(evaluate(count(prop('addresses'), 'a', eq(prop('zip', 'a', address), nothing)), mixed)).toBe(2n)
  })
})

function contains2(variable: string) {
  return {
    kind: 'call',
    function: 'contains',
    arguments: [prop('street', variable, address), str('x')],
    type: ref('Edm.Boolean'),
  } as const
}

describe('case (U 5.1.1.12)', () => {
  const sign = {
    kind: 'case',
    branches: [
      { condition: gt(prop('i'), int(0)), value: int(1) },
      { condition: prop('b'), value: int(0) },
    ],
    type: int32,
  } as const

  it('gives the first true branch, else null', () => {
    expect(evaluate(sign, { i: 4, b: true })).toBe(1)
    expect(evaluate(sign, { i: -4, b: true })).toBe(0)
    expect(evaluate(sign, { i: -4 })).toBe(null)
  })
})

describe('cast and isof (U 5.1.1.10)', () => {
  it('numbers: rounding and ranges', () => {
    expect(evaluate(cast(prop('d'), int32), { d: 2.9 })).toBe(2)
    expect(evaluate(cast(prop('d'), int32), { d: 3e9 })).toBe(null)
    expect(evaluate(cast(prop('l'), ref('Edm.Byte')), { l: 256n })).toBe(null)
    expect(
      String(evaluate(cast(prop('d'), { ...ref('Edm.Decimal'), facets: { scale: 1, precision: 5 } }), { d: 2.25 })),
    ).toBe('2.3')
    expect(evaluate(cast(prop('i'), ref('Edm.Int64')), { i: 5 })).toBe(5n)
  })

  it('to and from text', () => {
    expect(evaluate(cast(prop('i'), string), { i: 5 })).toBe('5')
    expect(evaluate(cast(prop('b'), string), { b: true })).toBe('true')
    expect(
      evaluate(cast(prop('dt'), string), { dt: value('Edm.DateTimeOffset', '2020-01-01T00:00:00.10+01:00') }),
    ).toBe('2020-01-01T00:00:00.10+01:00')
    expect(evaluate(cast(prop('s'), int32), { s: '12' })).toBe(12)
    expect(evaluate(cast(prop('s'), int32), { s: 'x' })).toBe(null)
    expect(evaluate(cast(prop('s'), ref('Edm.DateTimeOffset')), { s: '2020-01-01T00:00:00' })).toEqual(
      value('Edm.DateTimeOffset', '2020-01-01T00:00:00Z'),
    )
    expect(evaluate(cast(prop('s'), { ...string, facets: { maxLength: 2 } }), { s: 'abc' })).toBe(null)
    expect(evaluate(cast(prop('color'), string), { color: 3n })).toBe('red,green')
  })

  it('enumerations and integers', () => {
    expect(evaluate(cast(prop('color'), int32), { color: 3n })).toBe(3)
    expect(evaluate(cast(prop('i'), ref(color)), { i: 3 })).toBe(3n)
    expect(evaluate(cast(prop('l'), ref(color)), { l: 1n << 40n })).toBe(null)
  })

  it('structured types, collections, null', () => {
    expect(evaluate(cast(prop('address'), ref(office)), { address: complex({ zip: 1 }) })).toBe(null)
    expect(evaluate(cast(prop('nums'), ref('Edm.String', true)), { nums: [1, 2] })).toEqual(['1', '2'])
    expect(evaluate(cast(prop('tags'), ref('Edm.Int32', true)), { tags: ['1', 'x'] })).toBe(null)
    expect(evaluate(cast(nothing, int32))).toBe(null)
  })

  it('isof asks whether the cast succeeds; null for null', () => {
    expect(evaluate(isOf(self('$it', ref(thing)), ref(special)), row({}, special))).toBe(true)
    expect(evaluate(isOf(self('$it', ref(thing)), ref(special)))).toBe(false)
    expect(evaluate(isOf(prop('address'), ref(office)), { address: complex({}, office) })).toBe(true)
    expect(evaluate(isOf(prop('address'), ref(office)))).toBe(null)
    expect(evaluate(isOf(prop('i'), ref('Edm.Byte')), { i: 300 })).toBe(false)
  })
})

describe('preparing', () => {
  const fails = (expression: Parameters<typeof preparePredicate>[0]): string => {
    try {
      preparePredicate(expression, context)(bound())
      return 'bound'
    } catch (error) {
      return error instanceof ODataError ? error.code : String(error)
    }
  }

  it('refuses constants that make the request fail', () => {
    expect(fails(eq(binary('div', prop('i'), int(0), int32), int(1)))).toBe('literalInvalid')
    expect(fails(eq(binary('mod', prop('d'), double(0), ref('Edm.Double')), double(1)))).toBe('literalInvalid')
    expect(fails(eq(binary('div', prop('d'), double(0), ref('Edm.Double')), double(1)))).toBe('bound')
    const pattern = {
      kind: 'call',
      function: 'matchespattern',
      arguments: [prop('s'), str('(')],
      type: undefined,
    } as const
    expect(fails(pattern)).toBe('literalInvalid')
  })

  it('now() is one instant for an execution', () => {
    const now = { kind: 'call', function: 'now', arguments: [], type: ref('Edm.DateTimeOffset') } as const
    const at = value('Edm.DateTimeOffset', '2020-01-01T00:00:00Z') as never
    expect(prepareValue(now, context)([], { now: at })(row())).toBe(at)
    const started = Date.now()
    const clock = prepareValue(now, context)([])(row()) as { ms: number }
    expect(clock.ms).toBeGreaterThanOrEqual(started)
    expect(clock.ms).toBeLessThanOrEqual(Date.now())
  })

  it('the one-function forms follow their parameters', () => {
    const expression = eq(prop('i'), { kind: 'parameter', index: 0, type: int32 })
    const test = compilePredicate(expression, context)
    const [five, six] = [row({ i: 5 }), row({ i: 6 })]
    expect([test(five, [5]), test(six, [5]), test(six, [6]), test(five, [null])]).toEqual([true, false, true, false])
    const negated = compileValue(negate(prop('i')), context)
    expect([negated(five, []), negated(six, [])]).toEqual([-5, -6])
  })

  it('an outer row is $it, the row itself $this', () => {
    const test = preparePredicate(eq(prop('i', '$it'), prop('j', '$this')), { ...context, outer: context })([])
    expect(test(row({ j: 3 }), row({ i: 3 }))).toBe(true)
    expect(test(row({ j: 3 }), row({ i: 4 }))).toBe(false)
  })

  it('rows of a type', () => {
    const test = compileTypeTest(special, context)
    expect([test(row({}, special)), test(row())]).toEqual([true, false])
  })
})
