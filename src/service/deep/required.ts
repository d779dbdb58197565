import type { NavigationProperty, Property, StructuredType } from '../../edm/model.ts'
import type { StructuredValue } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import type { Faults } from '../../payload/faults.ts'
import type { RelatedMember } from '../../payload/related-body.ts'
import { type Linking, linkingOf } from '../../plan/linking.ts'
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

const required = new WeakMap<NestingPlace, Map<StructuredType, readonly Required[]>>()

function requiredOf(core: Core, where: NestingPlace, type: StructuredType): readonly Required[] {
  let byType = required.get(where)
  if (byType === undefined) {
    byType = new Map()
    required.set(where, byType)
  }
  let found = byType.get(type)
  if (found === undefined) {
    found = [...type.allNavigationProperties.values()].flatMap((property) => {
      if (property.collection || property.nullable || leadsToOwner(property)) return []
      const linking = linkingTo(core, where, property)
      if (linking === undefined || linking.kind === 'contained' || linking.root.kind === 'singleton') return []
      return [{ property, foreign: linking.kind === 'dependent' ? linking.pairs.map(({ from }) => from[0]) : [] }]
    })
    byType.set(type, found)
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
 * never created without). What is contained comes with the entity or later, as the only way to it is by way of the entity.
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
): void {
  for (const { property, foreign } of requiredOf(core, where, value.type)) {
    if (property === by.partner) continue
    if (related.some((member) => member.property === property && member.via === '' && member.items.length > 0)) continue
    // a foreign key that must have a value is missed by itself
    const known = foreign.every(
      (first) =>
        first !== undefined &&
        (by.given.has(first.name) || !first.type.nullable || value.members.get(first.name) != null),
    )
    if (foreign.length > 0 && known) continue
    const target = at === '' ? property.name : `${at}/${property.name}`
    faults.add('propertyRequired', `The entity must be related to one by '${property.name}'.`, target)
  }
}

/** undefined: nothing says where the entities are, so that none could be given */
function linkingTo(core: Core, { root, place }: NestingPlace, property: NavigationProperty): Linking | undefined {
  try {
    return linkingOf(core.model, root, place, [], property)
  } catch (error) {
    if (error instanceof ODataError && error.code === 'notImplemented') return undefined
    throw error
  }
}
