import { invariant } from '../../base/assert.ts'
import type { MemberStep } from '../../bind/tree.ts'
import type { LinkKey } from '../../bson/link-keys.ts'
import type { NavigationProperty, Property } from '../../edm/model.ts'
import type { Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { type Linked, linkingOf } from '../../plan/linking.ts'
import { hopPlan } from '../../plan/source.ts'
import { listName, propertiesOf } from '../../plan/suffix.ts'
import { contextOf } from '../core.ts'
import { hopReader } from '../hops.ts'
import { type Acting, isSame, keyOf, plansOfRow, type StoredEntity, valueAt } from './entity.ts'
import { changeList, setProperties, withKey, withoutKey } from './stored-links.ts'

/**
 * Relating entities and parting them, by the rules of docs/decisions/0007-deep-writes.md: a foreign key in one of both, or a list of keys in
 * each that has a navigation property to the other. Partners are kept in step.
 */

/** Related entities that one request parts at the most. */
const mostRelated = 10_000

/** Relates an entity to another one; a single-valued property, and a single-valued partner, lose what they led to. */
export async function link(acting: Acting, from: StoredEntity, linking: Linked, to: StoredEntity): Promise<void> {
  const { kind, property, pairs } = linking
  const { core } = acting
  noteBoth(acting, from, linking, to)
  if (!property.collection) await partOthers(acting, from, linking, to)
  await partFromOthers(acting, from, linking, to)
  if (kind === 'links') {
    await linkByKeys(acting, from, linking, to)
    return
  }
  if (kind === 'dependent')
    await setProperties(
      acting,
      from,
      pairs.map((pair) => ({ path: [...viaOf(linking), ...pair.from], value: required(core, to, pair.to, property) })),
    )
  else
    await setProperties(
      acting,
      to,
      pairs.map((pair) => ({
        path: pair.to,
        value: required(core, from, [...viaOf(linking), ...pair.from], property),
      })),
    )
}

/** Parts an entity from a related one. @throws ODataError propertyNull where one of both must be related */
export async function unlink(acting: Acting, from: StoredEntity, linking: Linked, to: StoredEntity): Promise<void> {
  const { kind, property, partner, pairs } = linking
  if (!property.collection && !property.nullable) throw mustBeRelated(property)
  if (partner !== undefined && !partner.collection && !partner.nullable) throw mustBeRelated(partner)
  noteBoth(acting, from, linking, to)
  if (kind === 'links') {
    await changeList(acting, from, linking, (keys) => withoutKey(keys, known(keyOf(acting.core, to))))
    const back = listBack(acting, linking)
    if (back) await changeList(acting, to, back, (keys) => withoutKey(keys, known(keyOf(acting.core, from))))
    return
  }
  const parts =
    kind === 'dependent' ? pairs.map((pair) => [...viaOf(linking), ...pair.from]) : pairs.map(({ to }) => to)
  for (const path of parts) if (path.at(-1)?.type.nullable === false) throw mustBeRelated(property)
  await setProperties(
    acting,
    kind === 'dependent' ? from : to,
    parts.map((path) => ({ path, value: null })),
  )
}

function noteBoth(acting: Acting, from: StoredEntity, linking: Linked, to: StoredEntity): void {
  const { touched, core } = acting
  if (touched === undefined) return
  touched.add(core, from, linking)
  const back = wayBack(acting, linking)
  if (back !== undefined) touched.add(core, to, back)
}

/** How the partner of a property is written, where it has one. */
function wayBack(acting: Acting, { root, place, partner, partnerVia }: Linked): Linked | undefined {
  return partner && backOf(acting, { root, place, partner, partnerVia })
}

/**
 * The entities that a navigation property of an entity leads to.
 * @param atMost so many are enough; undefined: all of them @throws ODataError badRequest where all are too many
 */
export async function relatedTo(
  { core, exchange }: Acting,
  from: StoredEntity,
  linking: Linked,
  atMost?: number,
): Promise<readonly StoredEntity[]> {
  const { relation, property, root, type, place } = linking
  const { read } = plansOfRow(core, from.root)
  const parameters = hopReader(core.layout, read.source, relation.values)(from.row, [])
  if (parameters === undefined) return []
  const steps = relation.find?.steps ?? relation.steps
  // stores walk a list without looking at keys in its path
  const single = steps.some(({ kind }) => kind === 'key')
  let plan = plans.get(linking)
  if (plan === undefined) {
    plan = hopPlan({ root, steps, type, single })
    plans.set(linking, plan)
  }
  if (single) {
    const { controller, context } = contextOf(core, exchange, plan, parameters)
    const row = await controller.read(context)
    return row === undefined ? [] : [{ root, place, row }]
  }
  const { controller, context } = contextOf(core, exchange, plan, parameters, { limit: atMost ?? mostRelated + 1 })
  const rows = await controller.list(context)
  const found: StoredEntity[] = []
  for await (const batch of rows.batches) for (const row of batch) found.push({ root, place, row })
  if (atMost === undefined && found.length > mostRelated)
    throw new ODataError('badRequest', `'${property.name}' relates more than ${mostRelated} entities (limit linked).`, {
      target: property.name,
    })
  return found
}

const plans = new WeakMap<Linked, ReturnType<typeof hopPlan>>()

async function partOthers(acting: Acting, from: StoredEntity, linking: Linked, to: StoredEntity): Promise<void> {
  // a foreign key of its own is simply set
  if (linking.kind === 'dependent') return
  for (const other of await relatedTo(acting, from, linking))
    if (!isSame(acting.core, other, to)) await unlinkChanged(acting, from, linking, other)
}

/** One to one, and one to many seen from the many: who had `to` before has it no longer. */
export async function partFromOthers(
  acting: Acting,
  from: StoredEntity,
  linking: Linked,
  to: StoredEntity,
): Promise<void> {
  const back = wayBack(acting, linking)
  if (back === undefined || back.property.collection || linking.kind === 'principal') return
  for (const other of await relatedTo(acting, to, back))
    if (!isSame(acting.core, other, from)) await unlinkChanged(acting, to, back, other)
}

const backs = new WeakMap<NavigationProperty, WeakMap<object, Map<string, Linked>>>()

/** How the partner of a property is written. */
export function backOf(
  { core }: Acting,
  {
    root,
    place,
    partner,
    partnerVia = [],
  }: Pick<Linked, 'root' | 'place'> & {
    readonly partner: NavigationProperty
    readonly partnerVia?: readonly MemberStep[]
  },
): Linked {
  let byRoot = backs.get(partner)
  if (byRoot === undefined) {
    byRoot = new WeakMap()
    backs.set(partner, byRoot)
  }
  let byPath = byRoot.get(root)
  if (byPath === undefined) {
    byPath = new Map()
    byRoot.set(root, byPath)
  }
  const path = listName(partnerVia, partner)
  let back = byPath.get(path)
  if (back === undefined) {
    const found = linkingOf(core.model, root, place, partnerVia, partner)
    invariant(found.kind !== 'contained', 'a partner of a link is a link')
    back = found
    byPath.set(path, back)
  }
  return back
}

/** Parts entities of which at least one is related anew at once: it need not stay related. */
function unlinkChanged(acting: Acting, from: StoredEntity, linking: Linked, to: StoredEntity): Promise<void> {
  const { property } = linking
  const anew: NavigationProperty = property.collection ? property : { ...property, nullable: true }
  return unlink(acting, from, { ...linking, property: anew }, to)
}

async function linkByKeys(acting: Acting, from: StoredEntity, linking: Linked, to: StoredEntity): Promise<void> {
  await addKey(acting, from, linking, to)
  const back = listBack(acting, linking)
  if (back) await addKey(acting, to, back, from)
}

function addKey(acting: Acting, from: StoredEntity, linking: Linked, to: StoredEntity): Promise<unknown> {
  const key = known(keyOf(acting.core, to))
  return changeList(acting, from, linking, (keys) =>
    linking.property.collection ? withKey(keys, key) : onlyKey(keys, key),
  )
}

/** The list of the related entity, where it has one. */
export function listBack(acting: Acting, linking: Linked): Linked | undefined {
  const back = wayBack(acting, linking)
  return back?.kind === 'links' ? back : undefined
}

function onlyKey(keys: readonly LinkKey[], key: LinkKey): readonly LinkKey[] {
  return keys.length === 1 && withKey(keys, key) === keys ? keys : [key]
}

/** Complex properties before the navigation property. */
export function viaOf({ via }: Linked): readonly Property[] {
  return propertiesOf(via)
}

/** A value that another entity is to refer to. */
function required(
  core: Acting['core'],
  entity: StoredEntity,
  path: readonly Property[],
  property: NavigationProperty,
): Value {
  const value = valueAt(core, entity, path)
  if (value !== null) return value
  const name = path.map((step) => step.name).join('/')
  throw new ODataError('valueInvalid', `'${property.name}' cannot relate an entity whose ${name} is null.`, {
    target: property.name,
  })
}

export function mustBeRelated({ name }: NavigationProperty): ODataError {
  return new ODataError('propertyNull', `'${name}' must lead to an entity: it cannot be removed.`, { target: name })
}

function known(key: LinkKey | undefined): LinkKey {
  if (key === undefined) throw new ODataError('valueInvalid', 'An entity without a key cannot be related.')
  return key
}
