import { type Document, deserialize } from 'bson'
import type { Parameters } from '../../src/bind/tree.ts'
import { encodeEntity, encodeMembers, encodeReplacement } from '../../src/bson/encode.ts'
import type { CollectionLayout, ModelLayout } from '../../src/bson/layout.ts'
import { layoutOf } from '../../src/bson/layout-of-model.ts'
import { parseCsdl } from '../../src/csdl/read-csdl.ts'
import type { EntityType } from '../../src/edm/model.ts'
import { readEntity } from '../../src/payload/read-entity.ts'
import type { CountPlan, CreatePlan, DeletePlan, Plan, ReadPlan, UpdatePlan } from '../../src/plan/plan.ts'
import { Planner } from '../../src/service/planner.ts'
import type { Change, CreateOutcome, Rows, Session, Store } from '../../src/store/port.ts'
import { defaultUrlLimits } from '../../src/url/ast.ts'
import { parseRequestUrl } from '../../src/url/parse-url.ts'

/**
 * A model with every kind of value a store has to compare, sort and keep.
 * @param indexes annotations of the type Thing
 */
const csdlOf = (
  indexes: string,
) => `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="contract" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="Color"><Member Name="Red" Value="0"/><Member Name="Green" Value="1"/><Member Name="Blue" Value="2"/></EnumType>
  <EnumType Name="Rights" IsFlags="true"><Member Name="Read" Value="1"/><Member Name="Write" Value="2"/><Member Name="Own" Value="4"/></EnumType>
  <ComplexType Name="Address"><Property Name="city" Type="Edm.String"/><Property Name="zip" Type="Edm.Int32"/>
    <Property Name="since" Type="Edm.DateTimeOffset" Precision="12"/></ComplexType>
  <EntityType Name="Thing"><Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.String" Nullable="false"/>
    <Property Name="text" Type="Edm.String"/><Property Name="note" Type="Edm.String"/>
    <Property Name="number" Type="Edm.Int32"/><Property Name="big" Type="Edm.Int64"/>
    <Property Name="flag" Type="Edm.Boolean"/><Property Name="price" Type="Edm.Decimal" Scale="variable"/>
    <Property Name="ratio" Type="Edm.Double"/><Property Name="short" Type="Edm.Single"/>
    <Property Name="guid" Type="Edm.Guid"/><Property Name="bytes" Type="Edm.Binary"/>
    <Property Name="at" Type="Edm.DateTimeOffset" Precision="12"/><Property Name="day" Type="Edm.Date"/>
    <Property Name="time" Type="Edm.TimeOfDay" Precision="12"/><Property Name="span" Type="Edm.Duration" Precision="12"/>
    <Property Name="color" Type="contract.Color"/><Property Name="rights" Type="contract.Rights"/>
    <Property Name="address" Type="contract.Address"/><Property Name="tags" Type="Collection(Edm.String)"/>
    <NavigationProperty Name="parts" Type="Collection(contract.Part)" ContainsTarget="true"/>
    <NavigationProperty Name="pieces" Type="Collection(contract.Piece)" ContainsTarget="true"/>
    <NavigationProperty Name="lid" Type="contract.Part" ContainsTarget="true"/>
    ${indexes}
  </EntityType>
  <EntityType Name="Part"><Key><PropertyRef Name="name"/></Key>
    <Property Name="name" Type="Edm.String" Nullable="false"/><Property Name="size" Type="Edm.Int32"/></EntityType>
  <EntityType Name="Piece"><Key><PropertyRef Name="x"/><PropertyRef Name="y"/></Key>
    <Property Name="x" Type="Edm.Int32" Nullable="false"/><Property Name="y" Type="Edm.String" Nullable="false"/></EntityType>
  <EntityType Name="HeavyThing" BaseType="contract.Thing"><Property Name="weight" Type="Edm.Int32"/></EntityType>
  <EntityType Name="Pair"><Key><PropertyRef Name="left"/><PropertyRef Name="right"/></Key>
    <Property Name="left" Type="Edm.String" Nullable="false"/><Property Name="right" Type="Edm.Int32" Nullable="false"/>
    <Property Name="value" Type="Edm.Int32"/></EntityType>
  <EntityType Name="Numbered"><Key><PropertyRef Name="n"/></Key>
    <Property Name="n" Type="Edm.Int64" Nullable="false"/><Property Name="value" Type="Edm.Int32"/></EntityType>
  <EntityType Name="Moment"><Key><PropertyRef Name="at"/></Key>
    <Property Name="at" Type="Edm.DateTimeOffset" Precision="12" Nullable="false"/><Property Name="value" Type="Edm.Int32"/></EntityType>
  <EntityType Name="Marked"><Key><PropertyRef Name="guid"/></Key>
    <Property Name="guid" Type="Edm.Guid" Nullable="false"/><Property Name="value" Type="Edm.Int32"/></EntityType>
  <EntityType Name="Login"><Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.String" Nullable="false"/><Property Name="mail" Type="Edm.String"/>
    <Annotation Term="Org.OData.Core.V1.AlternateKeys"><Collection><Record><PropertyValue Property="Key"><Collection>
      <Record><PropertyValue Property="Name" PropertyPath="mail"/><PropertyValue Property="Alias" String="mail"/></Record>
    </Collection></PropertyValue></Record></Collection></Annotation></EntityType>
  <EntityContainer Name="Container">
    <EntitySet Name="things" EntityType="contract.Thing"/><EntitySet Name="pairs" EntityType="contract.Pair"/>
    <EntitySet Name="numbered" EntityType="contract.Numbered"/><EntitySet Name="moments" EntityType="contract.Moment"/>
    <EntitySet Name="marked" EntityType="contract.Marked"/><EntitySet Name="logins" EntityType="contract.Login"/>
    <Singleton Name="main" Type="contract.Login"/>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`

