import type {
  Annotation,
  ComplexType,
  ContainerChild,
  EntitySet,
  EntityType,
  EnumType,
  Facets,
  KeyProperty,
  Model,
  NamedType,
  NavigationProperty,
  PrimitiveTypeName,
  Property,
  Singleton,
  StructuredType,
  Type,
  TypeReference,
} from '../../../src/edm/model.ts'
import { primitiveType } from '../../../src/edm/primitives.ts'
import type { JsonDialect } from '../../../src/payload/writer.ts'

/** Models by hand, so that these tests need no CSDL reader. */

export function ref(
  type: PrimitiveTypeName | Type,
  more: { collection?: boolean; nullable?: boolean; facets?: Facets } = {},
): TypeReference {
  return {
    type: typeof type === 'string' ? primitiveType(type) : type,
    collection: more.collection ?? false,
    nullable: more.nullable ?? true,
    facets: more.facets ?? {},
  }
}

export interface PropertySpec {
  readonly type: TypeReference
  readonly defaultValue?: string
  readonly tags?: readonly string[]
}

interface TypeSpec<T> {
  readonly base?: T
  readonly abstract?: boolean
  readonly open?: boolean
  readonly key?: readonly string[]
  readonly properties?: Readonly<Record<string, TypeReference | PropertySpec>>
  readonly navigation?: Readonly<Record<string, { type: EntityType; collection?: boolean; contains?: boolean }>>
}

const tag = (term: string): Annotation => ({
  term: `Org.OData.Core.V1.${term}`,
  qualifier: undefined,
  value: { kind: 'bool', value: true },
  annotations: [],
  externalTarget: undefined,
})

function structured<T extends StructuredType>(kind: T['kind'], name: string, spec: TypeSpec<T>): T {
  const type = {
    kind,
    name,
    annotations: [],
    abstract: spec.abstract ?? false,
    open: spec.open ?? spec.base?.open ?? false,
    baseType: spec.base,
    derivedTypes: [] as T[],
    hasStream: false,
    properties: [] as Property[],
    navigationProperties: [] as NavigationProperty[],
    allProperties: new Map(spec.base?.allProperties),
    allNavigationProperties: new Map(spec.base?.allNavigationProperties),
    key: [] as readonly KeyProperty[],
  }
  const declaringType = type as unknown as T
  for (const [propertyName, given] of Object.entries(spec.properties ?? {})) {
    const { type: reference, defaultValue, tags = [] } = 'facets' in given ? { type: given } : given
    const property: Property = {
      kind: 'property',
      name: propertyName,
      type: reference,
      defaultValue,
      declaringType,
      annotations: tags.map(tag),
    }
    type.properties.push(property)
    type.allProperties.set(propertyName, property)
  }
  for (const [propertyName, given] of Object.entries(spec.navigation ?? {})) {
    const property: NavigationProperty = {
      kind: 'navigationProperty',
      name: propertyName,
      type: given.type,
      collection: given.collection ?? false,
      nullable: true,
      containsTarget: given.contains ?? false,
      partner: undefined,
      referentialConstraints: [],
      onDelete: undefined,
      onDeleteAnnotations: [],
      declaringType,
      annotations: [],
    }
    type.navigationProperties.push(property)
    type.allNavigationProperties.set(propertyName, property)
  }
  type.key =
    spec.key?.map((alias): KeyProperty => ({ alias, path: [alias], property: type.allProperties.get(alias)! })) ??
    (spec.base as EntityType | undefined)?.key ??
    []
  for (let base: T | undefined = spec.base; base !== undefined; base = base.baseType as T | undefined)
    (base.derivedTypes as T[]).push(declaringType)
  return declaringType
}

export const entityType = (name: string, spec: TypeSpec<EntityType>): EntityType =>
  structured<EntityType>('entity', name, spec)
export const complexType = (name: string, spec: TypeSpec<ComplexType>): ComplexType =>
  structured<ComplexType>('complex', name, spec)

export function enumType(name: string, members: Readonly<Record<string, number>>, flags = false): EnumType {
  const list = Object.entries(members).map(([member, value]) => ({
    name: member,
    value: BigInt(value),
    annotations: [],
  }))
  return {
    kind: 'enum',
    name,
    underlying: primitiveType('Edm.Int32'),
    flags,
    members: list,
    memberByName: new Map(list.map((member) => [member.name, member])),
    annotations: [],
  }
}

