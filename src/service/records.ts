import { setTimeout as sleep } from 'node:timers/promises'
import type { Expression, OrderByItem, Parameters } from '../bind/tree.ts'
import { booleanReference, primitiveReference, stringReference } from '../bind/type-references.ts'
import { decodeEntity } from '../bson/decode.ts'
import { encodeEntity, encodeMembers } from '../bson/encode.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../bson/layout.ts'
import { layoutOf } from '../bson/layout-of-model.ts'
import { findField, readNumber } from '../bson/reader.ts'
import { parseCsdl } from '../csdl/read-csdl.ts'
import type { EntitySet, EntityType } from '../edm/model.ts'
import type { DateTimeOffset, PrimitiveValue, StructuredValue } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { CountPlan, CreatePlan, DeletePlan, ReadPlan, Source, UpdatePlan } from '../plan/plan.ts'
import type { Precondition, Session, Store } from '../store/port.ts'

/**
 * Small documents of the service's own, beside the data and under the same transactions: outcomes of repeatable requests, results of
 * asynchronous ones. They are rows of a collection that no model has, so both stores keep them as they keep everything else.
 */

/** Name of the collection; a dot is no part of an OData identifier, so no entity set can have it. */
const name = 'odatum.records'

const csdl = `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="odatum" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="Record">
    <Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.String" Nullable="false"/>
    <Property Name="value" Type="Edm.Binary" Nullable="false"/>
    <Property Name="expires" Type="Edm.DateTimeOffset" Precision="3" Nullable="false"/>
  </EntityType>
  <EntityContainer Name="own"><EntitySet Name="records" EntityType="odatum.Record"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`

interface Own {
  readonly set: EntitySet
  readonly type: EntityType
  readonly collection: CollectionLayout
  readonly layout: ModelLayout
}

let own: Own | undefined

function ownModel(): Own {
  if (own === undefined) {
    const model = parseCsdl(csdl, { file: 'records' })
    const set = model.container?.children.get('records')
    const layout = layoutOf(model)
    const collection = layout.collections.get('records')
    if (set?.kind !== 'entitySet' || collection === undefined) throw new Error('invariant: the model of records')
    own = { set: { ...set, name }, type: set.type, layout, collection: { ...collection, name } }
  }
  return own
}

/** A model's layout with the collection of records. */
export function withRecords(layout: ModelLayout): ModelLayout {
  return { ...layout, collections: new Map([...layout.collections, [name, ownModel().collection]]) }
}

/** Seconds that no record lives to see. */
const forGood = 200 * 365 * 86_400
/** How often a change of a record begins anew. */
const attempts = 100

/** Access to the records of a store that was opened with `withRecords`. */
export class Records {
  readonly #store: Store
  readonly #timeLimit: number
  readonly #own = ownModel()
  readonly #byKey: Source
  readonly #create: CreatePlan
  readonly #read: ReadPlan
  readonly #update: UpdatePlan
  readonly #delete: DeletePlan
  readonly #expired: ReadPlan

