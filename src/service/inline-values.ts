import { Buffer, isUtf8 } from 'node:buffer'
import { propertyNames } from '../bind/print.ts'
import type { ExpandedStream } from '../bind/tree.ts'
import { bsonType, elementType, valueOffset } from '../bson/reader.ts'
import { mediaMember, type StreamReference } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { controlName } from '../payload/control.ts'
import { parseJson } from '../payload/json.ts'
import { memberPlace } from '../payload/member-place.ts'
import { linkOf, collectionOf as placeOfRows, setTypeOf } from '../payload/members.ts'
import { inlineForm } from '../payload/read-stream.ts'
import { type StreamMember, streamMember, streamTexts } from '../payload/stream-control.ts'
import type { JsonDialect, Related, RelatedRows, RowAnnotations, RowShape } from '../payload/writer.ts'
import type { Expansion } from '../plan/plan.ts'
import type { Core } from './core.ts'

/** Streams that $expand names: their values stand in the answer (JSON Format 9, 10). */

/** Bytes of one stream, and of all of one answer (docs/limits.md). */
export const inlineLimits = { stream: 1_048_576, answer: 8_388_608 } as const

/** Gives, for rows as they are stored, the members of their streams; made once for an answer. */
export type StreamValues = (rows: readonly Uint8Array[]) => Promise<readonly (RowAnnotations | undefined)[]>

/** What the values of one answer have in common. */
export interface Inlining {
  readonly dialect: JsonDialect
  /** bytes that may still be given */
  left: number
}

export function inlining(dialect: JsonDialect): Inlining {
  return { dialect, left: inlineLimits.answer }
}

const nothing: StreamValues = async () => []

/** Names of streams whose members the rows of a shape come with; empty: the media. */
export function namesOfStreams(streams: readonly ExpandedStream[]): ReadonlySet<string> {
  return new Set(streams.map(({ path, property }) => [...propertyNames(path), property?.name ?? ''].join('/')))
}

/** A stream of the rows, and the complex value that it is of. */
interface WantedStream {
  readonly member: StreamMember
  /** names that lead to the complex value; undefined: it is the row's own */
  readonly way: string | undefined
  /** where the document begins that has the stream; undefined: there is none */
  startOf(row: Uint8Array): number | undefined
}

function wantedStream(core: Core, shape: RowShape, { path, property }: ExpandedStream): WantedStream {
  const { layout } = core
  const member = streamMember(layout, shape.type, property)
  if (path.length === 0) return { member, way: undefined, startOf: () => 0 }
  const place = memberPlace(path, layout, { type: shape.type, collection: placeOfRows(shape, layout) })
  return {
    member,
    way: propertyNames(path).join('/'),
    startOf(row) {
      const { at } = place(row)
      return at < 0 || elementType(row, at) !== bsonType.document ? undefined : valueOffset(row, at)
    },
  }
}

/** @returns gives nothing where no stream is expanded */
export function streamValues(
  core: Core,
  expanded: readonly ExpandedStream[] | undefined,
  shapeOf: () => RowShape,
  answer: Inlining,
): StreamValues {
  if (expanded === undefined) return nothing
  const { dialect } = answer
  const shape = shapeOf()
  const wanted = core.writers.get(expanded, dialect, () => expanded.map((each) => wantedStream(core, shape, each)))
  const declared = setTypeOf(shape, core.layout)
  const link = dialect.metadata === 'none' ? undefined : linkOf(shape, dialect, core.layout)
  return async (rows) => {
    const all: RowAnnotations[] = []
    for (const row of rows) {
      const own: string[] = []
      const inside = new Map<string, string>()
      for (const { member, way, startOf } of wanted) {
        const start = startOf(row)
        if (start === undefined) continue
        const pieces: string[] = []
        const stream = member.read(row, start)
        const given = stream === undefined || (stream.length <= inlineLimits.stream && stream.length <= answer.left)
        if (stream !== undefined && given) answer.left -= stream.length
        if (dialect.metadata === 'none') {
          if (stream !== undefined) pieces.push(contentTypeText(member, stream, dialect))
        } else if (way === undefined) {
          // a complex value tells of its streams by itself
          const linked = member.name === '' || declared.allProperties.has(member.name)
          pieces.push(...streamTexts([member], dialect, row, start, linked && link ? () => link(row) : undefined))
        }
        const value = given ? await valueText(core, member, stream) : undefined
        if (value !== undefined) pieces.push(`${JSON.stringify(member.name || mediaMember)}:${value}`)
        if (way === undefined) own.push(...pieces)
        else if (pieces.length > 0)
          inside.set(way, [...(inside.has(way) ? [inside.get(way)] : []), ...pieces].join(','))
      }
      all.push({ own: own.join(','), ...(inside.size > 0 ? { inside } : {}) })
    }
    return all
  }
}

