import { type Document, deserialize } from 'bson'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Expression, Parameters } from '../../../src/bind/tree.ts'
import { encodeEntity } from '../../../src/bson/encode.ts'
import type { ModelLayout } from '../../../src/bson/layout.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import { parseCsdl } from '../../../src/csdl/read-csdl.ts'
import type { Model } from '../../../src/edm/model.ts'
import type { PrimitiveValue, Value } from '../../../src/edm/value.ts'
import { embeddedStore } from '../../../src/embedded/store.ts'
import type { Source } from '../../../src/plan/plan.ts'
import type { Store } from '../../../src/store/port.ts'
import {
  collect,
  countPlan,
  deletePlan,
  freshFolder,
  member,
  orderItem,
  readPlan,
  session,
  updatePlan,
} from './support.ts'

const csdl = (
  indexes: string,
  derived: string,
): string => `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
<edmx:DataServices><Schema Namespace="t" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="Item"><Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.String" Nullable="false"/>
    <Property Name="text" Type="Edm.String"/><Property Name="number" Type="Edm.Int32"/>
    <Property Name="at" Type="Edm.DateTimeOffset" Precision="12"/><Property Name="price" Type="Edm.Decimal" Scale="variable"/>
    <Property Name="place" Type="t.Place"/>
    ${indexes}
  </EntityType>
  <EntityType Name="First" BaseType="t.Item"><Property Name="code" Type="Edm.String"/>${derived}</EntityType>
  <EntityType Name="Second" BaseType="t.Item"><Property Name="code" Type="Edm.String"/></EntityType>
  <ComplexType Name="Place"><Property Name="city" Type="Edm.String"/></ComplexType>
  <EntityContainer Name="C"><EntitySet Name="items" EntityType="t.Item"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`

const index = (fields: readonly string[], unique = false): string => `<Record>
  <PropertyValue Property="Fields"><Collection>${fields.map((field) => `<String>${field}</String>`).join('')}</Collection></PropertyValue>
  <PropertyValue Property="Unique" Bool="${unique}"/></Record>`
const annotation = (...records: readonly string[]): string =>
  `<Annotation Term="Odatum.V1.Index"><Collection>${records.join('')}</Collection></Annotation>`

interface World {
  readonly model: Model
  readonly layout: ModelLayout
  readonly items: Source
  readonly item: Source
}

function worldOf(indexes: string, derived = ''): World {
  const model = parseCsdl(csdl(indexes, derived), { file: 'test.xml' })
  const root = model.container?.children.get('items')
  if (root?.kind !== 'entitySet') throw new Error('no set')
  const items: Source = { root, steps: [], type: root.type, single: false }
  const key = { kind: 'key', predicate: { key: root.type.key, parameters: [0] } } as const
  return { model, layout: layoutOf(model), items, item: { ...items, steps: [key], single: true } }
}

const plain = worldOf('')
const unique = worldOf(annotation(index(['text'], true)))
const ofFirst = worldOf('', annotation(index(['code'], true)))
const several = worldOf(
  annotation(index(['text', 'number']), index(['number']), index(['at']), index(['price']), index(['place/city'])),
)

let folder: ReturnType<typeof freshFolder>
let store: Store
let warnings: string[]

async function reopen(world: World): Promise<void> {
  await store?.close()
  warnings = []
  store = embeddedStore({ path: folder.path, warn: (message) => warnings.push(message) })
  await store.open(world.layout)
  await store.ready()
}

beforeEach(() => {
  folder = freshFolder()
})
afterEach(async () => {
  await store.close()
  folder.remove()
})

const create = (world: World, document: Document) =>
  store.create(
    { kind: 'create', requires: [], slots: [], source: world.items, select: undefined, expand: [] },
    session(),
    document,
  )

function documentOf(world: World, members: Readonly<Record<string, Value>>): Document {
  const type = world.items.type
  const collection = world.layout.collections.get('items')
  if (!collection) throw new Error('no collection')
  return encodeEntity(world.layout, collection, { kind: 'structured', type, members: new Map(Object.entries(members)) })
}

/** `name eq parameter` */
function equals(world: World, name: string, parameter: number): Expression {
  const left = member(world.items.type, name)
  return {
    kind: 'binary',
    operator: 'eq',
    left,
    right: { kind: 'parameter', index: parameter, type: left.type },
    type: undefined,
  }
}

const both = (left: Expression, right: Expression): Expression => ({
  kind: 'binary',
  operator: 'and',
  left,
  right,
  type: undefined,
})

async function ids(
  world: World,
  filter: Expression,
  parameters: Parameters,
  more: Parameters = [],
): Promise<unknown[]> {
  const after = more.length > 0 ? (more as readonly PrimitiveValue[]) : undefined
  const rows = await collect(await store.read(readPlan(world.items, { filter }), session(parameters, { after })))
  return rows.map((row) => deserialize(row)._id)
}

