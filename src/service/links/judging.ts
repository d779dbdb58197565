import type { NavigationProperty } from '../../edm/model.ts'
import type { PrimitiveValue } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { equalValues } from '../../eval/values.ts'
import { countedAtMost, countFault } from '../../payload/validation/property-checks.ts'
import { itemsOfRules } from '../../payload/validation/relation-rules.ts'
import type { Linking } from '../../plan/linking.ts'
import { type Acting, fullIdentity, readAgain, type StoredEntity, typeOf, valueAt } from './entity.ts'
import { relatedTo } from './link.ts'
import { linkingTo, seeingAll } from './noting.ts'
import { containedAt, pathOf } from './removal.ts'

/**
 * Holds relations to MinItems, MaxItems and ItemsOf (Org.OData.Validation.V1): what a request touches is noted (noting.ts), and judged once all
 * of it is written, in its transaction, over all that is stored.
 */

/**
 * Judges what was noted.
 * @param removing the request is a deletion: it is in conflict with what others need
 * @throws ODataError valueInvalid, or conflict
 */
export async function judgeTouched(acting: Acting, removing = false): Promise<void> {
  const { touched } = acting
  if (touched === undefined) return
  const all = seeingAll(acting)
  const refuse = (message: string, target: string): never => {
    throw new ODataError(removing ? 'conflict' : 'valueInvalid', message, { target })
  }
  for (const { root, path } of touched.contained)
    await judgeCount(root.property, (atMost) => containedAt(all, root, path, undefined, atMost), refuse)
  for (const { entity, linkings } of touched.entities) {
    const now = await readAgain(all, entity)
    if (now === undefined) continue
    for (const linking of linkings)
      if (linking.property.collection)
        await judgeCount(linking.property, (atMost) => relatedOf(all, now, linking, atMost), refuse)
    await judgeItemsOf(all, now, new Set(linkings.map(({ property }) => property)), refuse)
  }
}

type Refuse = (message: string, target: string) => never

/** @param read no more than so many of the related entities */
async function judgeCount(
  property: NavigationProperty,
  read: (atMost: number) => Promise<readonly StoredEntity[]>,
  refuse: Refuse,
): Promise<void> {
  const enough = countedAtMost(property)
  if (enough === 0) return
  const fault = countFault(property, (await read(enough)).length, true)
  if (fault !== undefined) refuse(`The collection ${property.name} ${fault}.`, property.name)
}

async function judgeItemsOf(
  acting: Acting,
  entity: StoredEntity,
  touched: ReadonlySet<NavigationProperty>,
  refuse: Refuse,
): Promise<void> {
  const { core } = acting
  for (const { path, target } of itemsOfRules(typeOf(core, entity))) {
    if (!touched.has(path) && !touched.has(target)) continue
    const [some, of] = [linkingTo(core, entity, path), linkingTo(core, entity, target)]
    if (some === undefined || of === undefined) continue
    const parts = await relatedOf(acting, entity, some)
    if (parts.length === 0) continue
    if (!(await areAmong(acting, entity, of, parts)))
      refuse(
        `What '${path.name}' leads to, '${target.name}' must lead to, too (Validation.ItemsOf).`,
        touched.has(path) ? path.name : target.name,
      )
  }
}

/** Whether some entities are among those that a property leads to. Foreign keys say so by themselves, however many there are. */
async function areAmong(
  acting: Acting,
  entity: StoredEntity,
  of: Linking,
  parts: readonly StoredEntity[],
): Promise<boolean> {
  const { core } = acting
  if (of.kind === 'principal')
    return parts.every(
      (part) =>
        part.root === of.root &&
        of.pairs.every(({ from, to }) => {
          const [own, key] = [valueAt(core, part, to), valueAt(core, entity, from)]
          return own !== null && key !== null && equalValues(own as PrimitiveValue, key as PrimitiveValue)
        }),
    )
  const whole = new Set((await relatedOf(acting, entity, of)).map((each) => fullIdentity(core, each)))
  return parts.every((each) => whole.has(fullIdentity(core, each)))
}

function relatedOf(
  acting: Acting,
  entity: StoredEntity,
  linking: Linking,
  atMost?: number,
): Promise<readonly StoredEntity[]> {
  if (linking.kind !== 'contained') return relatedTo(acting, entity, linking, atMost)
  const path = pathOf(acting.core, entity, linking)
  return containedAt(acting, linking.root, path, linking.place, atMost)
}
