import type {
  AbstractType,
  EntityType,
  EnumType,
  KeyProperty,
  NavigationProperty,
  Property,
  StructuredType,
  Type,
  TypeReference,
} from '../../edm/model.ts'
import { parsePrimitive } from '../../edm/primitives.ts'
import { isSubtypeOf, primitiveOf } from '../../edm/types.ts'
import { isSimpleIdentifier, localName } from '../names.ts'
import type { Rule, TypeUse } from './rule.ts'

const notNamedLikeType: Rule<StructuredType> = {
  name: 'property-not-named-like-its-type',
  section: 'EntityType',
  severity: 'warning',
  check(type, { report }) {
    const own = localName(type.name)
    for (const property of [...type.properties, ...type.navigationProperties])
      if (property.name === own) report(property, `'${own}' must not have the name of the type that declares it.`)
  },
}

const kindKept: Rule<StructuredType> = {
  name: 'inherited-property-keeps-kind',
  section: 'StructuralProperty',
  severity: 'error',
  check({ baseType, properties, navigationProperties }, { report }) {
    if (!baseType) return
    for (const property of properties)
      if (baseType.allNavigationProperties.has(property.name))
        report(property, `'${property.name}' is a navigation property of a base type.`)
    for (const property of navigationProperties)
      if (baseType.allProperties.has(property.name))
        report(property, `'${property.name}' is a structural property of a base type.`)
  },
}

const redefinition: Rule<StructuredType> = {
  name: 'redefined-property-narrows-type',
  section: 'StructuralProperty',
  severity: 'error',
  check({ baseType, properties, navigationProperties }, { report, version }) {
    if (!baseType) return
    for (const property of [...properties, ...navigationProperties]) {
      const inherited =
        property.kind === 'property'
          ? baseType.allProperties.get(property.name)
          : baseType.allNavigationProperties.get(property.name)
      if (!inherited) continue
      if (version(property) === '4.0') report(property, `OData 4.0 does not allow to redefine '${property.name}'.`)
      else if (!narrows(typeOf(property), typeOf(inherited)))
        report(property, `'${property.name}' must have a type derived from that of the base type's property.`)
    }
  },
}

const typeOf = (property: StructuredType['properties'][number] | StructuredType['navigationProperties'][number]) =>
  property.kind === 'property'
    ? { type: property.type.type, collection: property.type.collection }
    : { type: property.type, collection: property.collection }

function narrows(
  derived: { readonly type: Type; readonly collection: boolean },
  base: { readonly type: Type; readonly collection: boolean },
): boolean {
  if (base.type.name === 'Edm.Untyped') return true
  if (derived.collection !== base.collection) return false
  if (derived.type === base.type) return true
  switch (base.type.name) {
    case 'Edm.PrimitiveType':
      return derived.type.kind === 'primitive' || derived.type.kind === 'typeDefinition' || derived.type.kind === 'enum'
    case 'Edm.ComplexType':
      return derived.type.kind === 'complex'
    case 'Edm.EntityType':
      return derived.type.kind === 'entity'
    default:
      return isStructured(derived.type) && isStructured(base.type) && isSubtypeOf(derived.type, base.type)
  }
}

const isStructured = (type: Type): type is StructuredType => type.kind === 'entity' || type.kind === 'complex'

const abstractBase: Rule<EntityType> = {
  name: 'abstract-type-derives-from-abstract',
  section: 'AbstractEntityType',
  severity: 'warning',
  check(type, { report }) {
    if (type.abstract && type.baseType && !type.baseType.abstract)
      report(type, `the abstract type '${type.name}' derives from '${type.baseType.name}', which is not abstract.`)
  },
}

const openInherited: Rule<StructuredType> = {
  name: 'derived-type-of-open-type-is-open',
  section: 'OpenEntityType',
  severity: 'warning',
  check(type, { report }) {
    if (type.baseType?.open && !type.open)
      report(type, `'${type.name}' must be open too, as its base type '${type.baseType.name}' is.`)
  },
}

const streamInherited: Rule<EntityType> = {
  name: 'derived-type-of-media-type-is-media-type',
  section: 'MediaEntityType',
  severity: 'warning',
  check(type, { report }) {
    if (type.baseType?.hasStream && !type.hasStream)
      report(type, `'${type.name}' must have a stream too, as its base type '${type.baseType.name}' has.`)
  },
}

