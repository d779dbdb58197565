import type { MemberStep } from '../bind/tree.ts'
import type { NavigationProperty, StructuredType } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import { storageOf } from '../plan/relation.ts'
import type { Faults } from './faults.ts'
import { type JsonNode, type JsonObject, jsonKinds } from './json.ts'
import { countFault } from './validation/property-checks.ts'

/** What a body says of the entities that a navigation property leads to (JSON Format 4.5.9, 8.3, 8.4, 8.5, 15). */
export interface RelatedMember {
  readonly property: NavigationProperty
  /** path of the complex value that has the property, from the entity; empty: the entity itself */
  readonly via: string
  /** `add`: to what is related already (`odata.bind` of a collection); `all`: nothing else is related; `delta`: what is said of each */
  readonly form: 'add' | 'all' | 'delta'
  /** none: nothing is related */
  readonly items: readonly RelatedItem[]
  /** path of the member in the body */
  readonly target: string
}

export type RelatedItem =
  | { readonly kind: 'reference'; readonly url: string; readonly target: string }
  /** content; `id` where it says whose */
  | { readonly kind: 'entity'; readonly node: JsonObject; readonly id: string | undefined; readonly target: string }
  | RemovedItem

/** A deleted entity of a delta payload (JSON Format 15.3): by its id, or by its key properties. */
export interface RemovedItem {
  readonly kind: 'removed'
  readonly node: JsonObject
  readonly id: string | undefined
  /** `changed`: it only is no part of the collection any more */
  readonly reason: 'changed' | 'deleted'
  readonly target: string
}

/** Whether the name of a member binds, relates or nests entities: `undefined` where it is about something else. */
export function relatedForm(annotation: string): 'bind' | 'delta' | undefined {
  if (annotation === '@odata.bind' || annotation === '@bind') return 'bind'
  return annotation === '@odata.delta' || annotation === '@delta' ? 'delta' : undefined
}

/**
 * Reads a navigation property of a body, its `odata.bind` or its `delta`.
 * @param form undefined: the property itself
 * @returns undefined where a fault was found
 */
export function readRelated(
  property: NavigationProperty,
  node: JsonNode,
  target: string,
  via: string,
  form: 'bind' | 'delta' | undefined,
  faults: Faults,
): RelatedMember | undefined {
  const common = { property, via, target } as const
  if (form === 'delta' && !property.collection) {
    faults.add('valueInvalid', `${property.name} leads to one entity: it has no delta.`, target, node)
    return undefined
  }
  if (node.kind === 'null' && !property.collection && property.nullable) return { ...common, form: 'all', items: [] }
  if (node.kind === 'null') {
    faults.add('propertyNull', `${target} must not be null.`, target, node)
    return undefined
  }
  if (property.collection !== (node.kind === 'array')) {
    const wanted = property.collection ? 'an array' : form === 'bind' ? 'the URL of an entity' : 'an object'
    faults.add('valueInvalid', `The value of ${target} must be ${wanted}, not ${jsonKinds[node.kind]}.`, target, node)
    return undefined
  }
  const read = form === 'bind' ? readBind : form === 'delta' ? readDeltaItem : readInline
  const nodes = node.kind === 'array' ? node.items : [node]
  const items: RelatedItem[] = []
  nodes.forEach((item, i) => {
    const found = read(item, node.kind === 'array' ? `${target}/${i}` : target, faults)
    if (found !== undefined) items.push(found)
  })
  const all = form === undefined || !property.collection
  const fault = property.collection && form !== 'delta' ? countFault(property, nodes.length, all) : undefined
  if (fault !== undefined) {
    faults.add('valueInvalid', `The value of ${target} ${fault}.`, target, node)
    return undefined
  }
  return { ...common, form: form === 'delta' ? 'delta' : all ? 'all' : 'add', items }
}

