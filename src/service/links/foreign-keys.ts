import type { Place } from '../../bind/binding-targets.ts'
import type { Parameters } from '../../bind/tree.ts'
import type { EntityType, Property } from '../../edm/model.ts'
import type { PrimitiveValue, StructuredValue } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { equalValues } from '../../eval/values.ts'
import { defaultOf } from '../../payload/read-structured.ts'
import { knownLinking, type Linked } from '../../plan/linking.ts'
import type { SourceRoot } from '../../plan/plan.ts'
import { sessionLike } from '../../store/session.ts'
import { type Core, contextOf } from '../core.ts'
import { type Acting, plansOfRow } from './entity.ts'

/** Foreign keys that a body says as data (Protocol 11.4.3): the entity that they lead to must be there. */

/** A navigation property of a type by foreign keys of its own to the whole key of another set. */
interface Leading {
  readonly linking: Linked
  /** foreign key properties, in the order of the key */
  readonly from: readonly Property[]
}

const leadings = new WeakMap<SourceRoot, Map<EntityType, readonly Leading[]>>()

function leadingOf(core: Core, root: SourceRoot, place: Place, type: EntityType): readonly Leading[] {
  let byType = leadings.get(root)
  if (byType === undefined) {
    byType = new Map()
    leadings.set(root, byType)
  }
  let found = byType.get(type)
  if (found === undefined) {
    found = [...type.allNavigationProperties.values()].flatMap((property) => {
      if (property.referentialConstraints.length === 0 || property.collection) return []
      const linking = knownLinking(core.model, root, place, [], property)
      if (linking?.kind !== 'dependent' || linking.root.kind !== 'entitySet') return []
      const from = linking.root.type.key.flatMap(({ path, property: part }) => {
        const pair = linking.pairs.find(({ to }) => path.length === 1 && to.length === 1 && to[0] === part)
        return pair?.from.length === 1 ? pair.from : []
      })
      return from.length === linking.root.type.key.length && from.length > 0 ? [{ linking, from }] : []
    })
    byType.set(type, found)
  }
  return found
}

/**
 * Looks up what the foreign keys in a body lead to, by the eyes of the caller. Defaults of the model, and a key of which only a part is
 * said, are not looked up.
 * @param related names of navigation properties that the body relates: those go before their foreign keys
 * @param at path of the entity in the body
 * @returns names of the navigation properties whose entity is there
 * @throws ODataError valueInvalid where an entity is not there
 */
export async function checkForeignKeys(
  acting: Acting,
  root: SourceRoot,
  place: Place,
  { type, members }: StructuredValue,
  related: ReadonlySet<string>,
  at = '',
): Promise<readonly string[]> {
  const { core } = acting
  const found: string[] = []
  if (!core.lookUpForeignKeys || type.kind !== 'entity') return found
  for (const { linking, from } of leadingOf(core, root, place, type)) {
    if (related.has(linking.property.name)) continue
    const values = from.map(({ name }) => members.get(name) ?? null)
    if (values.some((value) => value === null) || from.every(isDefault)) continue
    const parameters = values as readonly PrimitiveValue[]
    if (await isThere(acting, linking.root, parameters)) {
      found.push(linking.property.name)
      continue
    }
    const name = from.map((property) => property.name).join(', ')
    throw new ODataError(
      'valueInvalid',
      `There is no entity in '${linking.root.name}' that ${name} leads to (${linking.property.name}).`,
      { target: at === '' ? name : `${at}/${name}` },
    )
  }
  return found

  function isDefault(property: Property): boolean {
    const standard = defaultOf(property)
    const value = members.get(property.name)
    return standard != null && value != null && equalValues(standard as PrimitiveValue, value as PrimitiveValue)
  }
}

/** Whether there is an entity with a key, for this caller. What others delete meanwhile is looked for once the change stands (late.ts). */
async function isThere({ core, exchange }: Acting, root: SourceRoot, key: Parameters): Promise<boolean> {
  const { controller, context } = contextOf(core, exchange, plansOfRow(core, root).read, key)
  const { session } = context
  const glancing = session.transaction === undefined ? session : sessionLike(session, { glance: true })
  return (await controller.read({ ...context, session: glancing })) !== undefined
}
