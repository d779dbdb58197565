import type { Selection } from '../bind/tree.ts'
import { fields, type ModelLayout } from '../bson/layout.ts'
import { findField } from '../bson/reader.ts'
import { streamAt } from '../bson/stream.ts'
import { isReadable } from '../csdl/core.ts'
import type { Property, StructuredType } from '../edm/model.ts'
import { isMedia, isStream } from '../edm/types.ts'
import type { StreamReference } from '../edm/value.ts'
import { controlName } from './control.ts'
import { isSelected } from './members.ts'
import { toldMediaType } from './told-media-type.ts'
import type { JsonDialect } from './writer.ts'

/**
 * Control information of streams (JSON Format 4.5.12, 9, 10): media type and entity tag where the stream has a value, and at full metadata
 * its links, which follow the conventions. A stream itself is no member of its entity. At minimal metadata an entity's stream property that has a value
 * has its edit link: Olingo's client cannot read its media type without one.
 */

/** One stream of a type. */
export interface StreamMember {
  /** of the property; empty: the media of the entity */
  readonly name: string
  /** what of its URL follows that of its owner */
  readonly segment: string
  read(row: Uint8Array, start: number): StreamReference | undefined
}

/**
 * The streams of a type that are written, the entity's media first.
 * @param beside names of those that somebody else writes, with their values
 */
export function streamsOf(
  layout: ModelLayout,
  type: StructuredType,
  select: Selection | undefined,
  beside: ReadonlySet<string> = new Set(),
): readonly StreamMember[] {
  const streams: StreamMember[] = []
  if (type.kind === 'entity' && isMedia(type) && !beside.has('')) streams.push(streamMember(layout, type, undefined))
  for (const property of type.allProperties.values()) {
    const { name } = property
    if (!isStream(property) || !isSelected(select, name) || !isReadable(property) || beside.has(name)) continue
    streams.push(streamMember(layout, type, property))
  }
  return streams
}

/** One stream of the rows. @param property undefined: the media of the entity */
export function streamMember(layout: ModelLayout, type: StructuredType, property: Property | undefined): StreamMember {
  const told = toldMediaType(layout, property?.declaringType ?? type, property)
  const reader =
    (field: string): StreamMember['read'] =>
    (row, start) => {
      const stream = streamAt(row, findField(row, field, start))
      return stream && { ...stream, contentType: told(row, start, stream.contentType) }
    }
  if (property === undefined) return { name: '', segment: '$value', read: reader(fields.media) }
  const { name, declaringType } = property
  const field = (layout.structured(declaringType).fieldOf.get(name) ?? name) + fields.stream
  return { name, segment: name, read: reader(field) }
}

/**
 * The control information of streams as JSON members.
 * @param start offset of the document's length
 * @param urlOf the URL of the owner; undefined: no links
 */
export function streamTexts(
  streams: readonly StreamMember[],
  dialect: JsonDialect,
  row: Uint8Array,
  start: number,
  urlOf: (() => string | undefined) | undefined,
): readonly string[] {
  const pieces: string[] = []
  const full = dialect.metadata === 'full'
  for (const { name, segment, read } of streams) {
    const control = (suffix: string, value: string): void => {
      pieces.push(`${JSON.stringify(name + controlName(dialect, suffix))}:${JSON.stringify(value)}`)
    }
    const stream = read(row, start)
    const url = full || (stream !== undefined && name !== '') ? urlOf?.() : undefined
    if (url !== undefined) control('mediaEditLink', `${url}/${segment}`)
    if (url !== undefined && full) control('mediaReadLink', `${url}/${segment}`)
    if (stream === undefined) continue
    control('mediaContentType', stream.contentType)
    control('mediaEtag', streamTag(stream))
  }
  return pieces
}

/** The entity tag of a stream: its file, which never changes (Protocol 8.3.1). */
export function streamTag({ file }: StreamReference): string {
  return `"${file}"`
}
