import type { EntityType, KeyProperty, Property, StructuredType, Type } from '../../edm/model.ts'
import type { Declaration } from '../declaration.ts'
import { childrenOf, type Linker, none } from './linker.ts'

/**
 * The key of an entity type, its own or its base type's (CSDL XML 6.5).
 * @returns no key where none is declared
 */
export function resolveKey(linker: Linker, type: EntityType): readonly KeyProperty[] {
  const declaration = linker.origins.get(type)
  const keys = declaration ? childrenOf(declaration, 'Key') : none
  const inherited = type.baseType?.key ?? none
  const own = keys[0]
  if (!own) return inherited
  if (keys.length > 1) linker.problems.report(own, 'child-once', `'${type.name}' may contain one 'Key' only.`)
  if (inherited.length > 0) {
    linker.problems.report(own, 'key-declared-once', `'${type.name}' inherits a key and must not declare another.`)
    return inherited
  }
  const references = childrenOf(own, 'PropertyRef')
  if (references.length === 0) linker.problems.report(own, 'child-required', 'a key must have at least one property.')
  return references.flatMap((reference) => {
    const key = keyProperty(linker, type, reference)
    return key ? [key] : []
  })
}

function keyProperty(linker: Linker, type: EntityType, reference: Declaration): KeyProperty | undefined {
  const written = reference.attributes.Name ?? ''
  const path = written.split('/')
  const property = propertyAt(type, path)
  if (!property) {
    linker.problems.report(
      reference,
      'key-property-resolved',
      `'${written}' is not the path of a structural property of '${type.name}'.`,
    )
    return undefined
  }
  return linker.add({ path, alias: reference.attributes.Alias ?? path.join('_'), property }, reference)
}

/** Follows a path of single-valued complex and navigation properties to a structural property. */
function propertyAt(type: EntityType, path: readonly string[]): Property | undefined {
  let current: StructuredType = type
  for (const [index, name] of path.entries()) {
    const property: Property | undefined = current.allProperties.get(name)
    if (index === path.length - 1) return property
    const next: Type | undefined = property?.type.type ?? current.allNavigationProperties.get(name)?.type
    if (next?.kind !== 'complex' && next?.kind !== 'entity') return undefined
    current = next
  }
  return undefined
}