const keyRequired: Rule<EntityType> = {
  name: 'key-required',
  section: 'AbstractEntityType',
  severity: 'warning',
  check(type, { report, version }) {
    if (version(type) === '4.0' && !type.abstract && type.key.length === 0)
      report(type, `'${type.name}' is not abstract and must have a key in OData 4.0.`)
  },
}

const keyTypes: ReadonlySet<string> = new Set([
  'Edm.Boolean',
  'Edm.Byte',
  'Edm.Date',
  'Edm.DateTimeOffset',
  'Edm.Decimal',
  'Edm.Duration',
  'Edm.Guid',
  'Edm.Int16',
  'Edm.Int32',
  'Edm.Int64',
  'Edm.SByte',
  'Edm.String',
  'Edm.TimeOfDay',
])

/** The key that a type declares itself. */
const ownKey = (type: EntityType): readonly KeyProperty[] => (type.key === type.baseType?.key ? [] : type.key)

const keyType: Rule<EntityType> = {
  name: 'key-property-type',
  section: 'Key',
  severity: 'error',
  check(type, { report }) {
    for (const key of ownKey(type)) {
      const reference = key.property.type
      const primitive = primitiveOf(reference.type)?.name
      const legal = reference.type.kind === 'enum' || (primitive !== undefined && keyTypes.has(primitive))
      if (!legal || reference.collection)
        report(key, `'${key.path.join('/')}' cannot be a key property: a value of ${reference.type.name} is no key.`)
    }
  },
}

const keyNotNull: Rule<EntityType> = {
  name: 'key-property-not-nullable',
  section: 'Key',
  severity: 'error',
  check(type, { report }) {
    for (const key of ownKey(type)) {
      let current: StructuredType = type
      for (const name of key.path) {
        const property: Property | undefined = current.allProperties.get(name)
        const navigation: NavigationProperty | undefined = current.allNavigationProperties.get(name)
        if (property?.type.nullable || navigation?.nullable)
          report(key, `'${name}' is part of the key '${key.path.join('/')}' and must not be nullable.`)
        const next: Type | undefined = property?.type.type ?? navigation?.type
        if (!next || !isStructured(next)) break
        current = next
      }
    }
  },
}

const keyPathSingle: Rule<EntityType> = {
  name: 'key-path-single-valued',
  section: 'Key',
  severity: 'error',
  check(type, { report }) {
    for (const key of ownKey(type)) {
      let current: StructuredType = type
      for (const name of key.path.slice(0, -1)) {
        const property: Property | undefined = current.allProperties.get(name)
        const navigation: NavigationProperty | undefined = current.allNavigationProperties.get(name)
        if (property?.type.collection || navigation?.collection)
          report(key, `'${name}' in the key path '${key.path.join('/')}' must be single-valued.`)
        const next: Type | undefined = property?.type.type ?? navigation?.type
        if (!next || !isStructured(next)) break
        current = next
      }
    }
  },
}

const keyAlias: Rule<EntityType> = {
  name: 'key-alias',
  section: 'Key',
  severity: 'error',
  check(type, { report, written }) {
    const seen = new Set<string>()
    for (const key of ownKey(type)) {
      const alias = written(key, 'Alias')
      const path = key.path.join('/')
      if (key.path.length > 1 && alias === undefined) report(key, `the key property '${path}' must have an alias.`)
      if (key.path.length === 1 && alias !== undefined)
        report(key, `'${path}' is a property of the type itself and must not have an alias.`)
      if (alias === undefined) continue
      if (!isSimpleIdentifier(alias)) report(key, `the alias '${alias}' must be a simple identifier.`)
      if (seen.has(alias) || type.allProperties.has(alias) || type.allNavigationProperties.has(alias))
        report(key, `the alias '${alias}' is the name of something else in the type.`)
      seen.add(alias)
    }
  },
}

const finite: Rule<StructuredType> = {
  name: 'values-are-finite',
  section: 'StructuredTypes',
  severity: 'error',
  check(type, { report }) {
    for (const property of type.properties)
      if (isComplex(property.type) && isRequired(property.type) && requires(property.type.type, type, new Set()))
        report(
          property,
          `every value of '${type.name}' would contain another one: something on the way must be nullable.`,
        )
  },
}

const isComplex = ({ type }: TypeReference): boolean => type.kind === 'complex'

