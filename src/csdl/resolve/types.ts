import type {
  AbstractType,
  ComplexType,
  EntityType,
  EnumMember,
  EnumType,
  NamedType,
  NavigationProperty,
  PrimitiveType,
  Property,
  ReferentialConstraint,
  StructuredType,
  Type,
  TypeDefinition,
} from '../../edm/model.ts'
import type { Declaration } from '../declaration.ts'
import { annotationsOf } from './expressions.ts'
import { resolveKey } from './keys.ts'
import { builtIn, childrenOf, type Draft, type Linker, none, type SchemaDeclaration } from './linker.ts'

const noProperties: ReadonlyMap<string, Property> = new Map()
const noNavigation: ReadonlyMap<string, NavigationProperty> = new Map()

/**
 * Enters the named types of a schema with nothing but their names, so that all others can refer to them.
 * @returns the types in document order
 */
export function declareTypes(linker: Linker, schema: SchemaDeclaration): NamedType[] {
  const types: NamedType[] = []
  for (const declaration of schema.declaration.children) {
    const type = draftOf(declaration, `${schema.namespace}.${declaration.attributes.Name ?? ''}`, linker)
    if (!type) continue
    linker.add(type, declaration)
    if (linker.types.has(type.name)) {
      linker.problems.report(declaration, 'name-unique-in-schema', `'${type.name}' is declared twice.`)
      continue
    }
    linker.types.set(type.name, type)
    types.push(type)
  }
  return types
}

function draftOf(declaration: Declaration, name: string, linker: Linker): NamedType | undefined {
  const annotations = none
  switch (declaration.name) {
    case 'EntityType':
    case 'ComplexType': {
      const common = {
        name,
        annotations,
        abstract: linker.flag(declaration, 'Abstract') ?? false,
        open: linker.flag(declaration, 'OpenType') ?? false,
        properties: none,
        navigationProperties: none,
        allProperties: noProperties,
        allNavigationProperties: noNavigation,
        derivedTypes: none,
        baseType: undefined,
      }
      return declaration.name === 'ComplexType'
        ? { kind: 'complex', ...common }
        : { kind: 'entity', ...common, hasStream: linker.flag(declaration, 'HasStream') ?? false, key: none }
    }
    case 'EnumType':
      return {
        kind: 'enum',
        name,
        annotations,
        underlying: underlyingInteger(declaration, linker),
        flags: linker.flag(declaration, 'IsFlags') ?? false,
        members: none,
        memberByName: new Map(),
      }
    case 'TypeDefinition':
      return {
        kind: 'typeDefinition',
        name,
        annotations,
        underlying: underlyingPrimitive(declaration, linker),
        facets: linker.facets(declaration),
      }
    default:
      return undefined
  }
}

const integerTypes: ReadonlySet<string> = new Set(['Edm.Byte', 'Edm.SByte', 'Edm.Int16', 'Edm.Int32', 'Edm.Int64'])

function underlyingInteger(declaration: Declaration, linker: Linker): PrimitiveType {
  const written = declaration.attributes.UnderlyingType ?? 'Edm.Int32'
  const type = integerTypes.has(written) ? builtIn(written) : undefined
  if (type?.kind === 'primitive') return type
  linker.problems.report(
    declaration,
    'enum-underlying-type',
    `'${written}' cannot underlie an enumeration; Edm.Byte, SByte, Int16, Int32 and Int64 can.`,
  )
  return builtIn('Edm.Int64') as PrimitiveType
}

function underlyingPrimitive(declaration: Declaration, linker: Linker): PrimitiveType | AbstractType {
  const written = declaration.attributes.UnderlyingType ?? ''
  const type = builtIn(written)
  const legal = type?.kind === 'primitive' || type?.name === 'Edm.PrimitiveType'
  if (type && legal) return type
  if (written !== '')
    linker.problems.report(
      declaration,
      'type-definition-underlying',
      `'${written}' cannot underlie a type definition; only a primitive type can.`,
    )
  return builtIn('Edm.String') as PrimitiveType
}

