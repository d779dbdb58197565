import { randomFillSync } from 'node:crypto'
import { isObjectIdType, newObjectIdText } from '../bson/object-id.ts'
import { isComputed } from '../csdl/core.ts'
import type { EntityType, Property } from '../edm/model.ts'
import type { Value } from '../edm/value.ts'

/**
 * The key of a new entity where the service makes it (Core.Computed on a key property; Protocol 11.4.2).
 * @param always makes what it can, for clients that send no key
 * @returns one value for each key property the service makes, by name
 */
export function makeKey(type: EntityType, always = false): ReadonlyMap<string, Value> {
  const key = new Map<string, Value>()
  for (const { path, property } of type.key)
    if (isComputed(property) || (always && path.length === 1 && canMakeKey(property)))
      key.set(property.name, makeKeyValue(property))
  return key
}

/**
 * Whether odatum can make values of a computed key property; said when the service starts, not at the first create.
 */
export function canMakeKey(property: Property): boolean {
  const { type } = property.type
  if (isObjectIdType(type)) return true
  return type.kind === 'primitive' && (type.name === 'Edm.String' || type.name === 'Edm.Guid')
}

function makeKeyValue(property: Property): Value {
  if (isObjectIdType(property.type.type)) return newObjectIdText()
  if (canMakeKey(property)) return timeOrderedUuid()
  throw new Error(`no value can be made for the computed key property ${property.name}`)
}

const random = new Uint8Array(1_000)
let used = random.length

/** A version 7 UUID (RFC 9562 5.7): keys made one after another stand beside each other in the index. */
export function timeOrderedUuid(): string {
  if (used + 10 > random.length) {
    randomFillSync(random)
    used = 0
  }
  const time = Date.now().toString(16).padStart(12, '0')
  let tail = ''
  for (let i = 0; i < 10; i++) tail += (random[used + i] ?? 0).toString(16).padStart(2, '0')
  used += 10
  const variant = (8 + (Number.parseInt(tail[3] ?? '0', 16) & 3)).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${tail.slice(0, 3)}-${variant}${tail.slice(4, 7)}-${tail.slice(7, 19)}`
}
