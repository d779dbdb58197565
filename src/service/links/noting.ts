import { isContained } from '../../bind/binding-targets.ts'
import type { NavigationProperty } from '../../edm/model.ts'
import { isRuled } from '../../payload/validation/relation-rules.ts'
import { knownLinking, type Linking } from '../../plan/linking.ts'
import type { SourceRoot } from '../../plan/plan.ts'
import { partnerOf } from '../../plan/relation.ts'
import type { Core } from '../core.ts'
import { allRows } from '../row-filter.ts'
import { type Acting, ownerOf, type StoredEntity, typeOf } from './entity.ts'
import { backOf, relatedTo } from './link.ts'

/** What a write does to relations that the model has rules of (MinItems, MaxItems, ItemsOf) is noted, to be judged at its end (judging.ts). */

/** What writing an entity of a root may break. */
interface Concern {
  /** rules of its own relations */
  readonly own: boolean
  /** rules of those that it belongs to: by a foreign key, or by containment */
  readonly owners: boolean
}

const concerns = new WeakMap<SourceRoot, Concern>()

/** Whether writing an entity of a root may break a rule. */
export function concernOf({ model }: Core, root: SourceRoot): Concern {
  let found = concerns.get(root)
  if (found === undefined) {
    const properties = [root.type, ...root.type.derivedTypes].flatMap((type) => [
      ...type.allNavigationProperties.values(),
    ])
    found = {
      own: properties.some(isRuled),
      owners:
        (root.kind === 'contained' && isRuled(root.property)) ||
        properties.some((property) => dependsOn(property) !== undefined && !isContained(model, property)),
    }
    concerns.set(root, found)
  }
  return found
}

/** The partner, with rules, of a property with a foreign key. */
function dependsOn(property: NavigationProperty): NavigationProperty | undefined {
  if (property.collection || property.referentialConstraints.length === 0) return undefined
  const partner = partnerOf(property)
  return partner !== undefined && isRuled(partner) ? partner : undefined
}

/** Notes a new entity: all of its relations. */
export function noteNew(acting: Acting, entity: StoredEntity): void {
  const { touched, core } = acting
  if (touched === undefined || !concernOf(core, entity.root).own) return
  for (const property of typeOf(core, entity).allNavigationProperties.values())
    if (isRuled(property)) {
      const linking = linkingTo(core, entity, property)
      if (linking !== undefined) touched.add(core, entity, linking)
    }
}

/** Notes the entities that one belongs to, as it is then: before a change, and after it. */
export async function noteOwners(acting: Acting, entity: StoredEntity): Promise<void> {
  const { touched, core } = acting
  if (touched === undefined || !concernOf(core, entity.root).owners) return
  if (entity.root.kind === 'contained' && isRuled(entity.root.property))
    touched.addContained(entity.root, ownerOf(entity.row))
  for (const property of typeOf(core, entity).allNavigationProperties.values()) {
    if (dependsOn(property) === undefined) continue
    const linking = linkingTo(core, entity, property)
    if (linking?.kind !== 'dependent' || linking.partner === undefined) continue
    const { root, place, partner } = linking
    for (const owner of await relatedTo(seeingAll(acting), entity, linking))
      touched.add(core, owner, backOf(acting, { root, place, partner }))
  }
}

/** How a navigation property of an entity is written; undefined where it cannot be followed, and so relates nothing. */
export function linkingTo(
  { model }: Core,
  { root, place }: StoredEntity,
  property: NavigationProperty,
): Linking | undefined {
  return knownLinking(model, root, place, [], property)
}

/** The rules hold for all that is stored, whoever may see it. */
export function seeingAll(acting: Acting): Acting {
  return { ...acting, exchange: allRows(acting.exchange) }
}