/** Sets the base type of each structured type and finds cycles; the derived types of each follow in `linkInheritance`. */
export function resolveBaseTypes(linker: Linker): void {
  for (const type of linker.types.values()) {
    if (type.kind !== 'entity' && type.kind !== 'complex') continue
    const declaration = originOf(linker, type)
    const written = declaration.attributes.BaseType
    if (written === undefined) continue
    const base = linker.findType(written, declaration)
    if (base === undefined)
      linker.problems.report(declaration, 'base-type-resolved', linker.unresolved(written, kindName(type), declaration))
    else if (base.kind !== type.kind)
      linker.problems.report(
        declaration,
        'base-type-resolved',
        `'${written}' cannot be the base type: it must be ${kindName(type)} of a schema.`,
      )
    else (type as Draft<StructuredType>).baseType = base
  }
  for (const type of linker.types.values()) {
    if (type.kind !== 'entity' && type.kind !== 'complex') continue
    const seen = new Set<StructuredType>([type])
    for (let base: StructuredType | undefined = type.baseType; base !== undefined; base = base.baseType) {
      if (base === type) {
        linker.problems.report(
          originOf(linker, type),
          'inheritance-cycle',
          `'${type.name}' derives from itself, through ${[...seen].map(({ name }) => `'${name}'`).join(', ')}.`,
        )
        ;(type as Draft<StructuredType>).baseType = undefined
        break
      }
      if (seen.has(base)) break
      seen.add(base)
    }
  }
}

const kindName = (type: StructuredType): string => (type.kind === 'entity' ? 'an entity type' : 'a complex type')

export function originOf(linker: Linker, element: object): Declaration {
  const declaration = linker.origins.get(element)
  if (!declaration) throw new Error('an element without its declaration')
  return declaration
}

/** Fills in all that the types hold: members, keys, enumeration members, annotations. Base types come first. */
export function fillTypes(linker: Linker): void {
  const filled = new Set<StructuredType>()
  const fill = (type: StructuredType): void => {
    if (filled.has(type)) return
    filled.add(type)
    if (type.baseType) fill(type.baseType)
    fillStructured(linker, type)
  }
  const derived = new Map<StructuredType, StructuredType[]>()
  for (const type of linker.types.values()) {
    if (type.kind === 'entity' || type.kind === 'complex') {
      fill(type)
      for (let base = type.baseType; base !== undefined; base = base.baseType) {
        const list = derived.get(base)
        if (list) list.push(type)
        else derived.set(base, [type])
      }
    } else if (type.kind === 'enum') fillEnum(linker, type)
    else (type as Draft<TypeDefinition>).annotations = annotationsOf(linker, originOf(linker, type))
  }
  for (const [type, list] of derived) (type as { derivedTypes: readonly StructuredType[] }).derivedTypes = list
  for (const type of filled) if (type.kind === 'entity') resolveKeyOf(linker, type, new Set())
}

function resolveKeyOf(linker: Linker, type: EntityType, done: Set<EntityType>): void {
  if (type.key.length > 0 || done.has(type)) return
  done.add(type)
  if (type.baseType) resolveKeyOf(linker, type.baseType, done)
  ;(type as Draft<EntityType>).key = resolveKey(linker, type)
}

function fillStructured(linker: Linker, type: EntityType | ComplexType): void {
  const declaration = originOf(linker, type)
  const properties: Property[] = []
  const navigation: NavigationProperty[] = []
  const names = new Set<string>()
  for (const child of declaration.children) {
    if (child.name !== 'Property' && child.name !== 'NavigationProperty') continue
    const name = child.attributes.Name ?? ''
    if (names.has(name)) {
      linker.problems.report(child, 'property-name-unique', `'${type.name}' has two properties '${name}'.`)
      continue
    }
    names.add(name)
    if (child.name === 'Property') properties.push(propertyOf(linker, child, type))
    else navigation.push(navigationOf(linker, child, type))
  }
  const draft = type as Draft<StructuredType>
  draft.annotations = annotationsOf(linker, declaration)
  if (properties.length > 0) draft.properties = properties
  if (navigation.length > 0) draft.navigationProperties = navigation
  draft.allProperties = joined(type.baseType?.allProperties ?? noProperties, properties)
  draft.allNavigationProperties = joined(type.baseType?.allNavigationProperties ?? noNavigation, navigation)
}

/** Inherited and own members by name; the inherited map itself where there is nothing to add. */
function joined<T extends { readonly name: string }>(
  inherited: ReadonlyMap<string, T>,
  own: readonly T[],
): ReadonlyMap<string, T> {
  if (own.length === 0) return inherited
  const all = new Map(inherited)
  for (const member of own) all.set(member.name, member)
  return all
}

function propertyOf(linker: Linker, declaration: Declaration, declaringType: StructuredType): Property {
  const type = linker.typeReference(declaration)
  if (type.type.kind === 'entity' || type.type.name === 'Edm.EntityType')
    linker.problems.report(
      declaration,
      'property-type',
      `'${declaration.attributes.Name}' is a structural property and cannot be of entity type '${type.type.name}'.`,
    )
  return linker.add<Property>(
    {
      kind: 'property',
      name: declaration.attributes.Name ?? '',
      type,
      defaultValue: declaration.attributes.DefaultValue,
      annotations: annotationsOf(linker, declaration),
      declaringType,
    },
    declaration,
  )
}

