import { streamFieldPathOf } from '../bson/field-path.ts'
import type { Property } from '../edm/model.ts'
import { isStream } from '../edm/types.ts'
import {
  type InlineStream,
  isStructuredValue,
  mediaMember,
  type StreamReference,
  type StructuredValue,
  type Value,
} from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { Faults } from '../payload/faults.ts'
import type { SourceRoot } from '../plan/plan.ts'
import type { Session } from '../store/port.ts'
import type { StreamPlace } from '../store/streams.ts'
import { type Core, collectionOf } from './core.ts'
import { mediaTypeMember } from './media-change.ts'
import { checkMediaType } from './media-rules.ts'
import { filesOf, letGo } from './streams.ts'

/** Streams that bodies give by value (JSON Format 9, 10): each is written as a file of its own before the entity points to it. */

/** A stream of a body, and where the pointer to it will stand. */
interface Given {
  readonly inline: InlineStream
  /** properties from the entity; none: its media */
  readonly path: readonly Property[]
}

interface WrittenFile {
  readonly reference: StreamReference
  readonly place: StreamPlace
  /** that points to it */
  row: Uint8Array | undefined
}

/**
 * The files of the streams that one write of entities gives by value. A write that runs again, in a transaction, takes the files that it has
 * written before.
 */
export class StreamFiles {
  readonly #core: Core
  readonly #files = new Map<InlineStream, WrittenFile>()

  constructor(core: Core) {
    this.#core = core
  }

  /**
   * Writes the streams of an entity as files.
   * @returns the entity with pointers to them; itself where it has none
   * @throws ODataError notImplemented (in a collection), and what the store throws
   */
  async pointing(root: SourceRoot, entity: StructuredValue): Promise<StructuredValue> {
    const given = streamsIn(entity)
    if (given.length === 0) return entity
    const { layout, store, limits } = this.#core
    const collection = collectionOf(layout, root)
    for (const { inline, path } of given) {
      if (this.#files.has(inline)) continue
      const place = { collection, field: streamFieldPathOf(layout, collection, path) }
      const file = await store.streams.write(once(inline.bytes), place, limits.storeTime)
      const reference = { file: file.id, contentType: inline.contentType, length: file.length }
      this.#files.set(inline, { reference, place, row: undefined })
    }
    return pointing(entity, this.#files)
  }

  /** Notes the row that points to the files of an entity. @param entity as it was before `pointing` */
  stored(entity: StructuredValue, row: Uint8Array): void {
    for (const { inline } of streamsIn(entity)) {
      const file = this.#files.get(inline)
      if (file !== undefined) file.row = row
    }
  }

  /** What was noted of rows holds no longer: their transaction was taken back. */
  takeBack(): void {
    for (const file of this.#files.values()) file.row = undefined
  }

  /**
   * Does the write. Files that no row points to at the end are removed, unless nobody knows what became of the write: then the sweep looks.
   * @throws what `work` throws
   */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const { streams } = this.#core.store
    try {
      const result = await work()
      for (const { reference, place, row } of this.#files.values())
        if (row !== undefined) await streams.own(reference.file, place, row)
      for (const { reference, row } of this.#files.values())
        if (row === undefined) await streams.discard(reference.file).catch(() => {})
      return result
    } catch (error) {
      if (!(error instanceof ODataError && error.code === 'outcomeUnknown'))
        for (const { reference } of this.#files.values()) await streams.discard(reference.file).catch(() => {})
      throw error
    }
  }
}

/**
 * Writes the streams of an entity as files, then the entity.
 * @param work writes the entity, and says by `own` once a row points to the files
 * @throws ODataError valueInvalid, payloadTooLarge, notImplemented (in a collection), and what `work` throws
 */
export async function storingStreams<T>(
  core: Core,
  root: SourceRoot,
  entity: StructuredValue,
  work: (entity: StructuredValue, stored: (row: Uint8Array) => void) => Promise<T>,
): Promise<T> {
  if (streamsIn(entity).length === 0) return work(entity, () => {})
  checkStreams(core, entity)
  const files = new StreamFiles(core)
  return files.during(async () => work(await files.pointing(root, entity), (row) => files.stored(entity, row)))
}

/**
 * What the model, and the service, say of the streams that an entity gives by value: to be asked before anything is written.
 * @throws ODataError valueInvalid, payloadTooLarge, notImplemented (in a collection)
 */
export function checkStreams(core: Core, entity: StructuredValue): void {
  for (const each of streamsIn(entity)) check(core, entity, each)
}

/** As `checkStreams`, of an entity inside a body. */
export function noteStreamFaults(core: Core, entity: StructuredValue, at: string, faults: Faults): void {
  try {
    checkStreams(core, entity)
  } catch (error) {
    if (!(error instanceof ODataError)) throw error
    faults.add(error.code, error.message, error.target === undefined ? at : `${at}/${error.target}`)
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
function pointing(value: StructuredValue, written: ReadonlyMap<InlineStream, WrittenFile>): StructuredValue {
  const { inline, ...rest } = value
  const members = new Map(value.members)
  for (const [name, member] of members) if (isStructuredValue(member)) members.set(name, pointing(member, written))
  const streams = new Map<string, StreamReference | null>(value.streams)
  for (const [name, stream] of inline ?? []) {
    const reference = written.get(stream)?.reference
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