export const model = parseCsdl(csdlOf(''), { file: 'contract.xml' })
export const layout = layoutOf(model)

/** The same collections with indexes on things: each a list of paths, `desc` behind one that goes down. */
export function indexedLayout(indexes: readonly (readonly string[])[]): ModelLayout {
  const records = indexes.map(
    (fields) =>
      `<Record><PropertyValue Property="Fields"><Collection>${fields
        .map((field) => `<String>${field}</String>`)
        .join('')}</Collection></PropertyValue></Record>`,
  )
  const annotation = `<Annotation Term="Odatum.V1.Index"><Collection>${records.join('')}</Collection></Annotation>`
  const indexed = layoutOf(parseCsdl(csdlOf(annotation), { file: 'contract.xml' })).collections.get('things')
  const things = collectionOf('things')
  const collections = new Map(layout.collections).set('things', { ...things, indexes: indexed?.indexes ?? [] })
  return { ...layout, collections }
}

const planner = new Planner(model, { keyAsSegment: true })

type PlanOf = { GET: ReadPlan; POST: CreatePlan; PATCH: UpdatePlan; PUT: UpdatePlan; DELETE: DeletePlan }

/** The plan of a request, and its parameters. */
export function planOf<M extends keyof PlanOf>(method: M, url: string): { plan: PlanOf[M]; parameters: Parameters } {
  const { plan, parameters } = planAny(method, url)
  return { plan: plan as PlanOf[M], parameters }
}

export function countPlanOf(url: string): { plan: CountPlan; parameters: Parameters } {
  const { plan, parameters } = planAny('GET', url)
  if (plan.kind !== 'count') throw new Error(`${url} is no $count`)
  return { plan, parameters }
}

function planAny(method: string, url: string): { plan: Plan; parameters: Parameters } {
  const [path = '', query] = url.split('?')
  const target = query === undefined ? path : `${path}?${query.split('&').map(encodeOption).join('&')}`
  return planner.plan(method, parseRequestUrl(target, { version: '4.01', limits: defaultUrlLimits }))
}

function encodeOption(option: string): string {
  const equals = option.indexOf('=')
  return `${option.slice(0, equals)}=${encodeURIComponent(option.slice(equals + 1))}`
}

export function sessionOf(parameters: Parameters, more: Partial<Session> = {}): Session {
  return {
    parameters,
    scope: '',
    rowFilters: new Map(),
    signal: undefined,
    timeLimit: 20_000,
    after: undefined,
    limit: undefined,
    precondition: undefined,
    transaction: undefined,
    ...more,
  }
}