const isRequired = ({ nullable, collection }: TypeReference): boolean => !nullable && !collection

/** Whether each value of a type contains a value of another one. */
function requires(type: Type, wanted: StructuredType, seen: Set<Type>): boolean {
  if (type === wanted) return true
  if (type.kind !== 'complex' || seen.has(type)) return false
  seen.add(type)
  for (const property of type.allProperties.values())
    if (isRequired(property.type) && requires(property.type.type, wanted, seen)) return true
  return false
}

const collectionOfStreams: Rule<TypeUse> = {
  name: 'no-collection-of-streams',
  section: 'PrimitiveTypes',
  severity: 'error',
  check({ reference, element, name }, { report }) {
    if (reference.collection && primitiveOf(reference.type)?.name === 'Edm.Stream')
      report(element, `'${name}' cannot be a collection of streams.`)
  },
}

const collectionOfPrimitive: Rule<TypeUse> = {
  name: 'no-collection-of-edm-primitive-type',
  section: 'BuiltInAbstractTypes',
  severity: 'warning',
  check({ reference, element, name, role }, { report }) {
    if (role !== 'term' && reference.collection && reference.type.name === 'Edm.PrimitiveType')
      report(element, `'${name}' cannot be a collection of Edm.PrimitiveType.`)
  },
}

const untypedIs401: Rule<TypeUse> = {
  name: 'untyped-is-4.01',
  section: 'BuiltInAbstractTypes',
  severity: 'warning',
  check({ reference, element, name, role }, { report, version }) {
    if (role !== 'term' && reference.type.name === 'Edm.Untyped' && version(element) === '4.0')
      report(element, `'${name}' is of Edm.Untyped, which OData 4.0 does not know.`)
  },
}

const pathTypes: Rule<TypeUse> = {
  name: 'path-types-in-terms-only',
  section: 'BuiltInTypesfordefiningVocabularyTerms',
  severity: 'error',
  check({ reference, element, name, role }, { report }) {
    // Properties may be of a path type in complex types that only terms use; that is not checked.
    if ((role === 'parameter' || role === 'returnType') && /^Edm\.\w+Path$/.test(reference.type.name))
      report(element, `'${name}' cannot be of ${reference.type.name}, which is for terms.`)
  },
}

const collectionNullable: Rule<Property> = {
  name: 'collection-says-nullable',
  section: 'Nullable',
  severity: 'warning',
  check(property, { report, version, written }) {
    if (property.type.collection && version(property) === '4.01' && written(property, 'Nullable') === undefined)
      report(property, `the collection '${property.name}' must say whether its items are nullable.`)
  },
}

const containmentIn40: Rule<Property> = {
  name: 'no-containment-in-complex-collection',
  section: 'ContainmentNavigationProperty',
  severity: 'warning',
  check(property, { report, version }) {
    const { type, collection } = property.type
    if (!collection || type.kind !== 'complex' || version(property) !== '4.0') return
    for (const navigation of type.allNavigationProperties.values())
      if (navigation.containsTarget)
        report(
          property,
          `OData 4.0 has no collection of '${type.name}', which contains entities by '${navigation.name}'.`,
        )
  },
}

const defaultValueForm: Rule<Property> = {
  name: 'default-value',
  section: 'DefaultValue',
  severity: 'error',
  check(property, { report }) {
    const fault = defaultFault(property.defaultValue, property.type)
    if (fault !== undefined) report(property, `the default value of '${property.name}' ${fault}`)
  },
}

/** What is wrong with a default value, or undefined. */
export function defaultFault(written: string | undefined, { type, collection }: TypeReference): string | undefined {
  if (written === undefined) return undefined
  if (collection) return 'cannot be: it is a collection.'
  if (type.kind === 'enum')
    return isEnumValue(type, written) ? undefined : `'${written}' is no member of '${type.name}'.`
  const primitive = primitiveOf(type)?.name
  if (primitive === undefined) return type.name === 'Edm.PrimitiveType' ? undefined : 'cannot be: it is not primitive.'
  return parsePrimitive(primitive, written) === undefined ? `'${written}' is no value of ${primitive}.` : undefined
}

function isEnumValue(type: EnumType, written: string): boolean {
  const names = written.split(',').map((name) => name.trim())
  if (names.length > 1 && !type.flags) return false
  return names.every((name) => type.memberByName.has(name) || /^-?\d+$/.test(name))
}

