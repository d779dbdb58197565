import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Expression, MemberExpression, OrderByItem, Parameters } from '../../../src/bind/tree.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import { parseCsdl } from '../../../src/csdl/read-csdl.ts'
import type { EntitySet, EntityType, Singleton, StructuredType } from '../../../src/edm/model.ts'
import type {
  CountPlan,
  CreatePlan,
  DeletePlan,
  ReadPlan,
  Source,
  SourceStep,
  UpdatePlan,
} from '../../../src/plan/plan.ts'
import type { Rows, Session } from '../../../src/store/port.ts'

export const csdl = `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
<edmx:DataServices><Schema Namespace="t" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="Item"><Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.String" Nullable="false"/>
    <Property Name="rank" Type="Edm.Int32"/>
    <Property Name="note" Type="Edm.String"/>
    <Property Name="place" Type="t.Place"/>
    <NavigationProperty Name="parts" Type="Collection(t.Part)" ContainsTarget="true"/>
  </EntityType>
  <EntityType Name="Part"><Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.Int32" Nullable="false"/><Property Name="name" Type="Edm.String"/></EntityType>
  <EntityType Name="Special" BaseType="t.Item"><Property Name="extra" Type="Edm.String"/></EntityType>
  <ComplexType Name="Place"><Property Name="city" Type="Edm.String"/><Property Name="zip" Type="Edm.String"/></ComplexType>
  <EntityType Name="Line"><Key><PropertyRef Name="order"/><PropertyRef Name="number"/></Key>
    <Property Name="order" Type="Edm.Int64" Nullable="false"/>
    <Property Name="number" Type="Edm.Int32" Nullable="false"/>
  </EntityType>
  <EntityType Name="Counter"><Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.Int32" Nullable="false"/><Property Name="value" Type="Edm.Int32"/></EntityType>
  <EntityType Name="Config"><Property Name="mode" Type="Edm.String"/></EntityType>
  <EntityContainer Name="C">
    <EntitySet Name="items" EntityType="t.Item"/>
    <EntitySet Name="lines" EntityType="t.Line"/>
    <EntitySet Name="counters" EntityType="t.Counter"/>
    <Singleton Name="config" Type="t.Config"/>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`

export const model = parseCsdl(csdl, { file: 'test.xml' })
export const layout = layoutOf(model)

/** A folder that is gone after the test. */
export function freshFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'odatum-embedded-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** The source of an entity set, or of one entity of it: key values are the first parameters. */
export function source(
  name: string,
  options: { readonly single?: boolean; readonly cast?: StructuredType; readonly filter?: Expression } = {},
): Source {
  const root = model.container?.children.get(name)
  if (root?.kind !== 'entitySet' && root?.kind !== 'singleton') throw new Error(`no ${name}`)
  return sourceOf(root, options.single ?? root.kind === 'singleton', options.cast, options.filter)
}

function sourceOf(
  root: EntitySet | Singleton,
  single: boolean,
  cast: StructuredType | undefined,
  filter: Expression | undefined,
): Source {
  const steps: SourceStep[] = []
  if (filter) steps.push({ kind: 'filter', predicate: filter })
  if (single && root.kind === 'entitySet')
    steps.push({ kind: 'key', predicate: { key: root.type.key, parameters: root.type.key.map((_, i) => i) } })
  if (cast) steps.push({ kind: 'cast', type: cast })
  const type = cast?.kind === 'entity' ? cast : root.type
  return { root, steps, type, single }
}

const base = { requires: [], slots: [] } as const

export function readPlan(from: Source, more: Partial<ReadPlan> = {}): ReadPlan {
  const orderby = from.single ? [] : from.type.key.map((part) => orderItem(from.type, part.alias))
  return {
    ...base,
    kind: 'read',
    source: from,
    member: [],
    memberType: undefined,
    raw: false,
    filter: undefined,
    search: undefined,
    compute: [],
    orderby,
    select: undefined,
    expand: [],
    top: undefined,
    skip: undefined,
    count: false,
    ...more,
  }
}

export function countPlan(from: Source, filter?: Expression): CountPlan {
  return { ...base, kind: 'count', source: from, filter, search: undefined }
}

export function createPlan(name: string): CreatePlan {
  return { ...base, kind: 'create', source: source(name), select: undefined, expand: [] }
}

export function updatePlan(from: Source, replace = false): UpdatePlan {
  return { ...base, kind: 'update', source: from, replace, upsert: true, select: undefined, expand: [] }
}

export function deletePlan(from: Source): DeletePlan {
  return { ...base, kind: 'delete', source: from }
}

export function member(type: EntityType, name: string): MemberExpression {
  const property = type.allProperties.get(name)
  if (!property) throw new Error(`no property ${name}`)
  return { kind: 'member', variable: '$it', steps: [{ kind: 'property', property }], type: property.type }
}

/** `name operator parameter` */
export function compare(from: Source, name: string, operator: 'eq' | 'gt' | 'ge' | 'lt', index: number): Expression {
  const left = member(from.type, name)
  return {
    kind: 'binary',
    operator,
    left,
    right: { kind: 'parameter', index, type: left.type },
    type: undefined,
  }
}

export function orderItem(type: EntityType, name: string, descending = false): OrderByItem {
  return { expression: member(type, name), descending }
}

export function session(parameters: Parameters = [], more: Partial<Session> = {}): Session {
  return {
    parameters,
    scope: '',
    rowFilters: new Map(),
    signal: undefined,
    timeLimit: 30_000,
    after: undefined,
    limit: undefined,
    precondition: undefined,
    transaction: undefined,
    ...more,
  }
}

/** All rows of an answer, in order. */
export async function collect(rows: Rows): Promise<Uint8Array[]> {
  const all: Uint8Array[] = []
  for await (const batch of rows.batches) all.push(...batch)
  return all
}
