import type { Parameters } from '../bind/tree.ts'
import { type CollectionLayout, containedId, fields, type ModelLayout } from '../bson/layout.ts'
import { isLinkKey, type LinkKey, partsOfKey } from '../bson/link-keys.ts'
import { bsonType, elementType, findPath, readString, valueOffset } from '../bson/reader.ts'
import type { EntityType } from '../edm/model.ts'
import type { PrimitiveValue, Value } from '../edm/value.ts'
import { prepareValue } from '../eval/compile.ts'
import { tokenOf } from '../eval/key-list.ts'
import type { Matching } from '../plan/plan.ts'

/** Which of many parents an entity belongs to, when all were read together (plan/plan.ts, `Matching`). */
export interface Matcher {
  /** what is asked for of a parent: values by their tokens */
  asked(values: Parameters): readonly (readonly [string, LinkKey])[]
  /** the token of an entity */
  token(row: Uint8Array): string
  /** a parent's entities, in order */
  collect(
    values: Parameters,
    byToken: ReadonlyMap<string, readonly Uint8Array[]>,
    sorted: readonly { readonly row: Uint8Array }[],
  ): readonly Uint8Array[]
}

const ownerPath = [fields.id, containedId.owner]

export function matcherOf(
  layout: ModelLayout,
  collection: CollectionLayout,
  type: EntityType,
  matching: Matching,
  parameters: Parameters,
): Matcher {
  if (matching.kind === 'owner')
    return {
      asked: ([path]) => (typeof path === 'string' ? [[path, path]] : []),
      token: (row) => {
        const at = findPath(row, ownerPath)
        return at >= 0 && elementType(row, at) === bsonType.string ? readString(row, valueOffset(row, at)) : ''
      },
      collect: ([path], byToken) => byToken.get(String(path)) ?? [],
    }
  const members = matching.members.map((member) => prepareValue(member, { layout, collection, type })(parameters))
  const token = (row: Uint8Array): string => tokenOf(members.map((member) => member(row)))
  if (!matching.each)
    return {
      asked: ([first]) => (isPrimitive(first) ? [[tokenOf([first]), first]] : []),
      token,
      collect: (values, byToken) => byToken.get(tokenOf(values)) ?? [],
    }
  return {
    asked: ([list]) => listed(list).map((key) => [tokenOf(partsOfKey(key)), key]),
    token,
    collect: ([list], _, sorted) => {
      const wanted = new Set(listed(list).map((key) => tokenOf(partsOfKey(key))))
      return sorted.flatMap(({ row }) => (wanted.has(token(row)) ? [row] : []))
    },
  }
}

function listed(list: Value | undefined): readonly LinkKey[] {
  return Array.isArray(list) ? list.filter(isLinkKey) : []
}

/** Whether a value can relate entities. */
export function isPrimitive(value: Value | undefined): value is PrimitiveValue {
  if (value === null || value === undefined || Array.isArray(value)) return false
  return !(typeof value === 'object' && 'kind' in value && value.kind === 'structured')
}
