import type { Parameters } from '../bind/tree.ts'
import { type CollectionLayout, containedId, fields, type ModelLayout } from '../bson/layout.ts'
import { bsonType, elementType, findPath, readString, valueOffset } from '../bson/reader.ts'
import { Decimal } from '../edm/decimal.ts'
import type { EntityType } from '../edm/model.ts'
import type { PrimitiveValue, Value } from '../edm/value.ts'
import { prepareValue } from '../eval/compile.ts'
import type { Matching } from '../plan/plan.ts'

/** Which of many parents an entity belongs to, when all were read together (plan/plan.ts, `Matching`). */
export interface Matcher {
  /** what is asked for of a parent: values by their tokens */
  asked(values: Parameters): readonly (readonly [string, PrimitiveValue])[]
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
    asked: ([list]) => listed(list).map((value) => [tokenOf([value]), value]),
    token,
    collect: ([list], _, sorted) => {
      const wanted = new Set(listed(list).map((value) => tokenOf([value])))
      return sorted.flatMap(({ row }) => (wanted.has(token(row)) ? [row] : []))
    },
  }
}

function listed(list: Value | undefined): readonly PrimitiveValue[] {
  return Array.isArray(list) ? list.filter(isPrimitive) : []
}

/** Whether a value can relate entities. */
export function isPrimitive(value: Value | undefined): value is PrimitiveValue {
  if (value === null || value === undefined || Array.isArray(value)) return false
  return !(typeof value === 'object' && 'kind' in value && value.kind === 'structured')
}

/** A text that equal values share. */
function tokenOf(values: readonly (Value | undefined)[]): string {
  return values.map((value) => `${oneToken(value)}`).join('\0')
}

/** A text that equal values share, and no others of the same type. */
export function oneToken(value: Value | undefined): string {
  if (value === null || value === undefined) return ''
  if (value instanceof Decimal) return `n${value.trimmed()}`
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('base64')}`
  if (typeof value === 'object' && 'kind' in value) {
    if (value.kind === 'dateTimeOffset') return `d${value.ms}.${value.sub}`
    if (value.kind === 'duration') return `p${value.ps}`
    return ''
  }
  return typeof value === 'number' || typeof value === 'bigint' ? `n${value}` : `s${value}`
}