describe('unique indexes', () => {
  it('refuse a value that is taken, in create and update, but not null, and let go of it', async () => {
    await reopen(unique)
    await create(unique, { _id: 'a', text: 'x' })
    await expect(create(unique, { _id: 'b', text: 'x' })).rejects.toMatchObject({ code: 'conflict' })
    await create(unique, { _id: 'b', text: 'y' })
    await create(unique, { _id: 'c' })
    await create(unique, { _id: 'd' })
    const set = (id: string, text: string) =>
      store.update(updatePlan(unique.item), session([id]), { kind: 'merge', set: { text }, unset: [] })
    await expect(set('b', 'x')).rejects.toMatchObject({ code: 'conflict' })
    expect((await set('a', 'x')).kind).toBe('updated')
    expect((await set('a', 'z')).kind).toBe('updated')
    expect((await set('b', 'x')).kind).toBe('updated')
    await store.delete(deletePlan(unique.item), session(['b']))
    expect((await create(unique, { _id: 'e', text: 'x' })).kind).toBe('created')
    expect(await store.count(countPlan(unique.items), session())).toBe(4)
  })

  it('tell long values apart behind the part an entry holds', async () => {
    await reopen(unique)
    const long = 'x'.repeat(400)
    await create(unique, { _id: 'a', text: `${long}a` })
    expect((await create(unique, { _id: 'b', text: `${long}b` })).kind).toBe('created')
    await expect(create(unique, { _id: 'c', text: `${long}a` })).rejects.toMatchObject({ code: 'conflict' })
    const change = { kind: 'merge', set: { text: `${long}a` }, unset: [] } as const
    await expect(store.update(updatePlan(unique.item), session(['b']), change)).rejects.toMatchObject({
      code: 'conflict',
    })
    expect(await ids(unique, equals(unique, 'text', 0), [`${long}b`])).toEqual(['b'])
  })

  it('of a derived type leave its siblings alone', async () => {
    await reopen(ofFirst)
    const kindOf = async (_id: string, type: string | undefined) =>
      (await create(ofFirst, { _id, code: 'x', ...(type && { '@type': type }) })).kind
    expect(await kindOf('a', 't.Second')).toBe('created')
    expect(await kindOf('b', 't.First')).toBe('created')
    expect(await kindOf('c', 't.Second')).toBe('created')
    await expect(kindOf('d', 't.First')).rejects.toMatchObject({ code: 'conflict' })
  })

  it('let one of many at once win', async () => {
    await reopen(unique)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => create(unique, { _id: `k${i}`, text: 'same' })),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await store.count(countPlan(unique.items), session())).toBe(1)
  })

  it('let values wander inside a transaction, and take everything back where they clash at its end', async () => {
    await reopen(unique)
    await create(unique, { _id: 'a', text: '1' })
    await create(unique, { _id: 'b', text: '2' })
    const swap = (first: string, second: string) =>
      store.transaction(session(), async (inside) => {
        const set = (id: string, text: string) =>
          store.update(
            updatePlan(unique.item),
            { ...inside, parameters: [id] },
            { kind: 'merge', set: { text }, unset: [] },
          )
        await set('a', first)
        await set('b', second)
      })
    await swap('2', '1')
    expect(await ids(unique, equals(unique, 'text', 0), ['2'])).toEqual(['a'])
    const others = create(unique, { _id: 'other', text: 'o' })
    await expect(swap('3', '3')).rejects.toMatchObject({ code: 'conflict' })
    expect((await others).kind).toBe('created')
    expect(await ids(unique, equals(unique, 'text', 0), ['2'])).toEqual(['a'])
    expect(await ids(unique, equals(unique, 'text', 0), ['3'])).toEqual([])
    expect(await store.count(countPlan(unique.items), session())).toBe(3)
  })
})