/** The annotations that one row comes with, from two sides. */
export function bothAnnotations(
  one: RowAnnotations | undefined,
  other: RowAnnotations | undefined,
): RowAnnotations | undefined {
  if (one === undefined || other === undefined) return one ?? other
  const inside = one.inside ?? other.inside
  return { own: [one.own, other.own].filter((text) => text !== '').join(','), ...(inside ? { inside } : {}) }
}

/**
 * Related entities with the values of their streams that $expand names, at all depths.
 * @param related for each row what its expansions have found
 */
export async function withStreamValues(
  core: Core,
  expansions: readonly Expansion[],
  related: readonly (Related | undefined)[],
  shapeOf: (expansion: Expansion) => RowShape,
  answer: Inlining,
): Promise<readonly (Related | undefined)[]> {
  if (!expansions.some(givesStreams)) return related
  const all: (Related | undefined)[] = []
  for (const row of related) {
    const columns: (RelatedRows | undefined)[] = []
    for (const [i, found] of (row ?? []).entries()) {
      const expansion = expansions[i]
      columns.push(expansion === undefined ? found : await filled(core, expansion, found, shapeOf, answer))
    }
    all.push(row === undefined ? undefined : columns)
  }
  return all
}

async function filled(
  core: Core,
  expansion: Expansion,
  found: RelatedRows | undefined,
  shapeOf: (expansion: Expansion) => RowShape,
  answer: Inlining,
): Promise<RelatedRows | undefined> {
  if (found === undefined || !givesStreams(expansion)) return found
  if (found.items !== undefined) {
    const items: (RelatedRows | undefined)[] = []
    for (const item of found.items) items.push(await filled(core, expansion, item, shapeOf, answer))
    return { ...found, items }
  }
  const { streams } = expansion.item.query
  const texts = await streamValues(core, streams, () => shapeOf(expansion), answer)(found.rows.map(({ row }) => row))
  const inner = await withStreamValues(
    core,
    expansion.expansions,
    found.rows.map(({ related }) => related),
    shapeOf,
    answer,
  )
  return {
    ...found,
    rows: found.rows.map((each, i) => {
      const annotations = bothAnnotations(each.annotations, texts[i])
      return { ...each, related: inner[i], ...(annotations === undefined ? {} : { annotations }) }
    }),
  }
}

function givesStreams({ item, expansions }: Expansion): boolean {
  return item.query.streams !== undefined || expansions.some(givesStreams)
}

function contentTypeText({ name }: StreamMember, { contentType }: StreamReference, dialect: JsonDialect): string {
  return `${JSON.stringify(name + controlName(dialect, 'mediaContentType'))}:${JSON.stringify(contentType)}`
}

/** The JSON of a stream; undefined where its bytes are not what its media type says: they can only be fetched. */
async function valueText(
  core: Core,
  { name }: StreamMember,
  stream: StreamReference | undefined,
): Promise<string | undefined> {
  if (stream === undefined) return 'null'
  const pieces: Uint8Array[] = []
  if (stream.length > 0)
    for await (const piece of core.store.streams.read(stream.file, 0, stream.length, core.limits.storeTime))
      pieces.push(piece)
  const bytes = Buffer.concat(pieces)
  const form = name === '' ? 'binary' : inlineForm(stream.contentType)
  if (form === 'json') return isJson(bytes) ? bytes.toString('utf8') : undefined
  if (form === 'text') return isUtf8(bytes) ? JSON.stringify(bytes.toString('utf8')) : undefined
  return JSON.stringify(bytes.toString('base64url'))
}

function isJson(bytes: Uint8Array): boolean {
  try {
    parseJson(bytes)
    return true
  } catch (error) {
    if (error instanceof ODataError) return false
    throw error
  }
}
