import { fields, type ModelLayout } from '../../bson/layout.ts'
import { findField } from '../../bson/reader.ts'
import { compileRowWriter } from '../../payload/fast-writer.ts'
import { createSink } from '../../payload/sink.ts'
import type { JsonDialect, RowWriter } from '../../payload/writer.ts'
import { contextOfPlace, type Place } from './places.ts'
import type { PlacedRow } from './walk-rows.ts'

/** What is said of an export while it runs. */
export interface ExportProgress {
  entities: number
  /** stored values that the model cannot hold: they were written as null */
  unreadable: number
  /** entities with relations that no property holds: those are not written */
  linked: number
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
 * Stored entities as JSON (OData JSON Format 4.01), each with the context that says where it belongs.
 * @param separator what stands between two entities
 */
export async function* exportRows(
  layout: ModelLayout,
  rows: AsyncIterable<PlacedRow>,
  separator: string,
  progress: ExportProgress,
): AsyncGenerator<Uint8Array> {
  const writers = new Map<string, RowWriter>()
  const sink = createSink()
  let current: Place | undefined
  let context = ''
  for await (const { place, row } of rows) {
    if (place !== current) {
      current = place
      context = contextOfPlace(place)
    }
    if (progress.entities > 0) sink.ascii(separator)
    writerOf(place)(row, sink, context)
    progress.entities++
    if (findField(row, fields.links) >= 0) progress.linked++
    if (sink.length >= chunkBytes) yield sink.take()
  }
  if (sink.length > 0) yield sink.take()

  function writerOf({ root, collection }: Place): RowWriter {
    let writer = writers.get(root.name)
    if (writer === undefined) {
      const entitySet = root.kind === 'contained' ? undefined : root.name
      const singleton = root.kind === 'singleton'
      const shape = { type: root.type, select: undefined, expand: [], entitySet, singleton, collection }
      writer = compileRowWriter(shape, dialect, layout, () => {
        progress.unreadable++
      })
      writers.set(root.name, writer)
    }
    return writer
  }
}
