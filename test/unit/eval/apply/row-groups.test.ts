import { Binary, Decimal128, Double, Int32, Long, ObjectId, serialize } from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { typeOfDocument } from '../../../../src/bson/decode.ts'
import type { DateTimeOffset, Value } from '../../../../src/edm/value.ts'
import { entityInstance, type Instance } from '../../../../src/eval/apply/instance.ts'
import { prepareRowGroups } from '../../../../src/eval/apply/row-groups.ts'
import { type ApplyEnvironment, runSequence } from '../../../../src/eval/apply/run.ts'
import type { ApplyPlan } from '../../../../src/plan/plan.ts'
import { collectionOf, layout, planOf } from '../../../contract/kit.ts'

/**
 * Groups made in one pass over bytes are those that `runSequence` makes of instances: the same instances in the same order, with the same
 * digits, whatever is stored.
 */

const now: DateTimeOffset = { kind: 'dateTimeOffset', ms: 0, sub: 0, offset: 0, digits: 3 }
const things = collectionOf('things')

const sequenceOf = (apply: string) => {
  const { plan, parameters } = planOf('GET', `things?$apply=${apply}`)
  const { group, sequence } = plan as unknown as ApplyPlan
  return { group, sequence, parameters }
}

/** In one pass. */
function passed(apply: string, rows: readonly Uint8Array[]): string {
  const { group, sequence, parameters } = sequenceOf(apply)
  const groups = group && prepareRowGroups(group, sequence, layout, things)?.(parameters, now)
  if (groups === undefined) throw new Error(`${apply} is not made in one pass`)
  for (const row of rows) groups.add(row)
  const made = groups.finish()
  expect(groups.size).toBe(made.length)
  return made.map(textOf).join('\n')
}

/** As instances. */
async function evaluated(apply: string, rows: readonly Uint8Array[]): Promise<string> {
  const { sequence, parameters } = sequenceOf(apply)
  const instances = rows.map((row, i): Instance => {
    const type = typeOfDocument(row, 0, layout.structured(things.entityType))
    const entity = { row, type, collection: things, id: `${i}`, origin: undefined, related: new Map() }
    return entityInstance(layout, { ...entity, decoded: new Map() })
  })
  const environment = { layout, parameters, now, limits: { applyRows: 1e6, applyGroups: 1e6 } } as ApplyEnvironment
  const [made = []] = await runSequence(environment, { ...sequence, steps: sequence.steps.slice(0, 1) }, [instances])
  return made.map(textOf).join('\n')
}

