import { follow, isContained, placeBehind } from '../../bind/binding-targets.ts'
import { textKeyValue } from '../../bind/keys.ts'
import { fieldPathOf } from '../../bson/field-path.ts'
import { fields, type ModelLayout } from '../../bson/layout.ts'
import { decodeLinks, encodeLinks, type LinkKey, linkKeyOf, partsOfKey } from '../../bson/link-keys.ts'
import {
  bsonType,
  elementName,
  elementType,
  findField,
  findPath,
  firstElement,
  nextElement,
  valueOffset,
} from '../../bson/reader.ts'
import type { EntitySet, EntityType, Model, NavigationProperty } from '../../edm/model.ts'
import type { Faults } from '../../payload/faults.ts'
import { keyPredicate } from '../../payload/key-text.ts'
import type { RelatedMember } from '../../payload/related-body.ts'
import type { RowAnnotations } from '../../payload/writer.ts'
import { navigationsOf } from '../../plan/complex-navigation.ts'
import { storageOf } from '../../plan/relation.ts'
import { listName, propertiesOf } from '../../plan/suffix.ts'
import type { Place } from './places.ts'

/** Relations that no property holds: lists of keys under `@links` (docs/architecture.md, "Relations"). */

/** A navigation property whose entities the row lists by key. */
interface KeptLinks {
  /** names of the complex properties that lead to it; empty: it is the entity's own */
  readonly way: string
  /** where the complex value is stored */
  readonly holder: readonly string[]
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
   * The links of a row as members of its JSON, and of complex values in it, references to entities (JSON Format 14):
   * `"friends":[{"@id":"students(2)"}]`.
   * @returns `lost`: how many lists the model has no place for, and keys that do not fit it
   */
  write(place: Place, type: EntityType, row: Uint8Array): { readonly members: RowAnnotations; readonly lost: number } {
    const at = findField(row, fields.links)
    if (at < 0 || elementType(row, at) !== bsonType.document) return { members: { own: '' }, lost: at < 0 ? 0 : 1 }
    const kept = this.#of(place, type)
    const members = new Map<string, string>()
    let lost = 0
    for (let list = firstElement(row, valueOffset(row, at)); list >= 0; list = nextElement(row, list)) {
      const links = kept.get(elementName(row, list))
      if (links === undefined) {
        lost++
        continue
      }
      const { way, holder, property, target } = links
      const held = way === '' ? at : findPath(row, holder)
      if (held < 0 || elementType(row, held) !== bsonType.document) {
        lost++
        continue
      }
      const keys = decodeLinks(this.#layout, target.type, row, list)
      if (keys.length < itemsIn(row, list)) lost++
      const references = keys.map((key) => {
        const id = encodeURIComponent(target.name) + keyPredicate(target.type.key, partsOfKey(key), true)
        return `{"@id":${JSON.stringify(id)}}`
      })
      const text = property.collection ? `[${references.join(',')}]` : references[0]
      if (text === undefined) continue
      const before = members.get(way)
      members.set(way, `${before === undefined ? '' : `${before},`}${JSON.stringify(property.name)}:${text}`)
    }
    return { members: { own: members.get('') ?? '', inside: members }, lost }
  }

  /** Where links may stand inside complex values of a place's rows (`RowShape.inline`). */
  inside(place: Place): ReadonlySet<string> {
    const found = this.#find(place, place.root.type)
    return new Set(found.flatMap(({ way, property }) => (way === '' ? [] : [`${way}/${property.name}`])))
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
      const name = [...kept].find(([, links]) => links.way === via && links.property === property)?.[0]
      const links = name === undefined || form === 'delta' ? undefined : kept.get(name)
      if (name === undefined || links === undefined) {
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
      stored[name] = encodeLinks(this.#layout, links.target.type, keys)
    }
    return stored
  }

  #of(place: Place, type: EntityType): ReadonlyMap<string, KeptLinks> {
    const { root, path } = place.binding
    const name = [root?.name, ...path, type.name].join('/')
    let known = this.#known.get(name)
    if (known === undefined) {
      known = new Map(this.#find(place, type).map((links) => [links.list, links]))
      this.#known.set(name, known)
    }
    return known
  }

  #find({ binding, root, collection }: Place, type: EntityType): readonly (KeptLinks & { readonly list: string })[] {
    const found: (KeptLinks & { readonly list: string })[] = []
    for (const { via, property } of navigationsOf(type)) {
      if (isContained(this.#model, property) || storageOf(property).kind !== 'links') continue
      if (via.length === 0 && type.allNavigationProperties.get(property.name) !== property) continue
      const names = propertiesOf(via)
      const first = names[0] ?? property
      const declared = root.type.allProperties.has(first.name) || root.type.allNavigationProperties.has(first.name)
      const from = [...(declared ? [] : [first.declaringType.name]), ...names.map(({ name }) => name)].reduce(
        placeBehind,
        binding,
      )
      const target = follow(this.#model, from, property).root
      if (target?.kind !== 'entitySet' || target.type.key.some(({ path }) => path.length > 1)) continue
      const way = names.map(({ name }) => name).join('/')
      const holder = way === '' ? [] : fieldPathOf(this.#layout, collection, names)
      found.push({ way, holder, property, target, list: listName(via, property) })
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
