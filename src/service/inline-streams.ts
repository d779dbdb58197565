import { streamFieldPathOf } from '../bson/field-path.ts'
import type { Property } from '../edm/model.ts'
import { isStream } from '../edm/types.ts'
import { type InlineStream, mediaMember, type StreamReference, type StructuredValue, type Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { SourceRoot } from '../plan/plan.ts'
import type { Session } from '../store/port.ts'
import type { StreamPlace } from '../store/streams.ts'
import { type Core, collectionOf } from './core.ts'
import { mediaTypeMember } from './media-change.ts'
import { checkMediaType } from './media-rules.ts'
import { filesOf, letGo } from './streams.ts'

/** Streams that bodies give by value (JSON Format 9, 10): each is written as a file of its own before the entity points to it. */

/** What the rows say of the files, once a write has happened. */
export interface WrittenStreams {
  /** The row points to the files that were written. */
  own(row: Uint8Array): Promise<void>
}

/** A stream of a body, and where the pointer to it will stand. */
interface Given {
  readonly inline: InlineStream
  /** properties from the entity; none: its media */
  readonly path: readonly Property[]
}

/**
 * Writes the streams of an entity as files, then the entity. Files that no row points to at the end are removed, unless nobody knows
 * what became of the write: then the sweep looks.
 * @param work writes the entity, and says by `own` once a row points to the files
 * @throws ODataError valueInvalid, payloadTooLarge, notImplemented (in a collection), and what `work` throws
 */
export async function storingStreams<T>(
  core: Core,
  root: SourceRoot,
  entity: StructuredValue,
  work: (entity: StructuredValue, streams: WrittenStreams) => Promise<T>,
): Promise<T> {
  const given = streamsIn(entity)
  if (given.length === 0) return work(entity, { own: async () => {} })
  for (const each of given) check(core, entity, each)
  const collection = collectionOf(core.layout, root)
  const written = new Map<InlineStream, StreamReference>()
  const places = new Map<string, StreamPlace>()
  let owned = false
  try {
    for (const { inline, path } of given) {
      const place = { collection, field: streamFieldPathOf(core.layout, collection, path) }
      const file = await core.store.streams.write(once(inline.bytes), place, core.limits.storeTime)
      places.set(file.id, place)
      written.set(inline, { file: file.id, contentType: inline.contentType, length: file.length })
    }
    return await work(pointing(entity, written), {
      own: async (row) => {
        owned = true
        for (const [file, place] of places) await core.store.streams.own(file, place, row)
      },
    })
  } catch (error) {
    if (error instanceof ODataError && error.code === 'outcomeUnknown') owned = true
    throw error
  } finally {
    if (!owned) for (const file of places.keys()) await core.store.streams.discard(file).catch(() => {})
  }
}

/** Whether an entity says anything of streams. */
export function saysStreams({ type, members, inline }: StructuredValue): boolean {
  if (inline !== undefined) return true
  for (const [name, value] of members) {
    if (value === null && isStreamOf(type.allProperties.get(name))) return true
    if (isStructuredValue(value) && saysStreams(value)) return true
  }
  return false
}

/** Lets go of the files that a row no longer points to. */
export async function letGoOld(
  core: Core,
  session: Session,
  root: SourceRoot,
  before: Uint8Array | undefined,
  after: Uint8Array,
): Promise<void> {
  const files = filesOf({ root })
  if (files === undefined || before === undefined) return
  const kept = new Set(files(after))
  await letGo(
    core,
    session,
    files(before).filter((file) => !kept.has(file)),
  )
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}

/** @throws ODataError notImplemented where a stream stands in a collection or in a dynamic value */
function streamsIn(value: StructuredValue, path: readonly Property[] = []): readonly Given[] {
  const found: Given[] = []
  for (const [name, inline] of value.inline ?? []) {
    const property = value.type.allProperties.get(name)
    found.push({ inline, path: property === undefined ? [] : [...path, property] })
  }
  for (const [name, member] of value.members) {
    const property = value.type.allProperties.get(name)
    if (isStructuredValue(member) && property !== undefined) found.push(...streamsIn(member, [...path, property]))
    else if (hasInline(member))
      throw new ODataError('notImplemented', `Streams by value inside ${name} are not implemented.`, { target: name })
  }
  return found
}

function hasInline(value: Value): boolean {
  if (isList(value)) return value.some(hasInline)
  return isStructuredValue(value) && (value.inline !== undefined || [...value.members.values()].some(hasInline))
}

/** What the model, and the service, say of a stream. @throws ODataError */
function check({ limits }: Core, { type }: StructuredValue, { inline, path }: Given): void {
  const property = path.at(-1)
  const target = path.length === 0 ? mediaMember : path.map(({ name }) => name).join('/')
  checkMediaType(inline.contentType, { property }, type.kind === 'entity' ? type : undefined, (why) => {
    throw new ODataError('valueInvalid', why, { target })
  })
  const longest = property?.type.facets.maxLength
  if (typeof longest === 'number' && inline.bytes.length > longest)
    throw new ODataError('valueInvalid', `The stream ${target} is longer than ${longest} bytes (MaxLength).`, {
      target,
    })
  if (inline.bytes.length > limits.streamBytes)
    throw new ODataError(
      'payloadTooLarge',
      `The stream is larger than ${limits.streamBytes} bytes (limit streamBytes).`,
    )
}

/** The value with pointers in the place of its streams. */
function pointing(value: StructuredValue, written: ReadonlyMap<InlineStream, StreamReference>): StructuredValue {
  const { inline, ...rest } = value
  const members = new Map(value.members)
  for (const [name, member] of members) if (isStructuredValue(member)) members.set(name, pointing(member, written))
  const streams = new Map<string, StreamReference | null>(value.streams)
  for (const [name, stream] of inline ?? []) {
    const reference = written.get(stream)
    if (reference === undefined) throw new Error('invariant: every stream of the body was written')
    streams.set(name, reference)
    for (const [holder, type] of mediaTypeMember(value.type, value.type.allProperties.get(name), reference))
      members.set(holder, type)
  }
  return { ...rest, members, ...(streams.size > 0 ? { streams } : {}) }
}

function isStreamOf(property: Property | undefined): boolean {
  return property !== undefined && isStream(property)
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

function isStructuredValue(value: Value): value is StructuredValue {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'structured'
}
