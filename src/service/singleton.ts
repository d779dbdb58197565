import { serialize } from 'bson'
import { encodeEntity } from '../bson/encode.ts'
import type { EntityType, Singleton } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import type { StructuredValue, Value } from '../edm/value.ts'
import { defaultValues } from '../payload/read-structured.ts'
import type { Source, UpdatePlan } from '../plan/plan.ts'
import { type Core, collectionOf } from './core.ts'

/**
 * Singletons are always there unless they are nullable (CSDL 13.3): until somebody writes one it has its default values, and
 * nulls.
 */

/** The singleton that a source names, where it is one that cannot be missing. */
export function lastingSingleton({ root, steps }: Source): Singleton | undefined {
  return root.kind === 'singleton' && !root.nullable && steps.length === 0 ? root : undefined
}

/** Whether an update creates what is not there (Protocol 11.4.4): as its place allows, and unless the service never does. */
export function mayUpsert({ protocol }: Core, { upsert, source }: UpdatePlan): boolean {
  return upsert && (protocol.upsert || lastingSingleton(source) !== undefined)
}

const rows = new WeakMap<Singleton, Uint8Array>()

/** The row of a singleton that nobody has written yet; undefined where the source names none that must be there. */
export function virtualSingleton(core: Core, source: Source): Uint8Array | undefined {
  const singleton = lastingSingleton(source)
  if (singleton === undefined) return undefined
  let row = rows.get(singleton)
  if (row === undefined) {
    const { type, name } = singleton
    const entity: StructuredValue = { kind: 'structured', type, members: initialMembers(type, name) }
    row = serialize(encodeEntity(core.layout, collectionOf(core.layout, singleton), entity))
    rows.set(singleton, row)
  }
  return row
}

/** What an entity that has no key in its URL begins with: defaults, and its resource's name as key where that is a string. */
export function initialMembers(type: EntityType, name: string): ReadonlyMap<string, Value> {
  const members = new Map(defaultValues(type))
  for (const [property, value] of lonelyKey(type, name)) members.set(property, value)
  return members
}

/** The key of the only entity of its place: the place's name, where the key is one string. */
export function lonelyKey(type: EntityType, name: string): ReadonlyMap<string, Value> {
  const [part, another] = type.key
  if (part === undefined || another !== undefined || part.path.length > 1) return new Map()
  return primitiveOf(part.property.type.type)?.name === 'Edm.String' ? new Map([[part.property.name, name]]) : new Map()
}
