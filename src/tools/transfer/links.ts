import { follow, isContained, placeBehind } from '../../bind/binding-targets.ts'
import { textKeyValue } from '../../bind/keys.ts'
import { fields, type ModelLayout } from '../../bson/layout.ts'
import { decodeLinks, encodeLinks, type LinkKey, linkKeyOf, partsOfKey } from '../../bson/link-keys.ts'
import {
  bsonType,
  elementName,
  elementType,
  findField,
  firstElement,
  nextElement,
  valueOffset,
} from '../../bson/reader.ts'
import type { EntitySet, EntityType, Model, NavigationProperty } from '../../edm/model.ts'
import type { Faults } from '../../payload/faults.ts'
import { keyPredicate } from '../../payload/key-text.ts'
import type { RelatedMember } from '../../payload/related-body.ts'
import { storageOf } from '../../plan/relation.ts'
import type { Place } from './places.ts'

/** Relations that no property holds: lists of keys under `@links` (docs/architecture.md, "Relations"). */

/** A navigation property whose entities the row lists by key. */
interface KeptLinks {
  readonly property: NavigationProperty
  readonly target: EntitySet
}

/** What the rows of a place list, by place and type; made at first use. */
export class Links {
  readonly #model: Model
  readonly #layout: ModelLayout
  readonly #known = new Map<string, ReadonlyMap<string, KeptLinks>>()

  constructor(model: Model, layout: ModelLayout) {
    this.#model = model
    this.#layout = layout
  }

  /**
   * The links of a row as members of its JSON, references to entities (JSON Format 14): `"friends":[{"@id":"students(2)"}]`.
   * @returns `lost`: how many lists the model has no place for, and keys that do not fit it
   */
  write(place: Place, type: EntityType, row: Uint8Array): { readonly members: string; readonly lost: number } {
    const at = findField(row, fields.links)
    if (at < 0 || elementType(row, at) !== bsonType.document) return { members: '', lost: at < 0 ? 0 : 1 }
    const kept = this.#of(place, type)
    const members: string[] = []
    let lost = 0
    for (let list = firstElement(row, valueOffset(row, at)); list >= 0; list = nextElement(row, list)) {
      const links = kept.get(elementName(row, list))
      if (links === undefined) {
        lost++
        continue
      }
      const { property, target } = links
      const keys = decodeLinks(this.#layout, target.type, row, list)
      if (keys.length < itemsIn(row, list)) lost++
      const references = keys.map((key) => {
        const id = encodeURIComponent(target.name) + keyPredicate(target.type.key, partsOfKey(key), true)
        return `{"@id":${JSON.stringify(id)}}`
      })
      const text = property.collection ? `[${references.join(',')}]` : references[0]
      if (text !== undefined) members.push(`${JSON.stringify(property.name)}:${text}`)
    }
    return { members: members.join(','), lost }
  }

  /**
   * What an entity's references are stored as.
   * @returns the content of `@links`; undefined: the entity says nothing of any
   */
  read(place: Place, type: EntityType, related: readonly RelatedMember[], faults: Faults): object | undefined {
    if (related.length === 0) return undefined
    const kept = this.#of(place, type)
    const stored: Record<string, unknown> = {}
    for (const { property, via, form, items, target: at } of related) {
      const links = via === '' && form !== 'delta' ? kept.get(property.name) : undefined
      if (links === undefined) {
        faults.add('valueInvalid', `${at} cannot be imported: it is no relation that is kept as a list of keys.`, at)
        continue
      }
      const keys: LinkKey[] = []
      for (const item of items) {
        const key = item.kind === 'reference' ? keyOf(links, item.url) : undefined
        if (key === undefined)
          faults.add('valueInvalid', `${item.target} must refer to an entity of '${links.target.name}' by its @id.`, at)
        else keys.push(key)
      }
      if (keys.length === 0) continue
      stored[property.name] = encodeLinks(this.#layout, links.target.type, keys)
    }
    return stored
  }

  #of(place: Place, type: EntityType): ReadonlyMap<string, KeptLinks> {
    const { root, path } = place.binding
    const name = [root?.name, ...path, type.name].join('/')
    let known = this.#known.get(name)
    if (known === undefined) {
      known = new Map(this.#find(place, type).map((links) => [links.property.name, links]))
      this.#known.set(name, known)
    }
    return known
  }

  #find({ binding, root }: Place, type: EntityType): readonly KeptLinks[] {
    const found: KeptLinks[] = []
    for (const property of type.allNavigationProperties.values()) {
      if (isContained(this.#model, property) || storageOf(property).kind !== 'links') continue
      const declared = root.type.allNavigationProperties.has(property.name)
      const from = declared ? binding : placeBehind(binding, property.declaringType.name)
      const target = follow(this.#model, from, property).root
      if (target?.kind !== 'entitySet' || target.type.key.some(({ path: names }) => names.length > 1)) continue
      found.push({ property, target })
    }
    return found
  }
}

/** How many items a list has; one for what is no list. */
function itemsIn(row: Uint8Array, list: number): number {
  if (elementType(row, list) !== bsonType.array) return 1
  let count = 0
  for (let item = firstElement(row, valueOffset(row, list)); item >= 0; item = nextElement(row, item)) count++
  return count
}

/** The key in the URL of an entity of a set, be it relative or absolute. */
function keyOf({ target }: KeptLinks, url: string): LinkKey | undefined {
  const match = /(?:^|\/)([^/(]+)\(((?:'[^']*'|[^'()])*)\)$/.exec(decoded(url))
  if (match === null || match[1] !== target.name) return undefined
  const { key } = target.type
  const texts = new Map<string, string>()
  for (const [, name = '', quoted, plain = ''] of (match[2] ?? '').matchAll(part))
    texts.set(name, quoted?.replaceAll("''", "'") ?? plain)
  if (texts.size !== key.length) return undefined
  return linkKeyOf(
    target.type,
    key.map(({ alias, property }) => {
      const text = texts.get(alias) ?? (key.length === 1 ? texts.get('') : undefined)
      return text === undefined ? undefined : textKeyValue(property.type, text)
    }),
  )
}

/** `name=value`, or the value alone. */
const part = /(?:^|,)(?:(\w+)=)?(?:[\w.]*'((?:[^']|'')*)'|([^',]+))/g

function decoded(url: string): string {
  try {
    return decodeURIComponent(url)
  } catch {
    return url
  }
}
