import { Buffer, isUtf8 } from 'node:buffer'
import { checkFacets } from '../edm/facets.ts'
import type { TypeReference } from '../edm/model.ts'
import { parsePrimitive } from '../edm/primitives.ts'
import { primitiveOf } from '../edm/types.ts'
import type { PrimitiveValue } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { scalarReader } from './read-value.ts'

/**
 * The value that a request to `/$value` brings (Protocol 11.4.9.1): of Edm.Binary the bytes, of all others their text.
 * @param reference undefined: a dynamic property, which becomes a string
 * @param name of the property, for messages
 * @throws ODataError valueInvalid; badRequest where the property has no raw value
 */
export function readRaw(body: Uint8Array, reference: TypeReference | undefined, name: string): PrimitiveValue {
  const invalid = (why: string): never => {
    throw new ODataError('valueInvalid', `The value of ${name} is invalid: ${why}.`, { target: name })
  }
  const type = reference?.type
  const primitive = type === undefined ? 'Edm.String' : primitiveOf(type)?.name
  if (reference?.collection || (primitive === undefined && type?.kind !== 'enum'))
    throw new ODataError('badRequest', 'Only a primitive value can be written by $value.', { target: '$value' })
  const value =
    primitive === 'Edm.Binary' ? new Uint8Array(body) : isUtf8(body) ? textOf(body) : invalid('it is not UTF-8')
  const fault = typeof value !== 'string' && reference ? checkFacets(reference, value) : undefined
  if (fault !== undefined) return invalid(fault)
  if (typeof value !== 'string' || reference === undefined) return value
  if (type?.kind === 'enum') {
    const read = scalarReader(reference)?.({ kind: 'string', value: value.trim(), offset: 0, end: 0 })
    return read !== undefined && 'value' in read ? read.value : invalid(read?.fault ?? 'it has no text')
  }
  const parsed = primitive && parsePrimitive(primitive, primitive === 'Edm.String' ? value : value.trim())
  if (parsed === undefined) return invalid(`it is no ${primitive}`)
  const wrong = checkFacets(reference, parsed)
  return wrong === undefined ? parsed : invalid(wrong)
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
}