  /** @param timeLimit milliseconds the store may take for each access */
  constructor(store: Store, timeLimit: number) {
    this.#store = store
    this.#timeLimit = timeLimit
    const { set, type } = this.#own
    const all: Source = { root: set, steps: [], type, single: false }
    this.#byKey = {
      ...all,
      steps: [{ kind: 'key', predicate: { key: type.key, parameters: [0] } }],
      single: true,
    }
    const slots = [{ type: stringReference }]
    this.#create = Object.freeze({
      kind: 'create',
      requires: [],
      slots: [],
      source: all,
      select: undefined,
      expand: [],
    })
    this.#read = readPlan(this.#byKey, slots, undefined, [])
    this.#update = Object.freeze({
      kind: 'update',
      requires: [],
      slots,
      source: this.#byKey,
      replace: false,
      upsert: false,
      select: undefined,
      expand: [],
    })
    this.#delete = Object.freeze({ kind: 'delete', requires: [], slots, source: this.#byKey })
    this.#expired = readPlan(all, [{ type: instant }], before(type, 0), [
      { expression: member(type, 'id'), descending: false },
    ])
  }

  /**
   * Stores a record, durable with the session's transaction.
   * @param kind which feature it belongs to
   * @param seconds how long it is kept
   * @returns false where there is one already
   */
  async create(kind: string, id: string, value: Uint8Array, seconds: number, transaction?: unknown): Promise<boolean> {
    const expires: DateTimeOffset = instantAt(Date.now() + seconds * 1000)
    const entity: StructuredValue = {
      kind: 'structured',
      type: this.#own.type,
      members: new Map<string, PrimitiveValue>([
        ['id', keyOf(kind, id)],
        ['value', value],
        ['expires', expires],
      ]),
    }
    const document = encodeEntity(this.#own.layout, this.#own.collection, entity)
    const outcome = await this.#store.create(this.#create, this.#session([], transaction), document)
    return outcome.kind === 'created'
  }

  /** The value of a record; undefined where there is none, or its time is over. */
  async read(kind: string, id: string, transaction?: unknown): Promise<Uint8Array | undefined> {
    const row = await this.#store.readOne(this.#read, this.#session([keyOf(kind, id)], transaction))
    if (row === undefined) return undefined
    const { members } = decodeEntity(this.#own.layout, this.#own.collection, row)
    const expires = members.get('expires') as DateTimeOffset | undefined
    const value = members.get('value')
    return value instanceof Uint8Array && expires !== undefined && expires.ms > Date.now() ? value : undefined
  }

  /**
   * Changes a record that is kept for good, or begins it: what one process makes of it is never lost to another.
   * @param make the new value, of what is there; may be asked again
   * @throws ODataError conflict where others change it again and again
   */
  async change(kind: string, id: string, make: (value: Uint8Array | undefined) => Promise<Uint8Array>): Promise<void> {
    const { layout, collection, type } = this.#own
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (attempt > 0) await sleep(Math.random() * Math.min(attempt * 5, 50))
      const row = await this.#store.readOne(this.#read, this.#session([keyOf(kind, id)]))
      const stored = row && decodeEntity(layout, collection, row).members.get('value')
      const value = await make(stored instanceof Uint8Array ? stored : undefined)
      if (row === undefined) {
        if (await this.create(kind, id, value, forGood)) return
        continue
      }
      const versionAt = findField(row, fields.version)
      const version = versionAt < 0 ? undefined : readNumber(row, versionAt)
      const precondition: Precondition =
        version === undefined ? { kind: 'unversioned' } : { kind: 'versions', anyOf: [version] }
      const members = encodeMembers(layout, type, new Map([['value', value]]))
      const session = { ...this.#session([keyOf(kind, id)]), precondition }
      const outcome = await this.#store.update(this.#update, session, { kind: 'merge', ...members })
      if (outcome.kind === 'updated') return
    }
    throw new ODataError('conflict', 'A record of the service is being changed by others. Try again.')
  }

  /** Removes a record. @returns whether there was one */
  async remove(kind: string, id: string, transaction?: unknown): Promise<boolean> {
    const outcome = await this.#store.delete(this.#delete, this.#session([keyOf(kind, id)], transaction))
    return outcome.kind === 'deleted'
  }

  /** Removes the records whose time is over. @returns how many */
  async sweep(): Promise<number> {
    const rows = await this.#store.read(this.#expired, this.#session([instantAt(Date.now())]))
    let removed = 0
    for await (const batch of rows.batches)
      for (const row of batch) {
        const { members } = decodeEntity(this.#own.layout, this.#own.collection, row)
        const outcome = await this.#store.delete(this.#delete, this.#session([String(members.get('id'))]))
        if (outcome.kind === 'deleted') removed++
      }
    return removed
  }

  #session(parameters: Parameters, transaction?: unknown): Session {
    return {
      parameters,
      scope: name,
      rowFilters: noFilters,
      signal: undefined,
      timeLimit: this.#timeLimit,
      after: undefined,
      limit: undefined,
      precondition: undefined,
      transaction,
    }
  }
}

const noFilters: Session['rowFilters'] = new Map()
const instant = primitiveReference('Edm.DateTimeOffset')

function keyOf(kind: string, id: string): string {
  return `${kind}:${id}`
}

function instantAt(ms: number): DateTimeOffset {
  return { kind: 'dateTimeOffset', ms, sub: 0, offset: 0, digits: 3 }
}

function member(type: EntityType, property: string): Expression {
  const found = type.allProperties.get(property)
  if (found === undefined) throw new Error('invariant: a property of records')
  return { kind: 'member', variable: '$it', steps: [{ kind: 'property', property: found }], type: found.type }
}

function before(type: EntityType, parameter: number): Expression {
  return {
    kind: 'binary',
    operator: 'lt',
    left: member(type, 'expires'),
    right: { kind: 'parameter', index: parameter, type: instant },
    type: booleanReference,
  }
}

function readPlan(
  source: Source,
  slots: CountPlan['slots'],
  filter: Expression | undefined,
  orderby: readonly OrderByItem[],
): ReadPlan {
  return Object.freeze({
    kind: 'read',
    requires: [],
    slots,
    source,
    member: [],
    memberType: undefined,
    raw: false,
    filter,
    search: undefined,
    compute: [],
    orderby,
    select: undefined,
    expand: [],
    top: undefined,
    skip: undefined,
    count: false,
  })
}
