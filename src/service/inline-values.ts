import { Buffer, isUtf8 } from 'node:buffer'
import { mediaMember, type StreamReference } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { controlName } from '../payload/control.ts'
import { parseJson } from '../payload/json.ts'
import { linkOf, setTypeOf } from '../payload/members.ts'
import { inlineForm } from '../payload/read-stream.ts'
import { type StreamMember, streamsOf, streamTexts } from '../payload/stream-control.ts'
import type { JsonDialect, RowShape } from '../payload/writer.ts'
import type { CreatePlan, ReadPlan, UpdatePlan } from '../plan/plan.ts'
import type { Core } from './core.ts'

/** Streams that $expand names: their values stand in the answer (JSON Format 9, 10). */

/** Bytes of one stream, and of all of one answer (docs/limits.md). */
export const inlineLimits = { stream: 1_048_576, answer: 8_388_608 } as const

/** Gives, for rows as they are stored, the members of their streams as JSON; made once for an answer, whose bytes it counts. */
export type StreamValues = (rows: readonly Uint8Array[]) => Promise<readonly (string | undefined)[]>

const nothing: StreamValues = async () => []

/** @returns gives nothing where the plan expands no stream */
export function streamValues(
  core: Core,
  plan: ReadPlan | CreatePlan | UpdatePlan,
  shapeOf: () => RowShape,
  dialect: JsonDialect,
): StreamValues {
  const { streams: expanded } = plan
  if (expanded === undefined) return nothing
  const names = new Set(expanded.map(({ property }) => property?.name ?? ''))
  const members = core.writers.get(expanded, dialect, () =>
    streamsOf(core.layout, plan.source.type, undefined).filter(({ name }) => names.has(name)),
  )
  const shape = shapeOf()
  const declared = setTypeOf(shape, core.layout)
  const link = dialect.metadata === 'full' ? linkOf(shape, dialect, core.layout) : undefined
  let left: number = inlineLimits.answer
  return async (rows) => {
    const texts: string[] = []
    for (const row of rows) {
      const pieces: string[] = []
      for (const member of members) {
        const stream = member.read(row, 0)
        const linked = member.name === '' || declared.allProperties.has(member.name)
        const told =
          dialect.metadata === 'none' ? [] : streamTexts([member], dialect, row, 0, linked ? link?.(row) : undefined)
        const given = stream === undefined || (stream.length <= inlineLimits.stream && stream.length <= left)
        if (stream !== undefined && given) left -= stream.length
        const type =
          dialect.metadata === 'none' && stream !== undefined ? [contentTypeText(member, stream, dialect)] : []
        pieces.push(...told, ...type)
        const value = given ? await valueText(core, member, stream) : undefined
        if (value !== undefined) pieces.push(`${JSON.stringify(member.name || mediaMember)}:${value}`)
      }
      texts.push(pieces.join(','))
    }
    return texts
  }
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
