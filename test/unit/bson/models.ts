import type {
  Annotation,
  AnnotationExpression,
  ComplexType,
  EntitySet,
  EntityType,
  EnumType,
  Facets,
  KeyProperty,
  Model,
  NavigationProperty,
  PrimitiveTypeName,
  Property,
  ReferentialConstraint,
  Singleton,
  StructuredType,
  Type,
  TypeReference,
} from '../../../src/edm/model.ts'
import { primitiveType } from '../../../src/edm/primitives.ts'

/** Models put together by hand: this room must be testable without the CSDL reader. */

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export function ref(type: Type | PrimitiveTypeName, collection = false, facets: Facets = {}): TypeReference {
  return { type: typeof type === 'string' ? primitiveType(type) : type, collection, nullable: true, facets }
}

export function annotation(term: string, value: AnnotationExpression): Annotation {
  return { term, qualifier: undefined, value, annotations: [], externalTarget: undefined }
}

export const str = (value: string): AnnotationExpression => ({ kind: 'string', value })
export const record = (values: Record<string, AnnotationExpression>): AnnotationExpression => ({
  kind: 'record',
  type: undefined,
  values: Object.entries(values).map(([property, value]) => ({ property, value, annotations: [] })),
  annotations: [],
})
export const list = (...values: AnnotationExpression[]): AnnotationExpression => ({ kind: 'collection', items: values })

export interface TypeOptions {
  readonly base?: StructuredType
  readonly abstract?: boolean
  readonly open?: boolean
  readonly key?: readonly (string | { readonly path: readonly string[]; readonly alias: string })[]
  readonly annotations?: readonly Annotation[]
  readonly propertyAnnotations?: Readonly<Record<string, readonly Annotation[]>>
  readonly navigations?: readonly { name: string; constraints: readonly ReferentialConstraint[] }[]
}

function structured(name: string, options: TypeOptions) {
  const type = {
    name,
    abstract: options.abstract ?? false,
    open: options.open ?? options.base?.open ?? false,
    annotations: options.annotations ?? [],
    properties: [] as Property[],
    navigationProperties: [] as NavigationProperty[],
    allProperties: new Map(options.base?.allProperties ?? []),
    allNavigationProperties: new Map(options.base?.allNavigationProperties ?? []),
  }
  return type
}

function fill(type: StructuredType, properties: Readonly<Record<string, TypeReference>>, options: TypeOptions): void {
  const all = type.allProperties as Map<string, Property>
  for (const [name, reference] of Object.entries(properties)) {
    const property: Property = {
      kind: 'property',
      name,
      type: reference,
      defaultValue: undefined,
      declaringType: type,
      annotations: options.propertyAnnotations?.[name] ?? [],
    }
    ;(type.properties as Property[]).push(property)
    all.set(name, property)
  }
  for (let base = options.base; base !== undefined; base = base.baseType) {
    ;(base.derivedTypes as StructuredType[]).push(type)
  }
}

export function complexType(
  name: string,
  properties: Readonly<Record<string, TypeReference>>,
  options: TypeOptions = {},
): ComplexType {
  const base = options.base as ComplexType | undefined
  const type: ComplexType = {
    ...structured(name, options),
    kind: 'complex',
    baseType: base,
    derivedTypes: [],
  }
  fill(type, properties, options)
  return type
}

export function entityType(
  name: string,
  properties: Readonly<Record<string, TypeReference>>,
  options: TypeOptions = {},
): EntityType {
  const base = options.base as EntityType | undefined
  const type: Mutable<EntityType> = {
    ...structured(name, options),
    kind: 'entity',
    baseType: base,
    derivedTypes: [],
    hasStream: false,
    key: base?.key ?? [],
  }
  fill(type, properties, options)
  if (options.key !== undefined) {
    type.key = options.key.map((key): KeyProperty => {
      const path = typeof key === 'string' ? [key] : key.path
      let owner: StructuredType = type
      let property: Property | undefined
      for (const step of path) {
        property = owner.allProperties.get(step)
        if (property !== undefined) owner = property.type.type as StructuredType
      }
      return { path, alias: typeof key === 'string' ? key : key.alias, property: property! }
    })
  }
  for (const { name: navigation, constraints } of options.navigations ?? []) {
    const property: NavigationProperty = {
      kind: 'navigationProperty',
      name: navigation,
      type,
      collection: false,
      nullable: true,
      containsTarget: false,
      partner: undefined,
      referentialConstraints: constraints,
      onDelete: undefined,
      onDeleteAnnotations: [],
      declaringType: type,
      annotations: [],
    }
    ;(type.allNavigationProperties as Map<string, NavigationProperty>).set(navigation, property)
  }
  return type
}

export function enumType(
  name: string,
  underlying: PrimitiveTypeName,
  members: Readonly<Record<string, bigint>>,
): EnumType {
  const all = Object.entries(members).map(([member, value]) => ({ name: member, value, annotations: [] }))
  return {
    kind: 'enum',
    name,
    underlying: primitiveType(underlying),
    flags: false,
    members: all,
    memberByName: new Map(all.map((member) => [member.name, member])),
    annotations: [],
  }
}

export function entitySet(name: string, type: EntityType, annotations: readonly Annotation[] = []): EntitySet {
  return {
    kind: 'entitySet',
    name,
    type,
    annotations,
    includeInServiceDocument: true,
    navigationPropertyBindings: [],
  }
}

export function singleton(name: string, type: EntityType): Singleton {
  return { kind: 'singleton', name, type, annotations: [], nullable: false, navigationPropertyBindings: [] }
}

export function modelOf(...children: readonly (EntitySet | Singleton)[]): Model {
  const types = new Map<string, StructuredType>()
  const visit = (type: Type): void => {
    if ((type.kind !== 'entity' && type.kind !== 'complex') || types.has(type.name)) return
    types.set(type.name, type)
    for (const derived of type.derivedTypes) visit(derived)
    for (const property of type.allProperties.values()) visit(property.type.type)
  }
  for (const child of children) visit(child.type)
  return {
    version: '4.01',
    references: [],
    schemas: [],
    includedSchemas: [],
    container: {
      name: 'Test.Container',
      extends: undefined,
      annotations: [],
      children: new Map(children.map((child) => [child.name, child])),
    },
    types,
    operations: new Map(),
    terms: new Map(),
    aliases: new Map(),
  }
}
