import type { MemberStep } from '../bind/tree.ts'
import type { NavigationProperty, StructuredType } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import { storageOf } from '../plan/relation.ts'
import type { Faults } from './faults.ts'
import { type JsonNode, type JsonObject, jsonKinds } from './json.ts'

/** What a body says of the entities that a navigation property leads to (JSON Format 4.5.9, 8.3, 8.4, 8.5). */
export interface RelatedMember {
  readonly property: NavigationProperty
  /** path of the complex value that has the property, from the entity; empty: the entity itself */
  readonly via: string
  /** `add`: to what is related already (`odata.bind` of a collection); `all`: nothing else is related */
  readonly form: 'add' | 'all'
  /** none: nothing is related */
  readonly items: readonly RelatedItem[]
  /** path of the member in the body */
  readonly target: string
}

export type RelatedItem =
  | { readonly kind: 'reference'; readonly url: string; readonly target: string }
  | { readonly kind: 'entity'; readonly node: JsonObject; readonly target: string }

/** Whether the name of a member binds, relates or nests entities: `undefined` where it is about something else. */
export function relatedForm(annotation: string): 'bind' | 'delta' | undefined {
  if (annotation === '@odata.bind') return 'bind'
  return annotation === '@odata.delta' || annotation === '@delta' ? 'delta' : undefined
}

/**
 * Reads a navigation property of a body, or its `odata.bind`.
 * @param bind the value of `odata.bind` rather than of the property itself
 * @returns undefined where a fault was found
 */
export function readRelated(
  property: NavigationProperty,
  node: JsonNode,
  target: string,
  via: string,
  bind: boolean,
  faults: Faults,
): RelatedMember | undefined {
  const common = { property, via, target } as const
  if (node.kind === 'null' && !property.collection && property.nullable) return { ...common, form: 'all', items: [] }
  if (node.kind === 'null') {
    faults.add('propertyNull', `${target} must not be null.`, target, node)
    return undefined
  }
  if (property.collection !== (node.kind === 'array')) {
    const wanted = property.collection ? 'an array' : bind ? 'the URL of an entity' : 'an object'
    faults.add('valueInvalid', `The value of ${target} must be ${wanted}, not ${jsonKinds[node.kind]}.`, target, node)
    return undefined
  }
  const nodes = node.kind === 'array' ? node.items : [node]
  const items: RelatedItem[] = []
  nodes.forEach((item, i) => {
    const place = node.kind === 'array' ? `${target}/${i}` : target
    const read = bind ? readBind(item, place, faults) : readInline(item, place, faults)
    if (read !== undefined) items.push(read)
  })
  return { ...common, form: bind && property.collection ? 'add' : 'all', items }
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
  const id = node.members.get('@odata.id') ?? node.members.get('@id')
  if (id === undefined) return { kind: 'entity', node, target }
  if (id.kind !== 'string') {
    faults.add('controlInformationInvalid', 'An id is the URL of an entity.', `${target}/@odata.id`, id)
    return undefined
  }
  if ([...node.members.keys()].some((name) => !name.startsWith('@'))) {
    faults.add('notImplemented', 'Changing a related entity together with this one is not implemented.', target, node)
    return undefined
  }
  return { kind: 'reference', url: id.value, target }
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
