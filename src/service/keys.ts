import { randomFillSync, randomInt } from 'node:crypto'
import type { Parameters } from '../bind/tree.ts'
import { isObjectIdType, newObjectIdText } from '../bson/object-id.ts'
import { isComputed } from '../csdl/core.ts'
import { sequenceOf } from '../csdl/sequence.ts'
import { facetsOf } from '../edm/facets.ts'
import type { EntityType, Property } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import type { Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { Source } from '../plan/plan.ts'

/**
 * The key of a new entity where the service makes it (Protocol 11.4.2).
 * @param whenMissing not only what is computed (Core.Computed): also a single key that a client may leave out
 * @returns one value for each key property the service makes, by name
 */
export function makeKey(type: EntityType, whenMissing = false): ReadonlyMap<string, Value> {
  const key = new Map<string, Value>()
  // what a sequence gives comes last (sequences.ts)
  for (const { path, property } of type.key)
    if (
      sequenceOf(property) === undefined &&
      canMakeKey(property) &&
      (isComputed(property) || (whenMissing && path.length === 1 && isFree(type, property)))
    )
      key.set(property.name, makeKeyValue(property))
  return key
}

/** Whether a value nobody chose means nothing wrong: the only key property, and no foreign key. */
function isFree(type: EntityType, property: Property): boolean {
  if (type.key.length > 1) return false
  for (const { referentialConstraints } of type.allNavigationProperties.values())
    if (referentialConstraints.some((constraint) => constraint.property === property.name)) return false
  return true
}

/** Whether odatum can make values of a key property: strings with room for a UUID, Guid, Int64, ObjectIds. */
export function canMakeKey(property: Property): boolean {
  const { type } = property.type
  if (sequenceOf(property)) return true
  if (isObjectIdType(type)) return true
  switch (primitiveOf(type)?.name) {
    case 'Edm.Guid':
    case 'Edm.Int64':
      return true
    case 'Edm.String': {
      const { maxLength } = facetsOf(property.type)
      return typeof maxLength !== 'number' || maxLength >= 36
    }
    default:
      return false
  }
}

/** The key that a source names, by property name; nothing where it names none. */
export function keyInSource({ steps }: Source, parameters: Parameters): ReadonlyMap<string, Value> {
  const step = steps.findLast((candidate) => candidate.kind === 'key')
  if (step?.kind !== 'key') return new Map()
  const { key, parameters: indexes } = step.predicate
  return new Map(key.map(({ property }, i) => [property.name, parameters[indexes[i] ?? -1] ?? null]))
}

/** @throws ODataError notImplemented where a new entity lacks a key property that only the service may give */
export function requireKey(type: EntityType, members: ReadonlyMap<string, Value>): void {
  for (const { path, property } of type.key)
    if (path.length === 1 && isComputed(property) && !members.has(property.name))
      throw new ODataError(
        'notImplemented',
        `This service cannot make a value of the computed key property ${property.name}: a controller's beforeCreate can.`,
        { target: property.name },
      )
}

function makeKeyValue(property: Property): Value {
  if (isObjectIdType(property.type.type)) return newObjectIdText()
  return primitiveOf(property.type.type)?.name === 'Edm.Int64' ? timeOrderedNumber() : timeOrderedUuid()
}

/** 2020-01-01, from which the numbers of keys count: they stay below 2^53, which JavaScript clients read exactly, until 2089. */
const epoch = 1_577_836_800_000
let last = 0n

/**
 * Milliseconds and 12 bits of chance: ordered by time, and rarely made twice by processes that share a store (a second one is
 * refused as a duplicate, never stored over the first).
 */
function timeOrderedNumber(): bigint {
  const next = (BigInt(Date.now() - epoch) << 12n) | BigInt(randomInt(4096))
  last = next > last ? next : last + 1n
  return last
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
