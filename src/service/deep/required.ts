import type { NavigationProperty, Property, StructuredType } from '../../edm/model.ts'
import { isStructuredValue, type StructuredValue } from '../../edm/value.ts'
import type { Faults } from '../../payload/faults.ts'
import type { RelatedMember } from '../../payload/related-body.ts'
import { knownLinking } from '../../plan/linking.ts'
import type { NestingPlace } from '../../plan/nested.ts'
import type { Core } from '../core.ts'

/** What a new entity is related to by where it is created: the URL's navigation property, or the one that nests it. */
export interface CreatedBy {
  readonly partner: NavigationProperty | undefined
  /** foreign keys that are known */
  readonly given: ReadonlySet<string>
}

/** A navigation property that must lead to an entity which does not come by itself. */
interface Required {
  readonly property: NavigationProperty
  /** first steps to its foreign keys in the entity; of a relation without them none */
  readonly foreign: readonly (Property | undefined)[]
}

const required = new WeakMap<NestingPlace, Map<string, readonly Required[]>>()

/** @param via complex properties from the entity to the value of the type */
function requiredOf(
  core: Core,
  where: NestingPlace,
  via: readonly Property[],
  type: StructuredType,
): readonly Required[] {
  let byPath = required.get(where)
  if (byPath === undefined) {
    byPath = new Map()
    required.set(where, byPath)
  }
  const path = [...via.map(({ declaringType, name }) => `${declaringType.name}/${name}`), type.name].join('/')
  let found = byPath.get(path)
  if (found === undefined) {
    const steps = via.map((step) => ({ kind: 'property', property: step }) as const)
    // undefined: nothing says where the entities are, so that none could be given
    found = [...type.allNavigationProperties.values()].flatMap((property) => {
      if (property.collection || property.nullable || leadsToOwner(property)) return []
      const linking = knownLinking(core.model, where.root, where.place, steps, property)
      if (linking === undefined || linking.kind === 'contained' || linking.root.kind === 'singleton') return []
      return [{ property, foreign: linking.kind === 'dependent' ? linking.pairs.map(({ from }) => from[0]) : [] }]
    })
    byPath.set(path, found)
  }
  return found
}

/** Whether a property is the way back from what an entity contains: where the entity stands says what it leads to. */
function leadsToOwner({ partner, type }: NavigationProperty): boolean {
  return (
    partner !== undefined &&
    type.kind === 'entity' &&
    type.allNavigationProperties.get(partner)?.containsTarget === true
  )
}

/**
 * Holds a new entity to its navigation properties that must lead to an entity (CSDL 8.3 `Nullable`; Protocol 11.4.1.4, 11.4.2.1: an entity is
 * never created without), of single complex values in it, too. What is contained comes with the entity or later, as the only way to it is by way of
 * the entity.
 * @param at path of the entity in the body
 */
export function checkRequired(
  core: Core,
  where: NestingPlace,
  value: StructuredValue,
  related: readonly RelatedMember[],
  by: CreatedBy,
  at: string,
  faults: Faults,
  via: readonly Property[] = [],
): void {
  const path = via.map(({ name }) => name).join('/')
  const given = via.length === 0 ? by.given : none
  for (const { property, foreign } of requiredOf(core, where, via, value.type)) {
    if (property === by.partner) continue
    if (related.some((member) => member.property === property && member.via === path && member.items.length > 0))
      continue
    // a foreign key that must have a value is missed by itself
    const known = foreign.every(
      (first) =>
        first !== undefined && (given.has(first.name) || !first.type.nullable || value.members.get(first.name) != null),
    )
    if (foreign.length > 0 && known) continue
    const target = [at, path, property.name].filter((text) => text !== '').join('/')
    const what = path === '' ? 'The entity' : `The value of ${path}`
    faults.add('propertyRequired', `${what} must be related to one by '${property.name}'.`, target)
  }
  for (const [name, member] of value.members) {
    const property = value.type.allProperties.get(name)
    if (property?.type.type.kind === 'complex' && isStructuredValue(member))
      checkRequired(core, where, member, related, by, at, faults, [...via, property])
  }
}

const none: ReadonlySet<string> = new Set()
