import { Buffer } from 'node:buffer'
import { decodeField } from '../bson/decode.ts'
import type { ModelLayout } from '../bson/layout.ts'
import { fixedMediaType } from '../csdl/stream-terms.ts'
import type { Type, TypeReference } from '../edm/model.ts'
import { primitiveTypeOf, printPrimitive } from '../edm/primitives.ts'
import { primitiveOf } from '../edm/types.ts'
import type { PrimitiveValue } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { enumText } from './enum-text.ts'
import { type MemberOwner, memberPlace } from './member-place.ts'
import { toldMediaTypeAt } from './told-media-type.ts'
import type { MemberPath } from './writer.ts'

/** A value alone, as `/$value` gives it. */
export interface RawValue {
  /** media types that it is offered in; the first where the client does not say */
  readonly contentTypes: readonly [string, ...string[]]
  readonly body: Uint8Array
}

/**
 * Compiles the reader of a raw value (Protocol 11.2.4.2): text/plain, of Edm.String also Core.MediaType; of Edm.Binary the bytes in the
 * media type of Core.MediaType, else application/octet-stream.
 * @returns gives undefined where the value is null (204)
 * @param reference undefined: a dynamic property, whose value says what it is
 * @throws ODataError badRequest where the member is no primitive value
 */
export function compileRawValue(
  path: MemberPath,
  reference: TypeReference | undefined,
  layout: ModelLayout,
  owner: MemberOwner,
): (row: Uint8Array) => RawValue | undefined {
  const type = reference?.type
  const primitive = type && primitiveOf(type)?.name
  const isRaw = type === undefined || primitive !== undefined || type.kind === 'enum'
  if (!isRaw || reference?.collection) throw notRaw()
  const place = memberPlace(path, layout, owner)
  const said = mediaTypeOf(path, layout, owner)
  return (row) => {
    const { at, exactAt } = place(row)
    const value = decodeField(row, at, reference, exactAt, layout)
    if (value === null) return undefined
    if (Array.isArray(value) || (typeof value === 'object' && 'kind' in value && value.kind === 'structured'))
      throw notRaw()
    return rawOf(value as PrimitiveValue, type, said(row))
  }

  function rawOf(value: PrimitiveValue, type: Type | undefined, said: string | undefined): RawValue {
    if (value instanceof Uint8Array) return { contentTypes: [said ?? 'application/octet-stream'], body: value }
    const printed =
      type?.kind === 'enum'
        ? enumText(type, value as bigint)
        : printPrimitive(primitive ?? primitiveTypeOf(value), value)
    const other =
      said !== undefined && typeof value === 'string' ? [`${said}${/;/.test(said) ? '' : ';charset=utf-8'}`] : []
    return { contentTypes: ['text/plain;charset=utf-8', ...other], body: Buffer.from(printed) }
  }
}

function notRaw(): ODataError {
  return new ODataError('badRequest', 'Only a primitive value can be read by $value.', { target: '$value' })
}

/** Core.MediaType of the value: a constant, or what the property beside it says. */
function mediaTypeOf(
  path: MemberPath,
  layout: ModelLayout,
  owner: MemberOwner,
): (row: Uint8Array) => string | undefined {
  const last = path.at(-1)
  const fixed = last?.kind === 'property' ? fixedMediaType(last.property, undefined) : undefined
  const told = toldMediaTypeAt(path, layout, owner)
  return (row) => told(row, fixed ?? '') || undefined
}