describe('indexes over the life of a folder', () => {
  it('are built on rows that were there before, and gone when the model forgets them', async () => {
    await reopen(plain)
    for (let i = 0; i < 700; i++) void create(plain, { _id: `k${i}`, text: `t${i % 7}`, number: i % 3 })
    await reopen(several)
    const filter = both(equals(several, 'text', 0), equals(several, 'number', 1))
    expect(await ids(several, filter, ['t3', 1])).toHaveLength(33)
    await create(several, { _id: 'new', text: 't3', number: 1 })
    expect(await ids(several, filter, ['t3', 1])).toHaveLength(34)
    await reopen(plain)
    await create(plain, { _id: 'later', text: 't3', number: 1 })
    await reopen(several)
    expect(await ids(several, filter, ['t3', 1])).toHaveLength(35)
    expect(await store.count(countPlan(several.items, filter), session(['t3', 1]))).toBe(35)
  })

  it('say where values that should be unique are not, and answer all the same', async () => {
    await reopen(plain)
    await create(plain, { _id: 'a', text: 'x' })
    await create(plain, { _id: 'b', text: 'x' })
    await reopen(unique)
    expect(warnings).toEqual([expect.stringContaining('not unique')])
    expect(await ids(unique, equals(unique, 'text', 0), ['x'])).toEqual(['a', 'b'])
    expect((await create(unique, { _id: 'c', text: 'x' })).kind).toBe('created')
  })

  it('leave no room for the longest keys', async () => {
    await reopen(plain)
    await create(plain, { _id: 'k'.repeat(1_900), text: 'x'.repeat(200) })
    await reopen(several)
    expect(warnings.length).toBeGreaterThan(0)
    expect(await ids(several, equals(several, 'number', 0), [1])).toEqual([])
    expect(await ids(several, equals(several, 'text', 0), ['x'.repeat(200)])).toHaveLength(1)
    await expect(create(several, { _id: 'l'.repeat(1_900), text: 'x'.repeat(200) })).rejects.toMatchObject({
      code: 'keyInvalid',
    })
  })
})

describe('reading by an index', () => {
  it('meets only the rows that have the value', async () => {
    await reopen(several)
    for (let i = 0; i < 300; i++)
      void create(several, { _id: `k${String(i).padStart(3, '0')}`, text: `t${i % 100}`, number: i })
    await store.ready()
    await create(several, { _id: 'z' })
    await store.close()
    store = embeddedStore({ path: folder.path, scanLimit: 3 })
    await store.open(several.layout)
    const filter = equals(several, 'text', 0)
    expect(await ids(several, filter, ['t5'])).toEqual(['k005', 'k105', 'k205'])
    const sorted = readPlan(several.items, { filter, orderby: [orderItem(several.items.type, 'number', true)] })
    const rows = await collect(await store.read(sorted, session(['t5'])))
    expect(rows.map((row) => deserialize(row).number)).toEqual([205, 105, 5])
    await expect(
      store.read(readPlan(several.items, { filter: equals(several, 'id', 0) }), session(['x'])),
    ).rejects.toMatchObject({
      code: 'urlLimitExceeded',
    })
  })

  it('pages in key order both ways where every value is given', async () => {
    await reopen(several)
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => create(several, { _id: `k${String(i).padStart(2, '0')}`, number: i % 2 })),
    )
    const filter = equals(several, 'number', 0)
    expect(await ids(several, filter, [1], ['k20'])).toEqual(Array.from({ length: 10 }, (_, i) => `k${21 + 2 * i}`))
    const orderby = [orderItem(several.items.type, 'id', true)]
    const plan = readPlan(several.items, { filter, orderby })
    const down = await store.read(plan, session([1], { after: ['k20'], limit: 3 }))
    expect(down.first.map((row) => deserialize(row)._id)).toEqual(['k19', 'k17', 'k15'])
  })

  it('finds what a walk over all rows finds', async () => {
    const twin = freshFolder()
    await reopen(several)
    const other = embeddedStore({ path: twin.path })
    await other.open(plain.layout)
    const text = fc.constantFrom('', 'a', 'a\0b', 'ä', 'x'.repeat(249), 'x'.repeat(251), `${'x'.repeat(251)}y`)
    const number = fc.integer({ min: -2, max: 2 })
    const at = fc.record({
      kind: fc.constant('dateTimeOffset' as const),
      ms: fc.integer({ min: -1, max: 1 }),
      sub: fc.constantFrom(0, 1, 999_999_999),
      offset: fc.constantFrom(0, 60),
      digits: fc.constant(12),
    })
    const entity = fc.record({ text: fc.option(text), number: fc.option(number), at: fc.option(at) })
    let next = 0
    const step = fc.record({ entity, asked: fc.record({ text, number, at }), of: fc.nat({ max: 3 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        for (const { entity: members, asked, of } of steps) {
          const document = documentOf(several, { id: `k${next++}`, ...members })
          await create(several, document)
          await other.create(
            { kind: 'create', requires: [], slots: [], source: plain.items, select: undefined, expand: [] },
            session(),
            document,
          )
          const parameters = [asked.text, asked.number, asked.at]
          const filterOf = (world: World): Expression =>
            [
              equals(world, 'text', 0),
              both(equals(world, 'number', 1), equals(world, 'text', 0)),
              equals(world, 'at', 2),
              equals(world, 'number', 1),
            ][of] ?? equals(world, 'text', 0)
          const rows = await collect(
            await other.read(readPlan(plain.items, { filter: filterOf(plain) }), session(parameters)),
          )
          expect(await ids(several, filterOf(several), parameters)).toEqual(rows.map((row) => deserialize(row)._id))
        }
      }),
      { numRuns: 40 },
    )
    await other.close()
    twin.remove()
  })
})