export const entitySet = (name: string, type: EntityType, more: Partial<EntitySet> = {}): EntitySet => ({
  kind: 'entitySet',
  name,
  type,
  includeInServiceDocument: true,
  navigationPropertyBindings: [],
  annotations: [],
  ...more,
})

export const singleton = (name: string, type: EntityType): Singleton => ({
  kind: 'singleton',
  name,
  type,
  nullable: false,
  navigationPropertyBindings: [],
  annotations: [],
})

export function modelOf(types: readonly NamedType[], children: readonly ContainerChild[] = []): Model {
  return {
    version: '4.01',
    references: [],
    schemas: [],
    includedSchemas: [],
    container: {
      name: 'test.Container',
      extends: undefined,
      children: new Map(children.map((child) => [child.name, child])),
      annotations: [],
    },
    types: new Map(types.map((type) => [type.name, type])),
    operations: new Map(),
    terms: new Map(),
    aliases: new Map([['t', 'test']]),
  }
}

/** A model with a property of every kind that payloads know. */
export function sampleModel() {
  const color = enumType('test.Color', { red: 1, green: 2, blue: 4 })
  const access = enumType('test.Access', { none: 0, read: 1, write: 2, readWrite: 3, admin: 8 }, true)
  const root = entityType('test.Root', {
    abstract: true,
    key: ['id'],
    properties: { id: { type: ref('Edm.String', { nullable: false }), tags: ['Computed'] } },
  })
  const item = entityType('test.Item', { base: root, properties: { name: ref('Edm.String') } })
  const address = complexType('test.Address', {
    properties: { city: ref('Edm.String', { nullable: false }), zip: ref('Edm.String', { facets: { maxLength: 5 } }) },
    navigation: { owner: { type: item }, guests: { type: item, collection: true } },
  })
  const postBox = complexType('test.PostBox', { base: address, properties: { number: ref('Edm.Int64') } })
  const note = complexType('test.Note', { open: true, properties: { text: ref('Edm.String') } })
  const thing = entityType('test.Thing', {
    base: root,
    properties: {
      text: ref('Edm.String', { nullable: false }),
      flag: ref('Edm.Boolean'),
      byte: ref('Edm.Byte'),
      sbyte: ref('Edm.SByte'),
      int16: ref('Edm.Int16'),
      int32: ref('Edm.Int32'),
      int64: ref('Edm.Int64'),
      double: ref('Edm.Double'),
      single: ref('Edm.Single'),
      decimal: ref('Edm.Decimal', { facets: { scale: 'variable' } }),
      guid: ref('Edm.Guid'),
      binary: ref('Edm.Binary'),
      date: ref('Edm.Date'),
      time: ref('Edm.TimeOfDay'),
      moment: ref('Edm.DateTimeOffset'),
      duration: ref('Edm.Duration'),
      color: ref(color),
      access: ref(access),
      point: ref('Edm.GeographyPoint'),
      address: ref(address),
      note: ref(note),
      words: ref('Edm.String', { collection: true, nullable: false }),
      numbers: ref('Edm.Int32', { collection: true }),
      moments: ref('Edm.DateTimeOffset', { collection: true }),
      addresses: ref(address, { collection: true }),
      level: { type: ref('Edm.Int32', { nullable: false }), defaultValue: '7' },
      made: { type: ref('Edm.DateTimeOffset', { nullable: false }), tags: ['Computed'] },
      serial: { type: ref('Edm.String'), tags: ['Immutable'] },
    },
    navigation: { items: { type: item, collection: true }, parts: { type: item, collection: true, contains: true } },
  })
  const special = entityType('test.Special', { base: thing, open: true, properties: { extra: ref('Edm.Int32') } })
  const line = entityType('test.Line', {
    key: ['order', 'number'],
    properties: {
      order: ref('Edm.String', { nullable: false }),
      number: ref('Edm.Int32', { nullable: false }),
      amount: ref('Edm.Decimal'),
    },
  })
  const things = entitySet('Things', thing)
  const items = entitySet('Items', item)
  const lines = entitySet('Lines', line, { includeInServiceDocument: false })
  const me = singleton('Me', thing)
  const types = { color, access, address, postBox, note, root, item, thing, special, line }
  return {
    ...types,
    sets: { things, items, lines, me },
    model: modelOf(Object.values(types), [things, items, lines, me]),
  }
}

export const dialect = (more: Partial<JsonDialect>): JsonDialect => ({
  version: '4.0',
  metadata: 'minimal',
  ieee754Compatible: false,
  exponentialDecimals: false,
  alwaysType: false,
  root: 'https://host/svc/',
  ...more,
})