/** All of a value, its digits and its type. */
function textOf(value: Value): string {
  if (value === null || typeof value !== 'object') return `${typeof value} ${Object.is(value, -0) ? '-0' : value}`
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`
  if ('members' in value)
    return `{${[...value.members].map(([name, member]) => `${name}: ${textOf(member)}`).join(', ')}}`
  return `${value.constructor.name} ${JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part))}`
}

const texts = fc.constantFrom('a', 'A', 'b', '', 'é', 'x'.repeat(40), '😀', 'a\u0000b')
const decimals = fc.constantFrom('1.50', '1.5', '-0.000001', '12345678901234567890.25', '0', 'NaN', 'Infinity', '1E+3')
const longs = fc.constantFrom('0', '1', '-7', '9223372036854775807', '-9223372036854775808', '4503599627370497')
const doubles = fc.constantFrom(0, -0, 0.1, 1e300, -1e300, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53)
const integers = fc.constantFrom(0, 1, -1, 5, 2147483647, -2147483648, 1000)
/** Whatever may stand in a collection that others have written to. */
const strange = fc.oneof(
  texts,
  fc.constant(null),
  decimals.map((text) => Decimal128.fromString(text)),
  longs.map((text) => Long.fromString(text)),
  doubles.map((number) => new Double(number)),
  integers.map((number) => new Int32(number)),
  fc.constantFrom(
    true,
    new Date(0),
    new ObjectId('0123456789abcdef01234567'),
    { zip: 5 },
    [1],
    new Binary(Buffer.from('ab')),
  ),
)
const stored = <T>(usual: fc.Arbitrary<T>) =>
  fc.oneof(
    { arbitrary: usual, weight: 8 },
    { arbitrary: fc.constant(undefined), weight: 2 },
    { arbitrary: strange, weight: 1 },
  )
const instants = fc.constantFrom(0, 1, 1_700_000_000_000).map((ms) => new Date(ms))
const rows = fc.array(
  fc
    .record({
      _id: fc.uuid(),
      text: stored(texts),
      note: stored(texts),
      number: stored(integers.map((number) => new Int32(number))),
      big: stored(longs.map((text) => Long.fromString(text))),
      price: stored(decimals.map((text) => Decimal128.fromString(text))),
      ratio: stored(doubles.map((number) => new Double(number))),
      flag: stored(fc.boolean()),
      color: stored(fc.constantFrom(0, 1, 2).map((number) => new Int32(number))),
      at: stored(instants),
      'at@exact': stored(fc.constantFrom({ sub: new Int32(5), offset: new Int32(60) }, { offset: new Int32(60) })),
      day: stored(fc.constantFrom('2024-02-29', '2023-01-01')),
      address: stored(fc.constantFrom({ city: 'Ulm', zip: new Int32(7) }, { city: null }, { city: 'Ulm' }, {})),
      '@type': fc.option(fc.constantFrom('contract.HeavyThing', 'contract.Nothing'), { nil: undefined, freq: 4 }),
    })
    .map((document) => serialize(document, { ignoreUndefined: true })),
  { maxLength: 30 },
)

const property = fc.constantFrom(
  'text',
  'number',
  'big',
  'price',
  'ratio',
  'flag',
  'color',
  'at',
  'day',
  'address',
  'id',
)
const numeric = fc.constantFrom(
  'number',
  'big',
  'price',
  'ratio',
  'number add 1',
  'price mul 2',
  'address/zip',
  'ratio div 2',
)
const aggregate = fc.oneof(
  fc.constant('$count'),
  fc
    .tuple(numeric, fc.constantFrom('sum', 'average', 'min', 'max', 'countdistinct'))
    .map((parts) => parts.join(' with ')),
  fc
    .tuple(fc.constantFrom('text', 'at', 'day', 'flag', 'address/city'), fc.constantFrom('countdistinct', 'min', 'max'))
    .map((parts) => parts.join(' with ')),
)
const aggregates = fc
  .array(aggregate, { minLength: 1, maxLength: 4 })
  .map((list) => `aggregate(${list.map((one, i) => `${one} as a${i}`).join(',')})`)
const grouping = fc.uniqueArray(property, { minLength: 1, maxLength: 3 }).map((list) => `(${list.join(',')})`)
const apply = fc.oneof(
  aggregates,
  grouping.map((by) => `groupby(${by})`),
  fc.tuple(grouping, aggregates).map((parts) => `groupby(${parts.join(',')})`),
)

describe('groups in one pass over bytes', () => {
  it('are those of the instances, whatever is stored', async () => {
    const runs = process.env.ODATUM_TEST_LONG === '1' ? 20_000 : 400
    await fc.assert(
      fc.asyncProperty(apply, rows, async (text, some) => {
        expect(passed(text, some)).toBe(await evaluated(text, some))
      }),
      { numRuns: runs },
    )
  })

  it('are many, of values that begin alike and of long ones', async () => {
    const some = Array.from({ length: 3_000 }, (_, i) =>
      serialize({ _id: `${i}`, text: `${'y'.repeat(i % 70)}${i % 700}`, number: new Int32(i) }),
    )
    const text = 'groupby((text),aggregate(number with sum as s,number with average as a,$count as n))'
    const groups = passed(text, some)
    expect(groups.split('\n')).toHaveLength(new Set(some.map((_, i) => `${i % 70} ${i % 700}`)).size)
    expect(groups).toBe(await evaluated(text, some))
  })

  it('sums of numbers go on where numbers are no longer exact', async () => {
    const some = Array.from({ length: 40 }, (_, i) =>
      serialize({ _id: `${i}`, number: new Double(2147483647), big: Long.fromString('9223372036854775807') }),
    )
    const text = 'aggregate(number with sum as s,big with sum as b,big with average as a)'
    expect(passed(text, some)).toBe(await evaluated(text, some))
    expect(passed(text, some)).toContain('bigint 85899345880')
  })

  it('a damaged row is one where the damage hides the rest', async () => {
    const whole = serialize({ _id: 'a', number: new Int32(5), text: 'abc', ratio: 2.5 })
    const some = [...Array.from(whole, (_, i) => whole.slice(0, i)), whole]
    for (const text of ['groupby((text),aggregate(ratio with sum as s,$count as n))', 'groupby((number,ratio))'])
      expect(passed(text, some)).toBe(await evaluated(text, some))
  })
})
