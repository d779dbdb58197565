import { randomInt } from 'node:crypto'
import { permit } from '../auth/permit.ts'
import type { Parameters } from '../bind/tree.ts'
import { isComputed } from '../csdl/core.ts'
import { sequenceOf } from '../csdl/sequence.ts'
import { Decimal } from '../edm/decimal.ts'
import type { EntityType, Property, StructuredType } from '../edm/model.ts'
import { isStream, isStructured, primitiveOf } from '../edm/types.ts'
import type { StreamReference, StructuredValue, Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { defaultValues } from '../payload/read-structured.ts'
import type { CreatePlan, StreamTarget, UpdatePlan } from '../plan/plan.ts'
import type { Core } from './core.ts'
import type { Exchange } from './exchange.ts'
import { freshValue } from './fresh-values.ts'
import { keyInSource, makeKey } from './keys.ts'
import { streamChange } from './media-change.ts'
import { initialMembers, lastingSingleton, lonelyKey } from './singleton.ts'
import { fixedMembers, nameOf } from './write.ts'

/**
 * The entity that an upload of media creates (Protocol 11.4.7.1): clients cannot give its properties with it, so those that must have a
 * value and have no default begin with the emptiest one of their type; what happens at a time, with now.
 * @throws ODataError propertyRequired where there is no such value: foreign keys, places on earth, abstract complex types
 */
export function newMediaEntity(
  core: Core,
  exchange: Exchange,
  plan: CreatePlan | UpdatePlan,
  parameters: Parameters,
  target: StreamTarget,
  stream: StreamReference | undefined,
): StructuredValue {
  const { source } = plan
  const { type } = source
  if (type.abstract)
    throw new ODataError('typeAbstract', `${type.name} is abstract: name a type derived from it in the URL.`)
  const change = streamChange(type, target, stream ?? null)
  const singleton = lastingSingleton(source)
  if (singleton) return { ...change, members: new Map([...initialMembers(type, singleton.name), ...change.members]) }
  if (plan.kind === 'update' && core.enforcePermissions && plan.insert) permit(exchange.principal, plan.insert.requires)
  const inUrl: ReadonlyMap<string, Value> = plan.kind === 'update' ? keyInSource(plan.source, parameters) : new Map()
  const fixed = fixedMembers(plan, parameters)
  const key = inUrl.size > 0 ? inUrl : keyOfMedia(type, plan.kind === 'update' ? nameOf(source.root) : undefined)
  const given = new Set([...key.keys(), ...fixed.keys()])
  return {
    ...change,
    members: new Map([...startingMembers(type, type, given), ...change.members, ...key, ...fixed]),
  }
}

/** @param name of the place, where it holds one entity only */
function keyOfMedia(type: EntityType, name: string | undefined): ReadonlyMap<string, Value> {
  const key = new Map([...(name === undefined ? [] : lonelyKey(type, name)), ...makeKey(type, true)])
  const [part, another] = type.key
  if (part === undefined || another !== undefined || key.size > 0 || sequenceOf(part.property)) return key
  // another number is tried where somebody has it already
  if (primitiveOf(part.property.type.type)?.name === 'Edm.Int32') key.set(part.property.name, randomInt(1, 2 ** 31))
  return key
}

/** Default values, and values of what must have one. */
function startingMembers(
  type: StructuredType,
  entity: EntityType,
  given: ReadonlySet<string>,
): ReadonlyMap<string, Value> {
  const members = new Map(defaultValues(type))
  for (const property of type.allProperties.values()) {
    const { name, type: reference } = property
    if (members.has(name) || given.has(name) || reference.nullable || reference.collection) continue
    if (isStream(property) || isComputed(property) || sequenceOf(property)) continue
    members.set(name, emptyValue(property, entity))
  }
  return members
}

function emptyValue(property: Property, entity: EntityType): Value {
  const { type } = property.type
  if (isForeignKey(entity, property)) throw required(property)
  if (isStructured(type)) {
    if (type.abstract) throw required(property)
    return { kind: 'structured', type, members: startingMembers(type, entity, new Set()) }
  }
  if (type.kind === 'enum') return type.members[0]?.value ?? 0n
  switch (primitiveOf(type)?.name) {
    case 'Edm.String':
      return ''
    case 'Edm.Boolean':
      return false
    case 'Edm.Byte':
    case 'Edm.SByte':
    case 'Edm.Int16':
    case 'Edm.Int32':
    case 'Edm.Single':
    case 'Edm.Double':
      return 0
    case 'Edm.Int64':
      return 0n
    case 'Edm.Decimal':
      return Decimal.zero
    case 'Edm.Binary':
      return new Uint8Array()
    case 'Edm.TimeOfDay':
      return '00:00:00'
    case 'Edm.Duration':
      return { kind: 'duration', ps: 0n }
  }
  const fresh = freshValue(property)
  if (fresh === undefined) throw required(property)
  return fresh
}

function isForeignKey({ allNavigationProperties }: EntityType, { name }: Property): boolean {
  return [...allNavigationProperties.values()].some(({ referentialConstraints }) =>
    referentialConstraints.some(({ property }) => property === name),
  )
}

function required({ name }: Property): ODataError {
  return new ODataError(
    'propertyRequired',
    `The property ${name} must have a value, which cannot be given with media: the model has to say a default, or a controller's beforeCreate.`,
    { target: name },
  )
}