function readBind(node: JsonNode, target: string, faults: Faults): RelatedItem | undefined {
  if (node.kind === 'string') return { kind: 'reference', url: node.value, target }
  faults.add(
    'valueInvalid',
    `The value of ${target} must be the URL of an entity, not ${jsonKinds[node.kind]}.`,
    target,
    node,
  )
  return undefined
}

/** An entity, or a reference: an object that says nothing but the id of an entity (JSON Format 14). */
function readInline(node: JsonNode, target: string, faults: Faults): RelatedItem | undefined {
  if (node.kind !== 'object') {
    faults.add('valueInvalid', `The value of ${target} must be an entity, not ${jsonKinds[node.kind]}.`, target, node)
    return undefined
  }
  if (node.members.has('@odata.removed') || node.members.has('@removed')) {
    faults.add('valueInvalid', 'Removed entities are said in a delta only (prop@delta).', target, node)
    return undefined
  }
  const id = idOf(node, target, faults)
  if (id === 'invalid') return undefined
  if (id === undefined || [...node.members.keys()].some((name) => !name.startsWith('@')))
    return { kind: 'entity', node, id, target }
  return { kind: 'reference', url: id, target }
}

/**
 * Reads an item of a delta payload (JSON Format 15): an entity that is added or changed, a reference to one that is added, or one that
 * is removed. Added and deleted links have no place in nested collections (Protocol 11.4.3.1).
 * @returns undefined where a fault was found
 */
function readDeltaItem(node: JsonNode, target: string, faults: Faults): RelatedItem | undefined {
  if (node.kind !== 'object') return readInline(node, target, faults)
  const context = node.members.get('@odata.context') ?? node.members.get('@context')
  if (context?.kind === 'string' && /\/\$(?:deletedLink|link)$/.test(context.value)) {
    faults.add('valueInvalid', 'A nested delta has no added or deleted links.', target, node)
    return undefined
  }
  const removed = node.members.get('@odata.removed') ?? node.members.get('@removed')
  if (removed === undefined) return readInline(node, target, faults)
  const reason = removed.kind === 'object' ? (removed.members.get('reason') ?? 'changed') : undefined
  const said = typeof reason === 'object' && reason.kind === 'string' ? reason.value : reason
  if (said !== 'changed' && said !== 'deleted') {
    faults.add(
      'controlInformationInvalid',
      'Of a removed entity the reason is "changed" or "deleted".',
      `${target}/@removed`,
      removed,
    )
    return undefined
  }
  const id = idOf(node, target, faults)
  return id === 'invalid' ? undefined : { kind: 'removed', node, id, reason: said, target }
}

/** Control information id (JSON Format 4.6.8). */
function idOf(node: JsonObject, target: string, faults: Faults): string | undefined | 'invalid' {
  const id = node.members.get('@odata.id') ?? node.members.get('@id')
  if (id === undefined) return undefined
  if (id.kind === 'string' && id.value !== '') return id.value
  faults.add('controlInformationInvalid', 'An id is the URL of an entity.', `${target}/@odata.id`, id)
  return 'invalid'
}

/**
 * The complex properties on a path from a type.
 * @returns undefined where the path goes through a collection
 */
export function stepsTo(type: StructuredType, path: string): readonly MemberStep[] | undefined {
  const steps: MemberStep[] = []
  let current: StructuredType | undefined = type
  for (const name of path === '' ? [] : path.split('/')) {
    const property = current?.allProperties.get(name)
    if (property === undefined || property.type.collection) return undefined
    steps.push({ kind: 'property', property })
    current = isStructured(property.type.type) ? property.type.type : undefined
  }
  return steps
}

/** Properties that a related entity gives: the foreign keys to it. */
export function givenBy({ property, via, items }: RelatedMember): readonly string[] {
  const storage = storageOf(property)
  if (via !== '' || items.length === 0 || storage.kind === 'links' || !storage.dependent) return []
  return storage.pairs.flatMap(({ from }) => from.slice(0, 1).map(({ name }) => name))
}
