import { Binary, Decimal128, Long, MaxKey, MinKey, ObjectId, serialize, Timestamp } from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Expression } from '../../../src/bind/tree.ts'
import { preparePredicate, prepareValue } from '../../../src/eval/compile.ts'
import { prepareOrder } from '../../../src/eval/order.ts'
import { prepareSearch } from '../../../src/eval/search.ts'
import {
  address,
  all,
  any,
  asc,
  binary,
  bound,
  call,
  cast,
  color,
  context,
  count,
  eq,
  gt,
  int,
  isIn,
  isOf,
  lit,
  literal,
  negate,
  not,
  nothing,
  office,
  parameters,
  prop,
  ref,
  row,
  self,
  special,
  str,
  thing,
} from './things.ts'

/** Every property and many functions over them, fast forms and plain ones. */
function expressions(): readonly Expression[] {
  const made: Expression[] = []
  for (const name of thing.allProperties.keys()) {
    made.push(eq(prop(name), nothing), eq(prop(name), prop(name)), prop(name), cast(prop(name), ref('Edm.String')))
  }
  const literals: readonly [string, Expression][] = [
    ['s', str('a')],
    ['id', str('a')],
    ['i', int(3)],
    ['i16', int(3)],
    ['byte', int(3)],
    ['l', lit('Edm.Int64', '3')],
    ['d', lit('Edm.Double', '3')],
    ['f', lit('Edm.Single', '3')],
    ['m', lit('Edm.Decimal', '3')],
    ['b', literal('Edm.Boolean', true)],
    ['g', lit('Edm.Guid', '01234567-89ab-cdef-0123-456789abcdef')],
    ['bin', lit('Edm.Binary', 'AQID')],
    ['dt', lit('Edm.DateTimeOffset', '1970-01-01T00:00:00Z')],
    ['date', lit('Edm.Date', '2020-01-01')],
    ['time', lit('Edm.TimeOfDay', '10:00:00')],
    ['dur', lit('Edm.Duration', 'PT1S')],
    ['color', literal(ref(color), 3n)],
    ['address/street', str('a')],
    ['address/since', lit('Edm.DateTimeOffset', '1970-01-01T00:00:00Z')],
    ['?dynamic', int(3)],
  ]
  for (const [name, value] of literals) {
    made.push(gt(prop(name), value), eq(prop(name), value), isIn(prop(name), value, nothing))
    for (const operator of ['add', 'div', 'mod', 'mul', 'divby'] as const)
      made.push(binary(operator, prop(name), value, value.type), binary(operator, value, prop(name), value.type))
    made.push(negate(prop(name)), cast(prop(name), ref('Edm.Int32')), isOf(prop(name), ref('Edm.DateTimeOffset')))
    for (const one of [
      'length',
      'tolower',
      'trim',
      'year',
      'hour',
      'date',
      'totalseconds',
      'round',
      'geo.length',
    ] as const)
      made.push(call(one, prop(name)))
    for (const two of [
      'contains',
      'startswith',
      'endswith',
      'indexof',
      'concat',
      'substring',
      'matchespattern',
    ] as const)
      made.push(call(two, prop(name), str('a')), call(two, str('a'), prop(name)))
  }
  for (const name of ['tags', 'nums', 'dts', 'addresses', 'ordered', '?dynamic', 'address']) {
    made.push(any(prop(name), 'x'), all(prop(name), 'x', eq(self('x', ref('Edm.String')), str('a'))), count(prop(name)))
    made.push(call('hassubset', prop(name), prop('tags')), call('hassubsequence', prop(name), prop(name)))
  }
  made.push(
    all(prop('addresses'), 'x', eq(prop('street', 'x', address), str('a'))),
    any(prop('addresses/T.Office'), 'x', eq(prop('floor', 'x', office), int(1))),
    isOf(self('$it', ref(thing)), ref(special)),
    eq(self('$it', ref(thing)), nothing),
    prop('T.Special/extra'),
    call('geo.distance', prop('point'), prop('spot')),
    call('geo.intersects', prop('point'), prop('area')),
    call('geo.intersects', prop('spot'), prop('square')),
    binary('has', prop('color'), literal(ref(color), 1n)),
    not(prop('s')),
  )
  return made
}

const made = expressions()
const bindings = bound()
const evaluators = made.map((expression) => prepareValue(expression, context)(bindings))
const tests = made.map((expression) => preparePredicate(expression, context)(bindings))
const order = prepareOrder(
  [...thing.allProperties.keys()].map((name) => asc(prop(name))),
  context,
)(bindings)
parameters.push('word')
const search = prepareSearch({ kind: 'term', index: parameters.length - 1, phrase: false }, context)(bound())

function evaluateAll(bytes: Uint8Array): void {
  for (const evaluate of evaluators) evaluate(bytes)
  expect(tests.every((test) => typeof test(bytes) === 'boolean')).toBe(true)
  const keyset = order.keyset(bytes)
  expect(order.compare(keyset, keyset)).toBe(0)
  expect(typeof search(bytes)).toBe('boolean')
}

const anything: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<unknown>(
      null,
      undefined,
      true,
      false,
      Number.NaN,
      -0,
      5.5,
      1e300,
      2 ** 31,
      'a',
      'word',
      '',
      '2020-13-45',
    ),
    fc.constantFrom<unknown>(
      new MinKey(),
      new MaxKey(),
      new ObjectId(),
      new Timestamp(5n),
      /a/i,
      new Binary(Buffer.from([1, 2]), 0),
      new Binary(Buffer.alloc(16), 4),
      new Binary(Buffer.alloc(15), 4),
      Decimal128.fromString('NaN'),
      Decimal128.fromString('-Infinity'),
      Decimal128.fromString('1E+6000'),
      Long.MAX_VALUE,
      Long.MIN_VALUE,
      new Date(8.64e15),
      new Date(-8.64e15),
      new Date(0),
    ),
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.constantFrom(
        'street',
        'zip',
        'since',
        'since@exact',
        '@type',
        '@date',
        '@sub',
        'sub',
        'offset',
        'digits',
        'type',
        'coordinates',
        'geometries',
      ),
      fc.oneof(tie('value'), fc.constantFrom('T.Office', 'T.Nope', 'Point', 'Polygon', 'GeometryCollection')),
      { maxKeys: 4 },
    ),
  ),
})).value

const documents = fc.dictionary(
  fc.constantFrom(...thing.allProperties.keys(), '_id', '@type', 'dt@exact', 'dynamic', 'extra'),
  anything,
)

describe('rows of any content', () => {
  it('closures never throw, whatever types stand in the document', () => {
    fc.assert(
      fc.property(documents, (document) => evaluateAll(serialize(document, { ignoreUndefined: false }))),
      { numRuns: 120 },
    )
  })

  it('nor on damaged bytes', () => {
    const whole = row({ s: 'text', i: 5, dt: null, tags: ['a', 'b'], nums: [1], l: 5n, d: 1.5, b: true })
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
        const damaged = Uint8Array.from(whole)
        damaged[at] = byte
        evaluateAll(damaged)
        evaluateAll(damaged.subarray(0, length))
      }),
      { numRuns: 60 },
    )
  })
})