/** The collection of an entity set. */
export function collectionOf(set: string): CollectionLayout {
  const collection = layout.collections.get(set)
  if (collection === undefined) throw new Error(`no set ${set}`)
  return collection
}

export function entityOf(type: EntityType, json: object, mode: 'create' | 'merge' | 'replace') {
  const body = Buffer.from(JSON.stringify(json))
  return readEntity(body, { model, type, mode, version: '4.01', keyByService: false })
}

/** A document as the service hands it to a store. */
export function documentOf(set: string, json: object): Document {
  const collection = collectionOf(set)
  return encodeEntity(layout, collection, entityOf(collection.entityType, json, 'create'))
}

export function mergeOf(set: string, json: object): Change {
  const entity = entityOf(collectionOf(set).entityType, json, 'merge')
  const { set: values, unset } = encodeMembers(layout, entity.type, entity.members)
  return { kind: 'merge', set: values, unset }
}

export function replaceOf(set: string, json: object, keep: readonly string[] = []): Change {
  const entity = entityOf(collectionOf(set).entityType, json, 'replace')
  return { kind: 'replace', document: encodeReplacement(layout, entity), keep }
}

/** Requests against a store, as short as a test wants them. */
export class Client {
  readonly store: Store

  constructor(store: Store) {
    this.store = store
  }

  create(set: string, json: object, more: Partial<Session> = {}): Promise<CreateOutcome> {
    const { plan, parameters } = planOf('POST', set)
    return this.store.create(plan, sessionOf(parameters, more), documentOf(set, json))
  }

  async createAll(set: string, entities: readonly object[]): Promise<void> {
    const outcomes = await Promise.all(entities.map((entity) => this.create(set, entity)))
    for (const outcome of outcomes) if (outcome.kind !== 'created') throw new Error(`not created: ${outcome.kind}`)
  }

  one(url: string, more: Partial<Session> = {}): Promise<Uint8Array | undefined> {
    const { plan, parameters } = planOf('GET', url)
    return this.store.readOne(plan, sessionOf(parameters, more))
  }

  rows(url: string, more: Partial<Session> = {}): Promise<Rows> {
    const { plan, parameters } = planOf('GET', url)
    return this.store.read(plan, sessionOf(parameters, more))
  }

  async all(url: string, more: Partial<Session> = {}): Promise<readonly Uint8Array[]> {
    return collect(await this.rows(url, more))
  }

  /** The `_id` of all rows. */
  async keys(url: string, more: Partial<Session> = {}): Promise<readonly unknown[]> {
    return (await this.all(url, more)).map((row) => decoded(row)._id)
  }

  count(url: string, more: Partial<Session> = {}): Promise<number> {
    const { plan, parameters } = countPlanOf(url)
    return this.store.count(plan, sessionOf(parameters, more))
  }

  update(url: string, change: Change, more: Partial<Session> = {}) {
    const { plan, parameters } = planOf('PATCH', url)
    return this.store.update(plan, sessionOf(parameters, more), change)
  }

  delete(url: string, more: Partial<Session> = {}) {
    const { plan, parameters } = planOf('DELETE', url)
    return this.store.delete(plan, sessionOf(parameters, more))
  }
}

/** Reads rows to their end, and checks what `first` and `complete` promise. */
export async function collect(rows: Rows): Promise<readonly Uint8Array[]> {
  const all: Uint8Array[] = []
  let batches = 0
  for await (const batch of rows.batches) {
    if (batches === 0 && batch.length !== rows.first.length) throw new Error('the first batch is not `first`')
    batches++
    // a store may reuse its memory once the next batch is asked for
    for (const row of batch) all.push(Uint8Array.from(row))
  }
  if (rows.complete && all.length !== rows.first.length) throw new Error('complete, but there was more than `first`')
  return all
}

export function decoded(row: Uint8Array | undefined): Document {
  if (row === undefined) throw new Error('there is no row')
  return deserialize(row, { useBigInt64: false, promoteLongs: true })
}
