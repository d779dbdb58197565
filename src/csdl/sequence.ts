import { annotationOf, bool, integer, member, text } from '../edm/annotations.ts'
import type { PrimitiveTypeName, Property } from '../edm/model.ts'
import { integerRanges, maxInt64 } from '../edm/numbers.ts'
import { primitiveOf } from '../edm/types.ts'

/**
 * On a key property of an integer type: where a client gives no value, the service counts. `true`, or a record `{Name: String, Start:
 * Int64, Block: Int32}`, all optional: the counter (else the property's own), its first number (1), and how many numbers a process
 * takes at a time (20); what it has not used when it ends is lost.
 */
export const sequenceTerm = 'Odatum.V1.Sequence'

export interface Sequence {
  /** of the counter */
  readonly name: string
  readonly start: bigint
  readonly block: bigint
  /** the greatest number that the property can hold */
  readonly last: bigint
}

/** Numbers that a process takes at a time at the most. */
const mostBlock = 10_000n

const sequences = new WeakMap<Property, Sequence | null>()

/** The sequence that gives the values of a key property; undefined: none. */
export function sequenceOf(property: Property): Sequence | undefined {
  if (property.annotations.length === 0) return undefined
  let sequence = sequences.get(property)
  if (sequence === undefined) {
    sequence = readSequence(property) ?? null
    sequences.set(property, sequence)
  }
  return sequence ?? undefined
}

function readSequence(property: Property): Sequence | undefined {
  const value = annotationOf(property, sequenceTerm)?.value
  if (value === undefined || bool(value) === false) return undefined
  const last = lastOf(primitiveOf(property.type.type)?.name)
  if (last === undefined || property.type.collection)
    throw new Error(`${property.declaringType.name}/${property.name}: ${sequenceTerm} is for integers`)
  const block = integer(member(value, 'Block')) ?? 20n
  if (block < 1n || block > mostBlock)
    throw new Error(`${property.declaringType.name}/${property.name}: Block is from 1 to ${mostBlock}`)
  return {
    name: text(member(value, 'Name')) ?? `${property.declaringType.name}/${property.name}`,
    start: integer(member(value, 'Start')) ?? 1n,
    block,
    last,
  }
}

function lastOf(name: PrimitiveTypeName | undefined): bigint | undefined {
  switch (name) {
    case 'Edm.Byte':
    case 'Edm.SByte':
    case 'Edm.Int16':
    case 'Edm.Int32':
      return BigInt(integerRanges[name][1])
    case 'Edm.Int64':
      return maxInt64
    default:
      return undefined
  }
}
