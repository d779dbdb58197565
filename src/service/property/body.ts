import { acceptableMediaTypes, mediaType, mediaTypePath } from '../../csdl/core.ts'
import type { StructuredType, TypeReference } from '../../edm/model.ts'
import { isStructured, isSubtypeOf, primitiveOf } from '../../edm/types.ts'
import { isStructuredValue, type StructuredValue, type Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { Faults } from '../../payload/faults.ts'
import type { JsonObject } from '../../payload/json.ts'
import { parseProperty, readProperty, requireNullable } from '../../payload/read-property.ts'
import { readRaw } from '../../payload/read-raw.ts'
import { checkBody } from '../../payload/validation/body-rules.ts'
import type { PropertyTarget } from '../../plan/plan.ts'
import { parseMediaType } from '../../protocol/media-type.ts'
import type { RequestHeaders } from '../../protocol/message.ts'
import { requireJsonBody } from '../../protocol/negotiate.ts'
import type { Core } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { mediaTypeMember } from '../media-change.ts'
import { contentTypeOf } from '../media-rules.ts'
import { type Edit, type Edited, inserting, merging, replacing } from './edit.ts'

/** The body of a request that changes a property: what it makes of the value that is there. */

/** @returns the names of a path, for messages */
export function nameOf({ path }: Pick<PropertyTarget, 'path'>): string {
  return path
    .flatMap((step) =>
      step.kind === 'property'
        ? [step.property.name]
        : step.kind === 'dynamic'
          ? [step.name]
          : step.kind === 'ordinal'
            ? [String(step.index)]
            : [],
    )
    .join('/')
}

/**
 * Reads and checks the request as far as it can be without the entity.
 * @param index `$index`
 * @returns the change of the value; of `each` that of one item
 * @throws ODataError unsupportedMediaType, and what reading bodies throws
 */
export async function editOf(
  core: Core,
  { request }: Exchange,
  target: PropertyTarget,
  type: StructuredType,
  index: number | undefined,
): Promise<Edit> {
  const { change, reference, raw, each } = target
  const name = nameOf(target)
  if (change === 'clear') {
    if (each || target.path.at(-1)?.kind === 'ordinal') return () => 'removed'
    if (reference?.collection) return () => ({ value: [] })
    requireNullable(reference, name)
    return () => ({ value: null })
  }
  if (raw) {
    checkRawType(request.headers, target, type)
    const value = readRaw((await request.body(core.limits.bodyBytes)) ?? new Uint8Array(), reference, name)
    const last = target.path.at(-1)
    if (last?.kind !== 'property') return () => ({ value })
    const contentType = request.headers['content-type']?.trim()
    const { declaringType } = last.property
    const beside =
      contentType === undefined ? undefined : mediaTypeMember(declaringType, last.property, { contentType })
    return () => ({ value, ...(beside ? { beside } : {}) })
  }
  requireJsonBody(request.headers)
  const body = await request.body(core.limits.bodyBytes)
  const node = parseProperty(body)
  const one: TypeReference | undefined =
    change === 'append' && reference ? { ...reference, collection: false } : reference
  if (one && !one.collection && isStructured(one.type)) {
    // streams of items are new with their collection: none by value (JSON Format 9)
    const item = change === 'append' || each !== undefined || target.path.some(({ kind }) => kind === 'ordinal')
    const streams = item ? undefined : body
    const structured: Structured = { core, target, node, streams, reference: one, declared: one.type, name }
    // what needs no entity to be checked is checked before it is looked for
    if (change !== 'merge') readComplex(structured, null)
    return change === 'append'
      ? (before) => ({ value: inserting(before, readComplex(structured, null).value, index) })
      : (before) => readComplex(structured, before)
  }
  const { value, type: given } = readProperty(node, one, { model: core.model, mode: 'create', name })
  if (change === 'append') return (before) => ({ value: inserting(before, value, index) })
  return () => ({ value, ...(given === undefined ? {} : { type: given }) })
}

interface Structured {
  readonly core: Core
  readonly target: PropertyTarget
  readonly node: JsonObject | undefined
  /** the body, where it may give streams by value */
  readonly streams: Uint8Array | undefined
  readonly reference: TypeReference
  readonly declared: StructuredType
  readonly name: string
}

function readComplex(
  { core, target, node, streams, reference, declared, name }: Structured,
  before: Value,
): Exclude<Edited, 'removed'> {
  const { model } = core
  const there = isStructuredValue(before) ? before : undefined
  const merges = target.change === 'merge' && there !== undefined
  const typed = node?.members.has('@odata.type') || node?.members.has('@type')
  // a merge that names no type is about the value as it is
  const type = merges && !typed && isSubtypeOf(there.type, declared) ? there.type : declared
  const mode = merges ? 'merge' : there ? 'replace' : 'create'
  const { value } = readProperty(node, { ...reference, type }, { model, mode, name, body: streams })
  if (node && target.kept.length > 0) {
    const faults = new Faults()
    checkBody({ rules: { refused: target.kept, required: [] }, purpose: 'update' }, node, undefined, model, faults)
    faults.throwIfAny()
  }
  if (!isStructuredValue(value)) return { value }
  if (!merges) return { value: replacing(before, value, keptNames(target)) }
  return there.type === value.type ? { value: merging(there, value), merge: value } : { value: merging(there, value) }
}

function keptNames({ kept }: PropertyTarget): ReadonlySet<string> {
  return new Set(kept.flatMap(({ path }) => (path.length === 1 ? path : [])))
}

/** The media type of a raw value: text, of binary values whatever the model takes (Protocol 11.4.9.1). */
function checkRawType(headers: RequestHeaders, { path, reference }: PropertyTarget, type: StructuredType): void {
  const last = path.at(-1)
  const property = last?.kind === 'property' ? last.property : undefined
  if (property && type.kind === 'entity') contentTypeOf(headers, { property }, type)
  if (reference && primitiveOf(reference.type)?.name === 'Edm.Binary' && headers['content-type'] !== undefined) return
  const media = parseMediaType(headers['content-type'] ?? '')
  const charset = media?.parameters.get('charset')?.toLowerCase() ?? 'utf-8'
  if (media?.type === 'text' && media.subtype === 'plain' && (charset === 'utf-8' || charset === 'us-ascii')) return
  // what the model says of the property has been checked
  if (
    media &&
    property &&
    (mediaType(property) ?? mediaTypePath(property) ?? acceptableMediaTypes(property)) !== undefined
  )
    return
  throw new ODataError('unsupportedMediaType', 'The value must be sent as text/plain in UTF-8.', {
    target: 'Content-Type',
  })
}

/** @returns the items with some of them changed, or taken away */
export function editEach(edit: Edit, positions: ReadonlySet<number>, check: (value: StructuredValue) => void): Edit {
  return (before) => ({
    value: (Array.isArray(before) ? before : []).flatMap((item: Value, i): readonly Value[] => {
      if (!positions.has(i)) return [item]
      const edited = edit(item)
      if (edited === 'removed') return []
      if (isStructuredValue(edited.value)) check(edited.value)
      return [edited.value]
    }),
  })
}
