import { Buffer } from 'node:buffer'
import type { EntityType, Model } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import { contentIdNames } from './content-id.ts'
import type { RemovedReason } from './delta.ts'
import { type JsonNode, type JsonObject, jsonKinds, parseJson } from './json.ts'
import { keyPredicate } from './key-text.ts'
import { scalarReader } from './read-value.ts'

/** The body that changes a collection of entities (JSON Format 15.6): what it says of each, not yet read as values. */

export type DeltaItem = EntityItem | LinkItem

interface ItemInBody {
  /** the item as it stands in the body */
  readonly node: JsonObject
  readonly bytes: Uint8Array
}

export interface EntityItem extends ItemInBody {
  readonly kind: 'entity' | 'removed'
  /** control information id */
  readonly id: string | undefined
  readonly etag: string | undefined
}

export interface LinkItem extends ItemInBody {
  readonly kind: 'link' | 'deletedLink'
  readonly source: string
  readonly relationship: string
  /** undefined: of a deleted link of a single-valued navigation property */
  readonly target: string | undefined
}

export function isLink(item: DeltaItem): item is LinkItem {
  return item.kind === 'link' || item.kind === 'deletedLink'
}

/**
 * Reads the items of a body that changes a collection.
 * @param delta PATCH: deleted entities and links are taken, too; PUT: entities only
 * @param most items
 * @throws ODataError bodySyntax, bodyInvalid, controlInformationInvalid; badRequest where they are too many
 */
export function readDelta(body: Uint8Array | undefined, delta: boolean, most: number): readonly DeltaItem[] {
  if (body === undefined || body.length === 0) throw new ODataError('bodySyntax', 'The request has no body.')
  const node = parseJson(body)
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  if (node.kind !== 'object') throw invalid(`The body must be a JSON object, not ${jsonKinds[node.kind]}.`, node)
  return itemsOf(node, (item) => Buffer.from(text.slice(item.offset, item.end)), delta, most, '')
}

/**
 * Reads a delta that is a value in a body (Core.IsDelta): the array of its items, or an object as a body would be.
 * @param target of the value
 * @throws ODataError as `readDelta`
 */
export function readDeltaValue(node: JsonNode, most: number, target: string): readonly DeltaItem[] {
  const whole: JsonNode =
    node.kind === 'array' ? { ...node, kind: 'object', members: new Map([['value', node]]), duplicates: [] } : node
  if (whole.kind !== 'object')
    throw new ODataError('bodyInvalid', `The value of ${target} must be a delta, not ${jsonKinds[node.kind]}.`, {
      target,
    })
  return itemsOf(whole, () => nothing, true, most, `${target}/`)
}

const nothing = new Uint8Array()

