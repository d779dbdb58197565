import type { BoundPath, MemberStep } from '../bind/tree.ts'
import { isComputed, isImmutable, isPositionalInsert } from '../csdl/core.ts'
import type { Property, StructuredType, TypeReference } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { BodyRule, PlanConditions } from './capabilities/verdict.ts'
import { allow, type Method, methodRefused } from './methods.ts'
import type { PropertyTarget, ReadPlan, Source } from './plan.ts'

/** What is known of the path of a request that changes a property. */
export interface ChangedMember {
  readonly source: Source
  readonly path: BoundPath
  readonly member: readonly MemberStep[]
  readonly raw: boolean
  /** `$index` is said */
  readonly positional: boolean
  /** reads it */
  readonly shown: ReadPlan
}

/**
 * The property, or the items, that a request changes (Protocol 11.4.9 to 11.4.11); undefined where it changes entities or streams.
 * @throws ODataError methodNotAllowed for what only the service writes, never changes, or is chosen by a filter; queryOptionNotAllowed
 */
export function propertyTarget(
  method: Method,
  { source, path, member, raw, positional, shown }: ChangedMember,
): Omit<PropertyTarget, 'kept'> | undefined {
  if (method === 'GET' || member.length === 0 || path.resource === 'stream' || path.resource === 'mediaStream')
    return undefined
  const each = path.resource === 'eachItem'
  const { items } = shown
  if (!each && items && (items.casts.length > 0 || items.filters.length > 0)) throw methodRefused(method, ['GET'])
  const target = items ? shown.member : member
  for (const [i, step] of target.entries())
    if (step.kind === 'property') checkChangeable(source, step.property, i === 0)
  if (positional) checkPositional(method, target)
  return {
    path: target,
    reference: each ? undefined : referenceOf(target),
    change: changeOf(method, each, items?.declared),
    ...(each && items ? { each: items, reference: items.declared } : {}),
    raw,
    shown,
  }
}

function changeOf(method: Method, each: boolean, item: TypeReference | undefined): PropertyTarget['change'] {
  if (method === 'DELETE') return 'clear'
  if (method === 'POST') return 'append'
  return method === 'PATCH' && (!each || (item !== undefined && isStructured(item.type))) ? 'merge' : 'set'
}

/** Keys, and what the service makes or never changes, are not updatable (Protocol 11.4.9.1). */
function checkChangeable({ type }: Source, property: Property, first: boolean): void {
  const key = first && type.key.some((part) => part.path.length === 1 && part.property === property)
  const why = isComputed(property)
    ? 'Core.Computed'
    : isImmutable(property)
      ? 'Core.Immutable'
      : key
        ? 'it is part of the key'
        : undefined
  if (why === undefined) return
  throw new ODataError('methodNotAllowed', `'${property.name}' cannot be changed (${why}).`, {
    target: property.name,
    headers: { Allow: allow(['GET']) },
  })
}

/** Where an item goes is only said of collections that take it there (Protocol 11.4.11). */
function checkPositional(method: Method, path: readonly MemberStep[]): void {
  const last = path.at(-1)
  if (method === 'POST' && last?.kind === 'property' && isPositionalInsert(last.property)) return
  throw new ODataError(
    'queryOptionNotAllowed',
    'Items can be put at a position only by POST into collections annotated Core.PositionalInsert.',
    { target: '$index' },
  )
}

/** The type of the value that a path leads to; an item is as nullable as its collection says. */
function referenceOf(path: readonly MemberStep[]): TypeReference | undefined {
  let reference: TypeReference | undefined
  for (const step of path) {
    if (step.kind === 'property') reference = step.property.type
    else if (step.kind === 'dynamic') reference = undefined
    else if (step.kind === 'ordinal' && reference) reference = { ...reference, collection: false }
    else if (step.kind === 'cast' && reference) reference = cast(reference, step.type)
  }
  return reference
}

function cast(reference: TypeReference, type: StructuredType): TypeReference {
  return { ...reference, type }
}

/**
 * The rules about parts of what changes, as paths from there.
 * @throws ODataError badRequest where the whole of it must not be changed (UpdateRestrictions/NonUpdatableProperties)
 */
export function keptOf(path: readonly MemberStep[], { body }: Pick<PlanConditions, 'body'>): readonly BodyRule[] {
  const names = path.flatMap((step) =>
    step.kind === 'property' ? [step.property.name] : step.kind === 'dynamic' ? [step.name] : [],
  )
  const kept: BodyRule[] = []
  for (const rule of body?.refused ?? []) {
    if (!rule.path.every((name, i) => i >= names.length || name === names[i])) continue
    if (rule.path.length > names.length) kept.push({ ...rule, path: rule.path.slice(names.length) })
    else
      throw new ODataError('badRequest', `'${names.join('/')}' cannot be changed (${rule.term}).`, {
        target: names.join('/'),
      })
  }
  return kept
}
