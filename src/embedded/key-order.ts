import type { OrderByItem } from '../bind/tree.ts'
import { encodeKey } from '../bson/encode.ts'
import type { CollectionLayout } from '../bson/layout.ts'
import type { KeyProperty, PrimitiveTypeName } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import type { Keyset } from '../store/port.ts'
import { keyOfId } from './key.ts'

/** An order that is the order of the keys. */
export interface KeyOrder {
  readonly descending: boolean
  /** the lmdb key of a position in this order; undefined where no row can stand there */
  position(collection: number, keyset: Keyset, owner: string | undefined): Uint8Array | undefined
}

/** Types whose stored form, as key.ts writes it, has the order of `$orderby`. */
const ordered: ReadonlySet<PrimitiveTypeName> = new Set<PrimitiveTypeName>([
  'Edm.Boolean',
  'Edm.Byte',
  'Edm.Date',
  'Edm.DateTimeOffset',
  'Edm.Decimal',
  'Edm.Duration',
  'Edm.Guid',
  'Edm.Int16',
  'Edm.Int32',
  'Edm.Int64',
  'Edm.SByte',
  'Edm.String',
  'Edm.TimeOfDay',
])

/**
 * Whether an order begins with all the key properties, in key order and in one direction: what comes behind them decides
 * nothing any more.
 */
export function keyOrderOf(orderby: readonly OrderByItem[], layout: CollectionLayout): KeyOrder | undefined {
  const key = layout.entityType.key
  if (orderby.length === 0) return { descending: false, position: () => undefined }
  const descending = orderby[0]?.descending ?? false
  if (layout.key.parts.length === 0 || orderby.length < key.length) return undefined
  for (const [i, part] of key.entries()) {
    const item = orderby[i]
    if (!item || item.descending !== descending || !isKeyPart(item, part)) return undefined
  }
  const position = (collection: number, keyset: Keyset, owner: string | undefined): Uint8Array | undefined => {
    const values = keyset.slice(0, key.length)
    if (values.length < key.length || values.includes(null)) return undefined
    return keyOfId(collection, encodeKey(layout, values, owner))
  }
  return { descending, position }
}

function isKeyPart({ expression }: OrderByItem, part: KeyProperty): boolean {
  if (expression.kind !== 'member' || expression.variable !== '$it') return false
  const steps = expression.steps.filter((step) => step.kind !== 'cast')
  if (steps.length !== part.path.length) return false
  if (!steps.every((step, i) => step.kind === 'property' && step.property.name === part.path[i])) return false
  const { type } = part.property.type
  if (type.kind === 'enum') return true
  const primitive = primitiveOf(type)
  return primitive !== undefined && ordered.has(primitive.name)
}
