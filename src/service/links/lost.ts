import { isContained } from '../../bind/binding-targets.ts'
import { typeOfDocument } from '../../bson/decode.ts'
import { fieldPathOf } from '../../bson/field-path.ts'
import { bsonType, elementType, findPath, valueOffset } from '../../bson/reader.ts'
import type { Property, StructuredType } from '../../edm/model.ts'
import { isStructuredValue, type StructuredValue } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { navigationsOf, type ReachedNavigation } from '../../plan/complex-navigation.ts'
import { knownLinking, type Linking } from '../../plan/linking.ts'
import type { SourceRoot } from '../../plan/plan.ts'
import { propertiesOf } from '../../plan/suffix.ts'
import { type Core, collectionOf, sessionOf } from '../core.ts'
import { letGo } from '../streams.ts'
import { type Acting, keyOf, readAgain, type StoredEntity } from './entity.ts'
import { listBack, mustBeRelated, relatedTo } from './link.ts'
import { seeingAll } from './noting.ts'
import { containedIn, type Removed, removeAlong } from './removal.ts'
import { changeList, withoutKey } from './stored-links.ts'

/** Links of complex values go with the value, and out of the lists of partners, and so does what the value contains (docs/decisions/0016-links.md). */

const reached = new WeakMap<StructuredType, readonly ReachedNavigation[]>()

/** Navigation properties in single complex values whose entities are contained, or linked without a foreign key. */
function listedIn({ model }: Core, { type }: SourceRoot): readonly ReachedNavigation[] {
  let found = reached.get(type)
  if (found === undefined) {
    found = navigationsOf(type).filter(
      ({ via, property }) =>
        via.length > 0 && (property.referentialConstraints.length === 0 || isContained(model, property)),
    )
    reached.set(type, found)
  }
  return found
}

/** Whether an update may take away a complex value that has links. @param replace what it does not name goes, too */
export function mayLoseLinks(core: Core, root: SourceRoot, update: StructuredValue, replace: boolean): boolean {
  return listedIn(core, root).some(({ via }) => mayEnd(update, propertiesOf(via), replace))
}

/** Whether a property of a root's entities is a complex value that has links, or lies on the way to one. */
export function leadsToLinks(core: Core, root: SourceRoot, property: Property): boolean {
  return listedIn(core, root).some(({ via }) => propertiesOf(via)[0] === property)
}

/**
 * An update that may take away links, and what follows of it: in one transaction, where the store has them.
 * @param before the entity before the update
 * @param write gives its row then; undefined: it was not updated
 * @returns its row when the links are gone, too
 * @throws ODataError notImplemented where others would change, and the store has no transactions; propertyNull where what was related must stay so
 */
export async function losingLinks(
  acting: Acting,
  before: StoredEntity,
  update: StructuredValue,
  replace: boolean,
  write: () => Promise<Uint8Array | undefined>,
): Promise<Uint8Array | undefined> {
  const { core } = acting
  if (!core.store.capabilities.transactions)
    for (const { via, property } of listedIn(core, before.root)) {
      const linking = mayEnd(update, propertiesOf(via), replace) && linkingAt(core, before, { via, property })
      if (!linking) continue
      const others =
        linking.kind === 'contained'
          ? await containedIn(acting, before, linking)
          : listBack(acting, linking)
            ? await relatedTo(acting, before, linking, 1)
            : []
      if (others.length > 0)
        throw new ODataError('notImplemented', 'This changes several entities, and the store has no transactions.')
    }
  const after = await write()
  return after && loseLinks(acting, before, after)
}

/** Whether a complex value on a path may be null, or of another type, after an update. */
function mayEnd({ type, members }: StructuredValue, [first, ...rest]: readonly Property[], replace: boolean): boolean {
  if (first === undefined) return false
  const member = members.get(first.name)
  if (member === undefined) return replace && type.allProperties.has(first.name)
  if (!isStructuredValue(member)) return true
  const declared = first.type.type
  const another = declared.kind === 'complex' && declared.derivedTypes.length > 0
  return another || mayEnd(member, rest, replace || member.whole === true)
}

async function loseLinks(acting: Acting, before: StoredEntity, after: Uint8Array): Promise<Uint8Array> {
  const { core } = acting
  const now = { ...before, row: after }
  const own = keyOf(core, before)
  const removed: Removed = { files: [], seen: new Set() }
  let changed = false
  for (const reach of listedIn(core, before.root)) {
    const linking = hasHolder(core, before, reach) && !hasHolder(core, now, reach) && linkingAt(core, before, reach)
    if (!linking) continue
    if (linking.kind === 'contained') {
      for (const entity of await containedIn(seeingAll(acting), before, linking))
        await removeAlong(acting, entity, removed)
      continue
    }
    const back = listBack(acting, linking)
    if (back !== undefined && own !== undefined)
      for (const to of await relatedTo(seeingAll(acting), before, linking)) {
        if (!back.property.collection && !back.property.nullable) throw mustBeRelated(back.property)
        acting.touched?.add(core, to, back)
        await changeList(acting, to, back, (keys) => withoutKey(keys, own))
      }
    const gone = await changeList(acting, now, linking, () => [])
    changed ||= gone.length > 0
  }
  await letGo(core, sessionOf(acting.exchange, core.limits.storeTime), removed.files)
  return changed ? ((await readAgain(acting, now))?.row ?? after) : after
}

/** Whether an entity has the complex value, of a type that has the property. */
function hasHolder({ layout }: Core, { root, row }: StoredEntity, { via, property }: ReachedNavigation): boolean {
  const path = propertiesOf(via)
  const declared = path.at(-1)?.type.type
  const at = findPath(row, fieldPathOf(layout, collectionOf(layout, root), path))
  if (declared?.kind !== 'complex' || at < 0 || elementType(row, at) !== bsonType.document) return false
  const type = typeOfDocument(row, valueOffset(row, at), layout.structured(declared))
  return type.allNavigationProperties.get(property.name) === property
}

function linkingAt(
  { model }: Core,
  { root, place }: StoredEntity,
  { via, property }: ReachedNavigation,
): Linking | undefined {
  const linking = knownLinking(model, root, place, via, property)
  return linking?.kind === 'links' || linking?.kind === 'contained' ? linking : undefined
}