const keyOnce: Rule<EntityType> = {
  name: 'key-property-once',
  section: 'Key',
  severity: 'error',
  check(type, { report }) {
    const seen = new Set<string>()
    for (const key of ownKey(type)) {
      const path = key.path.join('/')
      if (seen.has(path)) report(key, `'${path}' is in the key twice.`)
      seen.add(path)
    }
  },
}

const relatedKeyWhole: Rule<EntityType> = {
  name: 'key-of-related-type-is-whole',
  section: 'Key',
  severity: 'error',
  check(type, { report }) {
    const paths = new Set(ownKey(type).map(({ path }) => path.join('/')))
    for (const key of ownKey(type)) {
      const { end, at } = relatedEnd(type, key.path)
      if (end === undefined) continue
      const missing = end.key.find(({ path }) => !paths.has([...key.path.slice(0, at), ...path].join('/')))
      if (missing !== undefined)
        report(key, `'${missing.path.join('/')}' is part of the key of '${end.name}' and must be in this key too.`)
    }
  },
}

/** The type that a key path's navigation property leads to, and how many names lead there. */
function relatedEnd(type: StructuredType, path: readonly string[]): { end: EntityType | undefined; at: number } {
  let current: StructuredType | undefined = type
  for (const [i, name] of path.slice(0, -1).entries()) {
    const related: EntityType | AbstractType | undefined = current?.allNavigationProperties.get(name)?.type
    if (related?.kind === 'entity') return { end: related, at: i + 1 }
    const inner: Type | undefined = current?.allProperties.get(name)?.type.type
    current = inner !== undefined && isStructured(inner) ? inner : undefined
  }
  return { end: undefined, at: 0 }
}

const noPathTypes: Rule<EntityType> = {
  name: 'entity-holds-no-paths',
  section: 'BuiltInTypesfordefiningVocabularyTerms',
  severity: 'error',
  check(type, { report }) {
    for (const property of type.properties) {
      const found = pathTypeIn(property.type.type)
      if (found !== undefined)
        report(property, `'${property.name}' cannot hold values of ${found}, which is for terms.`)
    }
  },
}

const pathTypesIn = new WeakMap<StructuredType, string | undefined>()

/** A path type that values of a type hold, be it in complex values within. */
function pathTypeIn(type: Type): string | undefined {
  if (!isStructured(type)) return /^Edm\.\w+Path$/.test(type.name) ? type.name : undefined
  if (pathTypesIn.has(type)) return pathTypesIn.get(type)
  pathTypesIn.set(type, undefined)
  let found: string | undefined
  for (const property of type.allProperties.values()) found ??= pathTypeIn(property.type.type)
  pathTypesIn.set(type, found)
  return found
}

const streamParameter: Rule<TypeUse> = {
  name: 'no-stream-parameters',
  section: 'PrimitiveTypes',
  severity: 'warning',
  check({ reference, element, name, role }, { report }) {
    if (role === 'parameter' && primitiveOf(reference.type)?.name === 'Edm.Stream')
      report(element, `the parameter '${name}' cannot be a stream.`)
  },
}

const defaultWithinLength: Rule<Property> = {
  name: 'default-value-within-max-length',
  section: 'DefaultValue',
  severity: 'warning',
  check(property, { report }) {
    const { defaultValue, type } = property
    const { maxLength } = type.type.kind === 'typeDefinition' ? { ...type.type.facets, ...type.facets } : type.facets
    if (defaultValue === undefined || typeof maxLength !== 'number' || primitiveOf(type.type)?.name !== 'Edm.String')
      return
    if ([...defaultValue].length > maxLength)
      report(property, `the default value of '${property.name}' is longer than ${maxLength} characters.`)
  },
}

export const typeRules = {
  structured: [notNamedLikeType, kindKept, redefinition, openInherited, finite],
  entity: [
    abstractBase,
    streamInherited,
    keyRequired,
    keyType,
    keyNotNull,
    keyPathSingle,
    keyAlias,
    keyOnce,
    relatedKeyWhole,
    noPathTypes,
  ],
  property: [collectionNullable, containmentIn40, defaultValueForm, defaultWithinLength],
  typeUse: [collectionOfStreams, collectionOfPrimitive, untypedIs401, pathTypes, streamParameter],
} as const