/** @param before of the targets of faults */
function itemsOf(
  node: JsonObject,
  bytesOf: (item: JsonObject) => Uint8Array,
  delta: boolean,
  most: number,
  before: string,
): readonly DeltaItem[] {
  const context = control(node, 'context')
  if (delta && context !== undefined && !(context.kind === 'string' && /[#/]\$delta$/.test(context.value)))
    throw new ODataError('controlInformationInvalid', 'The context of a delta is "#$delta".', { target: '@context' })
  const value = node.members.get('value')
  if (value?.kind !== 'array') throw invalid('The body must have an array "value" of entities.', value ?? node)
  if (value.items.length > most)
    throw new ODataError('badRequest', `The body has more than ${most} items (limit memberChanges).`)
  return value.items.map((item, i) => {
    if (item.kind !== 'object') throw invalid(`The item ${i} must be an object, not ${jsonKinds[item.kind]}.`, item)
    const read = readItem(item, bytesOf(item), `${before === '' ? 'value/' : before}${i}`)
    if (!delta && read.kind !== 'entity')
      throw invalid('A PUT names the entities that there will be, nothing else.', item)
    return read
  })
}

function readItem(node: JsonObject, bytes: Uint8Array, target: string): DeltaItem {
  const [duplicate] = node.duplicates
  if (duplicate)
    throw new ODataError('propertyDuplicate', `The member ${JSON.stringify(duplicate.name)} occurs twice.`, { target })
  const common = { node, bytes }
  const context = control(node, 'context')
  const kind = context?.kind === 'string' ? /\/\$(link|deletedLink|deletedEntity)$/.exec(context.value)?.[1] : undefined
  if (kind === 'link' || kind === 'deletedLink') {
    const source = required(node, 'source', target)
    const relationship = required(node, 'relationship', target)
    const to = kind === 'link' || node.members.has('target') ? required(node, 'target', target) : undefined
    return { ...common, kind, source, relationship, target: to }
  }
  const id = textOf(control(node, 'id'), `${target}/@id`)
  const etag = textOf(control(node, 'etag'), `${target}/@etag`)
  // 4.0 says it by the context, and the id in a property (JSON Format 15.3)
  if (kind === 'deletedEntity' && control(node, 'removed') === undefined)
    return { ...common, kind: 'removed', id: id ?? required(node, 'id', target), etag }
  const removed = control(node, 'removed')
  if (removed === undefined) return { ...common, kind: 'entity', id, etag }
  const reason = removed.kind === 'object' ? removed.members.get('reason') : null
  if (
    reason === null ||
    (reason !== undefined && !(reason.kind === 'string' && /^(?:changed|deleted)$/.test(reason.value)))
  )
    throw new ODataError('controlInformationInvalid', 'The reason of a removed entity is "changed" or "deleted".', {
      target: `${target}/@removed`,
    })
  return { ...common, kind: 'removed', id, etag }
}

/** Whether a removed entity is deleted, or only no part of the collection any more. */
export function reasonOf(node: JsonObject): RemovedReason {
  const removed = control(node, 'removed')
  const reason = removed?.kind === 'object' ? removed.members.get('reason') : node.members.get('reason')
  return reason?.kind === 'string' && reason.value === 'changed' ? 'changed' : 'deleted'
}

/** Whether a removed entity is said as 4.01 does: by control information beside its key properties. */
export function isRemovedOf401(node: JsonObject): boolean {
  return control(node, 'removed') !== undefined
}

function control(node: JsonObject, name: string): JsonNode | undefined {
  return node.members.get(`@odata.${name}`) ?? node.members.get(`@${name}`)
}

function textOf(node: JsonNode | undefined, target: string): string | undefined {
  if (node === undefined || node.kind === 'null') return undefined
  if (node.kind === 'string') return node.value
  throw new ODataError('controlInformationInvalid', 'A string is expected.', { target })
}

function required(node: JsonObject, name: string, target: string): string {
  const value = node.members.get(name)
  if (value?.kind === 'string') return value.value
  throw new ODataError('propertyRequired', `The item has no text "${name}".`, { target: `${target}/${name}` })
}

function invalid(message: string, { offset, end }: JsonNode): ODataError {
  return new ODataError('bodyInvalid', message, { position: { offset, length: end - offset } })
}

/**
 * The key predicate that the members of an entity in a body say, percent-encoded.
 * @returns undefined where one of them is missing
 * @throws ODataError keyInvalid where one is no value of its type
 */
export function keyIn({ members }: JsonObject, { key }: EntityType): string | undefined {
  const values = key.map(({ path, property, alias }) => {
    let node: JsonNode | undefined
    let inside = members
    for (const name of path) {
      node = inside.get(name)
      if (node?.kind === 'object') inside = node.members
    }
    if (node === undefined || node.kind === 'null') return undefined
    const read = scalarReader(property.type)?.(node)
    if (read !== undefined && 'value' in read) return read.value
    throw new ODataError('keyInvalid', `The value of ${alias} is invalid: ${read?.fault ?? 'it has no value'}.`, {
      target: path.join('/'),
    })
  })
  const known = values.flatMap((value) => (value === undefined ? [] : [value]))
  return known.length === key.length ? keyPredicate(key, known, true) : undefined
}

/** Core.ContentID of an item as a JSON member, by the name that the client used (JSON Format 15.6); undefined: none. */
export function contentIdIn({ members }: JsonObject, model: Model): string | undefined {
  for (const name of contentIdNames(model)) {
    const value = members.get(name)
    if (value?.kind === 'string') return `${JSON.stringify(name)}:${JSON.stringify(value.value)}`
  }
  return undefined
}