const onDeleteActions = ['Cascade', 'None', 'SetNull', 'SetDefault'] as const

function navigationOf(linker: Linker, declaration: Declaration, declaringType: StructuredType): NavigationProperty {
  const { attributes } = declaration
  const reference = linker.typeReference(declaration)
  const type = navigationType(linker, declaration, reference.type)
  const scope = linker.scopeOf(declaration)
  const deletes = childrenOf(declaration, 'OnDelete')
  if (deletes.length > 1)
    linker.problems.report(declaration, 'child-once', `'NavigationProperty' may contain one 'OnDelete' only.`)
  const action = onDeleteActions.find((candidate) => candidate === deletes[0]?.attributes.Action)
  if (deletes[0]?.attributes.Action !== undefined && action === undefined)
    linker.problems.report(
      deletes[0],
      'attribute-value',
      `'Action' must be one of ${onDeleteActions.join(', ')}, not '${deletes[0].attributes.Action}'.`,
    )
  const constraints = childrenOf(declaration, 'ReferentialConstraint')
  return linker.add<NavigationProperty>(
    {
      kind: 'navigationProperty',
      name: attributes.Name ?? '',
      type,
      collection: reference.collection,
      nullable: reference.collection ? false : reference.nullable,
      containsTarget: linker.flag(declaration, 'ContainsTarget') ?? false,
      partner: attributes.Partner === undefined ? undefined : scope.resolvePath(attributes.Partner),
      referentialConstraints:
        constraints.length === 0
          ? none
          : constraints.map(
              (child): ReferentialConstraint =>
                linker.add(
                  {
                    property: scope.resolvePath(child.attributes.Property ?? ''),
                    referencedProperty: scope.resolvePath(child.attributes.ReferencedProperty ?? ''),
                    annotations: annotationsOf(linker, child),
                  },
                  child,
                ),
            ),
      onDelete: action,
      onDeleteAnnotations: deletes[0] ? annotationsOf(linker, deletes[0]) : none,
      annotations: annotationsOf(linker, declaration),
      declaringType,
    },
    declaration,
  )
}

function navigationType(linker: Linker, declaration: Declaration, type: Type): EntityType | AbstractType {
  if (type.kind === 'entity') return type
  const written = declaration.attributes.Type
  // An unresolved name has been reported already and stands as Edm.Untyped here.
  if (type.name !== 'Edm.EntityType' && (type.name !== 'Edm.Untyped' || written === 'Edm.Untyped'))
    linker.problems.report(
      declaration,
      'navigation-type',
      `'${declaration.attributes.Name}' must be of an entity type; '${type.name}' is none.`,
    )
  return builtIn('Edm.EntityType') as AbstractType
}

function fillEnum(linker: Linker, type: EnumType): void {
  const declaration = originOf(linker, type)
  const declared = childrenOf(declaration, 'Member')
  if (declared.length === 0)
    linker.problems.report(declaration, 'enum-has-members', `the enumeration '${type.name}' must have a member.`)
  const withValue = declared.filter((child) => child.attributes.Value !== undefined).length
  if (type.flags) {
    if (withValue < declared.length)
      linker.problems.report(declaration, 'enum-flags-value', `each member of '${type.name}' must have a 'Value'.`)
  } else if (withValue > 0 && withValue < declared.length)
    linker.problems.report(
      declaration,
      'enum-values-all-or-none',
      `either all members of '${type.name}' have a 'Value' or none.`,
    )
  const members: EnumMember[] = []
  const byName = new Map<string, EnumMember>()
  for (const child of declared) {
    const name = child.attributes.Name ?? ''
    if (byName.has(name)) {
      linker.problems.report(child, 'enum-member-unique', `'${type.name}' has two members '${name}'.`)
      continue
    }
    const member = linker.add(
      { name, value: memberValue(linker, child, members.length), annotations: annotationsOf(linker, child) },
      child,
    )
    members.push(member)
    byName.set(name, member)
  }
  const draft = type as Draft<EnumType>
  draft.members = members
  draft.memberByName = byName
  draft.annotations = annotationsOf(linker, declaration)
}

function memberValue(linker: Linker, declaration: Declaration, index: number): bigint {
  const written = declaration.attributes.Value
  if (written === undefined) return BigInt(index)
  if (/^[-+]?\d{1,20}$/.test(written)) return BigInt(written.replace('+', ''))
  linker.problems.report(declaration, 'attribute-value', `'Value' must be an integer, not '${written}'.`)
  return BigInt(index)
}
