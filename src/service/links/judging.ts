import type { NavigationProperty } from '../../edm/model.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { countFault } from '../../payload/validation/property-checks.ts'
import { itemsOfRules } from '../../payload/validation/relation-rules.ts'
import type { Linking } from '../../plan/linking.ts'
import { type Acting, fullIdentity, readAgain, type StoredEntity, typeOf } from './entity.ts'
import { relatedTo } from './link.ts'
import { linkingTo, seeingAll } from './noting.ts'
import { containedAt, containedIn } from './removal.ts'

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
    judgeCount(root.property, (await containedAt(all, root, path)).length, refuse)
  for (const { entity, linkings } of touched.entities) {
    const now = await readAgain(all, entity)
    if (now === undefined) continue
    for (const linking of linkings) {
      if (linking.property.collection) {
        const related = await relatedOf(all, now, linking)
        judgeCount(linking.property, related.length, refuse)
      }
    }
    await judgeItemsOf(all, now, new Set(linkings.map(({ property }) => property)), refuse)
  }
}

type Refuse = (message: string, target: string) => never

function judgeCount(property: NavigationProperty, count: number, refuse: Refuse): void {
  const fault = countFault(property, count, true)
  if (fault !== undefined) refuse(`The collection ${property.name} ${fault}; it would have ${count}.`, property.name)
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
    const whole = new Set((await relatedOf(acting, entity, of)).map((each) => fullIdentity(core, each)))
    if (parts.some((each) => !whole.has(fullIdentity(core, each))))
      refuse(
        `What '${path.name}' leads to, '${target.name}' must lead to, too (Validation.ItemsOf).`,
        touched.has(path) ? path.name : target.name,
      )
  }
}

function relatedOf(acting: Acting, entity: StoredEntity, linking: Linking): Promise<readonly StoredEntity[]> {
  return linking.kind === 'contained' ? containedIn(acting, entity, linking) : relatedTo(acting, entity, linking)
}
