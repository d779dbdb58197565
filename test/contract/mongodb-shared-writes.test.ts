import { Binary, BSONSymbol, Decimal128, type Document, Double, Int32, Long, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { layoutOf } from '../../src/bson/layout-of-model.ts'
import { parseCsdl } from '../../src/csdl/read-csdl.ts'
import { compileQuery, placeQuery } from '../../src/mongo/compile/query.ts'
import { mongoStore } from '../../src/mongo/store.ts'
import type { ReadPlan } from '../../src/plan/plan.ts'
import { Planner } from '../../src/service/planner.ts'
import type { Store } from '../../src/store/port.ts'
import { defaultUrlLimits } from '../../src/url/ast.ts'
import { parseRequestUrl } from '../../src/url/parse-url.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { sessionOf } from './kit.ts'

/** Collections that others write, too: whatever is stored there, an equality finds the rows of `eval/`, by an index. */

const model = parseCsdl(
  `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="s" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="Note" OpenType="true"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
    <Property Name="text" Type="Edm.String"/><Property Name="number" Type="Edm.Int64"/><Property Name="flag" Type="Edm.Boolean"/></EntityType>
  <EntityContainer Name="C"><EntitySet Name="notes" EntityType="s.Note">
    <Annotation Term="Odatum.V1.Collection"><Record><PropertyValue Property="SharedWrites" Bool="true"/></Record></Annotation>
    <Annotation Term="Odatum.V1.Index"><Collection>
      <Record><PropertyValue Property="Fields"><Collection><String>text</String></Collection></PropertyValue></Record>
      <Record><PropertyValue Property="Fields"><Collection><String>number</String></Collection></PropertyValue></Record>
    </Collection></Annotation>
  </EntitySet></EntityContainer></Schema></edmx:DataServices></edmx:Edmx>`,
  { file: 'shared.xml' },
)
const layout = layoutOf(model)
const planner = new Planner(model, { keyAsSegment: true })
const { uri, reason } = mongodb()

const hex = '65a1b2c3d4e5f60718293a4b'
const rows: readonly Document[] = [
  { _id: 'a', text: 'x', number: new Int32(5), flag: true },
  { _id: 'b', text: new BSONSymbol('x'), number: new Double(5), flag: 1 },
  { _id: 'c', text: ['x', 'y'], number: Decimal128.fromString('5.0'), flag: [true] },
  { _id: 'd', text: { a: 'x' }, number: '5', flag: 'true' },
  { _id: 'e', text: new ObjectId(hex), number: new Double(5.5) },
  { _id: 'f', text: hex, number: [5], flag: null },
  { _id: 'g', text: 5, number: Long.fromString('9007199254740993'), flag: false },
  { _id: 'h', text: new Binary(Buffer.from('x')), number: new Double(9007199254740992), $where: 'x' },
  { _id: 'i', text: null, number: null, dollar: '$text', __proto__x: 'x' },
  { _id: 'j' },
]

describe.skipIf(uri === undefined)(`collections with SharedWrites${uri === undefined ? `: ${reason}` : ''}`, () => {
  const fresh = freshDatabase(uri ?? 'mongodb://none', 'shared')
  const client = new MongoClient(fresh)
  let store: Store

  beforeAll(async () => {
    await client.connect()
    store = mongoStore(fresh)
    await store.open(layout)
    await store.ready()
    await client
      .db()
      .collection<Document>('notes')
      .insertMany(rows.map((row) => ({ ...row })))
  })
  afterAll(async () => {
    await client.db().dropDatabase()
    await store.close()
    await client.close()
  })

  const planOf = (filter: string) => {
    const target = `/notes?$filter=${encodeURIComponent(filter)}`
    const { plan, parameters } = planner.plan(
      'GET',
      parseRequestUrl(target, { version: '4.01', limits: defaultUrlLimits }),
    )
    return { plan: plan as ReadPlan, parameters }
  }
  const found = async (filter: string): Promise<string> => {
    const { plan, parameters } = planOf(filter)
    const { batches } = await store.read(plan, sessionOf(parameters))
    const ids: string[] = []
    for await (const batch of batches)
      for (const row of batch) ids.push(Buffer.from(row).toString('latin1').slice(13, 14))
    return ids.join('')
  }

  it.each<[filter: string, ids: string, index: boolean]>([
    ["text eq 'x'", 'ab', true],
    [`text eq '${hex}'`, 'ef', true],
    [`'${hex}' eq text and flag eq null`, 'ef', true],
    ['number eq 5', 'abc', true],
    ['number eq 9007199254740993', 'g', true],
    ['number eq 5.5', '', false],
    ['flag eq true', 'a', false],
    ['flag eq false and number gt 5', 'g', false],
    ["text eq 'x' or number eq 5", 'abc', false],
    ["not (text eq 'x')", 'cdefghij', false],
    ['text eq null', 'cdghij', false],
    ["text eq '$where'", '', true],
    ["dollar eq '$text'", 'i', false],
    ["dollar eq 'x'", '', false],
    ['text eq \'{"$gt":""}\'', '', true],
  ])('%s', async (filter, ids, index) => {
    expect(await found(filter)).toBe(ids)
    const { plan, parameters } = planOf(filter)
    const placed = placeQuery(compileQuery(plan, layout), undefined, parameters)
    expect(placed.residue).toBeDefined()
    const explained = await client
      .db()
      .collection('notes')
      .find(placed.filter || {})
      .explain('queryPlanner')
    expect(JSON.stringify(explained.queryPlanner.winningPlan).includes('IXSCAN')).toBe(index)
  })

  it.each(['$where', 'a.b', 'text\u0000', '__proto__.x', "text' or '1"])('takes no name that is none: %j', (name) => {
    expect(() => planOf(`${name} eq 'x'`)).toThrow()
  })

  it('takes names of members of every object for properties, like any other', async () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(await found(`${name} eq 'x'`)).toBe('')
      expect(await found(`${name} eq null`)).toBe('abcdefghij')
    }
  })

  it('takes NUL in a text as it is', async () => {
    expect(await found("text eq 'x\u0000'")).toBe('')
    expect(await found("startswith(text,'x\u0000')")).toBe('')
  })
})
