import type { MemberStep } from '../../bind/tree.ts'
import { isComputed, isImmutable, isWritable } from '../../csdl/core.ts'
import type { Property, StructuredType, TypeReference } from '../../edm/model.ts'
import { isAbstract, isSubtypeOf } from '../../edm/types.ts'
import { type CollectionValue, isStructuredValue, type StructuredValue, type Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { defaultOf } from '../../payload/read-structured.ts'

/** Changes of values inside an entity, in memory: what is there goes in, what is to be stored comes out. */

/** What becomes of a value. */
export type Edited =
  | {
      /** all of it as it will be */
      readonly value: Value
      /** of a complex value that stays: only what is merged into it */
      readonly merge?: StructuredValue
      /** that a dynamic value was given */
      readonly type?: TypeReference
      /** what changes with it: its media type (Core.MediaType as a path) */
      readonly beside?: ReadonlyMap<string, Value>
    }
  /** an item leaves its collection */
  | 'removed'

/** @throws ODataError where the value cannot be changed so */
export type Edit = (before: Value) => Edited

/** Looks at a complex value that was changed inside a collection. @throws ODataError */
type Check = (value: StructuredValue) => void

/**
 * The update that changes what a path leads to: nested like the path, down to the property, or to the collection that has the item.
 * @throws ODataError entityNotFound where the path meets null, another type, or no such position
 */
export function changeAt(
  stored: StructuredValue,
  path: readonly MemberStep[],
  edit: Edit,
  check: Check,
): StructuredValue {
  const [step, ...rest] = path
  if (step?.kind === 'cast') return changeAt(ofType(stored, step.type), rest, edit, check)
  const name = nameOf(stored, step)
  const before = stored.members.get(name) ?? (isCollection(step) ? [] : null)
  const [next] = rest
  const ends = endsIn(before, rest)
  // what is not declared is stored as a whole
  const whole = step?.kind === 'dynamic' || (step?.kind === 'property' && isAbstract(step.property.type.type))
  const nested =
    !ends && !whole && next?.kind !== 'ordinal' ? changeAt(structured(before), rest, edit, check) : undefined
  const edited: Edited = ends
    ? edit(before)
    : nested
      ? { value: nested }
      : { value: whole ? editInside(structured(before), rest, edit, check) : editItems(before, rest, edit, check) }
  if (edited === 'removed') throw new Error('invariant: only items of a collection are removed')
  const member = nested ?? edited.merge ?? asWhole(edited.value)
  return {
    kind: 'structured',
    type: stored.type,
    members: new Map([[name, member], ...(edited.beside ?? [])]),
    ...(edited.type ? { dynamicTypes: new Map([[name, edited.type]]) } : {}),
  }
}

/** A collection with one of its items changed, or taken away. */
function editItems(before: Value, path: readonly MemberStep[], edit: Edit, check: Check): CollectionValue {
  const [step, ...rest] = path
  if (step?.kind !== 'ordinal' || !Array.isArray(before)) throw noPosition()
  const at = step.index < 0 ? before.length + step.index : step.index
  const item: Value | undefined = before[at]
  if (item === undefined) throw noPosition()
  const edited: Edited = endsIn(item, rest) ? edit(item) : { value: editInside(structured(item), rest, edit, check) }
  if (edited === 'removed') return before.toSpliced(at, 1)
  return before.with(at, edited.value)
}

/** A whole complex value with something inside it changed. */
function editInside(value: StructuredValue, path: readonly MemberStep[], edit: Edit, check: Check): StructuredValue {
  const [step, ...rest] = path
  if (step?.kind === 'cast') return editInside(ofType(value, step.type), rest, edit, check)
  const name = nameOf(value, step)
  const before = value.members.get(name) ?? (isCollection(step) ? [] : null)
  const [next] = rest
  const edited: Edited = endsIn(before, rest)
    ? edit(before)
    : {
        value:
          next?.kind === 'ordinal'
            ? editItems(before, rest, edit, check)
            : editInside(structured(before), rest, edit, check),
      }
  if (edited === 'removed') throw new Error('invariant: only items of a collection are removed')
  const dynamicTypes = new Map(value.dynamicTypes)
  if (edited.type) dynamicTypes.set(name, edited.type)
  else dynamicTypes.delete(name)
  const changed: StructuredValue = {
    ...value,
    members: new Map([...value.members, [name, edited.value], ...(edited.beside ?? [])]),
    ...(dynamicTypes.size > 0 || value.dynamicTypes ? { dynamicTypes } : {}),
  }
  check(changed)
  return changed
}

/**
 * Whether a path ends at a value: nothing follows but types, which the value then has to be of.
 * @throws ODataError entityNotFound where it is of another type
 */
function endsIn(value: Value, path: readonly MemberStep[]): boolean {
  if (path.some(({ kind }) => kind !== 'cast')) return false
  for (const step of path) if (step.kind === 'cast' && isStructuredValue(value)) ofType(value, step.type)
  return true
}

function isCollection(step: MemberStep | undefined): boolean {
  return step?.kind === 'property' && step.property.type.collection
}

function nameOf({ type }: StructuredValue, step: MemberStep | undefined): string {
  if (step?.kind === 'property') return step.property.name
  if (step?.kind !== 'dynamic') throw new Error('invariant: a path to a property has properties')
  if (!type.allProperties.has(step.name)) return step.name
  throw new ODataError('badRequest', `'${step.name}' is declared by ${type.name}: the path must name that type.`, {
    target: step.name,
  })
}

function structured(value: Value): StructuredValue {
  if (isStructuredValue(value)) return value
  throw new ODataError('entityNotFound', 'The path leads through a value that is null, or no object.')
}

function ofType(value: StructuredValue, type: StructuredType): StructuredValue {
  if (isSubtypeOf(value.type, type)) return value
  throw new ODataError('entityNotFound', `The value is no ${type.name}.`)
}

function noPosition(): ODataError {
  return new ODataError('entityNotFound', 'The collection has no such position.')
}

function asWhole(value: Value): Value {
  return isStructuredValue(value) ? { ...value, whole: true } : value
}

/**
 * A complex value that takes the place of another (PUT, Protocol 11.4.9.3): what clients do not write stays as it was, and so do
 * streams that the body does not take away by null.
 * @param kept names of further members that stay
 */
export function replacing(before: Value, given: StructuredValue, kept: ReadonlySet<string>): StructuredValue {
  if (!isStructuredValue(before)) return given
  const members = new Map(given.members)
  for (const property of given.type.allProperties.values()) {
    const value = before.members.get(property.name)
    const stays = isComputed(property) || isImmutable(property) || !isWritable(property) || kept.has(property.name)
    if (stays && value !== undefined) members.set(property.name, value)
  }
  return keepingStreams({ ...given, members }, before)
}

/**
 * What a merge makes of a complex value (PATCH, Protocol 11.4.9.3). Of another type it keeps what the types share, and dynamic
 * properties.
 * @param before undefined: null
 * @throws ODataError propertyRequired where what was null, or of another type, needs more than that
 */
export function merging(before: StructuredValue | undefined, given: StructuredValue): StructuredValue {
  const { type } = given
  const changes = type !== before?.type
  const members = new Map<string, Value>()
  for (const [name, value] of before?.members ?? [])
    if (!changes || type.allProperties.get(name) === before?.type.allProperties.get(name)) {
      if (type.allProperties.has(name) || type.open) members.set(name, value)
    }
  for (const [name, value] of given.members) {
    const old = members.get(name)
    members.set(name, isStructuredValue(value) && isStructuredValue(old) ? merging(old, value) : value)
  }
  if (changes) complete(type, members)
  const types = [...(before?.dynamicTypes ?? []), ...(given.dynamicTypes ?? [])].filter(
    ([name]) => !given.members.has(name) || given.dynamicTypes?.has(name),
  )
  const { streams, inline } = given
  const made: StructuredValue = {
    kind: 'structured',
    type,
    members,
    ...(types.length > 0 ? { dynamicTypes: new Map(types) } : {}),
    ...(streams === undefined ? {} : { streams }),
    ...(inline === undefined ? {} : { inline }),
  }
  return before === undefined ? made : keepingStreams(made, before)
}

/** Gives a value of a new type its defaults. @throws ODataError propertyRequired */
function complete(type: StructuredType, members: Map<string, Value>): void {
  for (const property of lacking(type, members)) {
    const { name } = property
    const value = defaultOf(property)
    if (value === undefined)
      throw new ODataError('propertyRequired', `The property ${name} of ${type.name} is required.`, { target: name })
    members.set(name, value)
  }
}

/** Whether members of a complex value are left out that a new one has, by default, or must have. */
export function isPart({ type, members }: StructuredValue): boolean {
  return lacking(type, members).length > 0
}

function lacking(type: StructuredType, members: ReadonlyMap<string, Value>): readonly Property[] {
  return [...type.allProperties.values()].filter((property) => {
    if (members.has(property.name) || isComputed(property)) return false
    return defaultOf(property) !== undefined || (!property.type.nullable && !property.type.collection)
  })
}

/** A complex value with those streams of the one before that it says nothing of, in values inside it, too. */
function keepingStreams(value: StructuredValue, before: StructuredValue): StructuredValue {
  const members = new Map(value.members)
  for (const [name, member] of members) {
    const old = before.members.get(name)
    if (isStructuredValue(member) && isStructuredValue(old)) members.set(name, keepingStreams(member, old))
  }
  const kept = [...(before.streams ?? [])].filter(
    ([name]) => value.type.allProperties.has(name) && value.members.get(name) !== null,
  )
  const streams = new Map([...kept, ...(value.streams ?? [])])
  return { ...value, members, ...(streams.size === 0 ? {} : { streams }) }
}

/**
 * A collection with one more item (Protocol 11.4.11).
 * @param index where it goes, counted from the end where negative (-1: as the last); undefined: at the end
 * @throws ODataError queryOptionInvalid where the collection has no such position
 */
export function inserting(before: Value, item: Value, index: number | undefined): CollectionValue {
  const items: CollectionValue = Array.isArray(before) ? before : []
  const at = index === undefined ? items.length : index < 0 ? items.length + 1 + index : index
  if (at < 0 || at > items.length)
    throw new ODataError('queryOptionInvalid', `The collection has ${items.length} items: there is no such position.`, {
      target: '$index',
    })
  return items.toSpliced(at, 0, item)
}
