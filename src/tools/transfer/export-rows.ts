import { typeOfDocument } from '../../bson/decode.ts'
import { fields, type ModelLayout } from '../../bson/layout.ts'
import { findField } from '../../bson/reader.ts'
import type { EntityType, Model } from '../../edm/model.ts'
import { isMedia, isStream } from '../../edm/types.ts'
import { compileRowWriter } from '../../payload/fast-writer.ts'
import { createSink } from '../../payload/sink.ts'
import type { JsonDialect, RowWriter } from '../../payload/writer.ts'
import { Links } from './links.ts'
import { contextOfPlace, type Place } from './places.ts'
import type { PlacedRow } from './walk-rows.ts'

/** What is said of an export while it runs. */
export interface ExportProgress {
  entities: number
  /** stored values that the model cannot hold: they were written as null */
  unreadable: number
  /** lists of related entities that the model has no place for, or with keys that do not fit: not written */
  unlinked: number
  /** entities with streams: those are not written */
  streamed: number
}

/** Every digit and type survives: numbers that JavaScript cannot hold are strings, dynamic values say their types. */
const dialect: JsonDialect = {
  version: '4.01',
  metadata: 'minimal',
  ieee754Compatible: true,
  exponentialDecimals: true,
  alwaysType: false,
  root: '',
}

/** Bytes handed on at a time. */
const chunkBytes = 65_536

/**
 * Stored entities as JSON (OData JSON Format 4.01), each with the context that says where it belongs. Related entities
 * that no property names are references in it.
 * @param separator what stands between two entities
 */
export async function* exportRows(
  model: Model,
  layout: ModelLayout,
  rows: AsyncIterable<PlacedRow>,
  separator: string,
  progress: ExportProgress,
): AsyncGenerator<Uint8Array> {
  const writers = new Map<string, RowWriter>()
  const links = new Links(model, layout)
  const streams = new Map<EntityType, readonly string[]>()
  const sink = createSink()
  let current: Place | undefined
  let context = ''
  for await (const { place, row } of rows) {
    if (place !== current) {
      current = place
      context = contextOfPlace(place)
    }
    if (progress.entities > 0) sink.ascii(separator)
    const type = typeOfDocument(row, 0, layout.structured(place.root.type)) as EntityType
    const { members, lost } = links.write(place, type, row)
    writerOf(place)(row, sink, context, undefined, members)
    progress.entities++
    progress.unlinked += lost
    if (streamsOf(type).some((field) => findField(row, field) >= 0)) progress.streamed++
    if (sink.length >= chunkBytes) yield sink.take()
  }
  if (sink.length > 0) yield sink.take()

  /** where pointers to the streams of a type stand */
  function streamsOf(type: EntityType): readonly string[] {
    let known = streams.get(type)
    if (known === undefined) {
      const properties = [...type.allProperties.values()].filter(isStream)
      known = [
        ...(isMedia(type) ? [fields.media] : []),
        ...properties.map(({ name }) => (layout.structured(type).fieldOf.get(name) ?? name) + fields.stream),
      ]
      streams.set(type, known)
    }
    return known
  }

  function writerOf(place: Place): RowWriter {
    const { root, collection } = place
    let writer = writers.get(root.name)
    if (writer === undefined) {
      const entitySet = root.kind === 'contained' ? undefined : root.name
      const singleton = root.kind === 'singleton'
      const inline = links.inside(place)
      const shape = { type: root.type, select: undefined, expand: [], entitySet, singleton, collection, inline }
      writer = compileRowWriter(shape, dialect, layout, () => {
        progress.unreadable++
      })
      writers.set(root.name, writer)
    }
    return writer
  }
}
