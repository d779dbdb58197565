import { typeOfDocument } from '../../bson/decode.ts'
import { fields, type ModelLayout } from '../../bson/layout.ts'
import { findField } from '../../bson/reader.ts'
import type { EntityType, Model, StructuredType } from '../../edm/model.ts'
import { compileRowWriter } from '../../payload/fast-writer.ts'
import { rowPath } from '../../payload/row-path.ts'
import { createSink } from '../../payload/sink.ts'
import type { JsonDialect } from '../../payload/writer.ts'
import type { Store } from '../../store/port.ts'
import { Containments, containedPlace, contextOfPlace, type Place, readPlan, wholeSession } from './places.ts'

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
 * The entities of places and all that they contain as JSON (OData JSON Format 4.01), each with the context that says where it
 * belongs. Nothing is read ahead of the consumer but the store's own batches.
 * @param separator what stands between two entities
 */
export async function* exportRows(
  store: Store,
  model: Model,
  layout: ModelLayout,
  places: readonly Place[],
  separator: string,
  progress: ExportProgress,
): AsyncGenerator<Uint8Array> {
  const writers = new Map<string, ReturnType<typeof compileRowWriter>>()
  const sink = createSink()
  const containments = new Containments(model)

  async function* exportPlace(place: Place): AsyncGenerator<Uint8Array> {
    const { root, collection } = place
    const context = contextOfPlace(place)
    const write = writerOf(place)
    const path = rowPath(collection, root.name, layout)
    const declared = layout.structured(root.type)
    const rows = await store.read(readPlan(place), wholeSession(place))
    let empty = true
    try {
      for await (const batch of rows.batches) {
        for (const row of batch) {
          if (progress.entities > 0) sink.ascii(separator)
          write(row, sink, context)
          progress.entities++
          if (findField(row, fields.links) >= 0) progress.linked++
          if (sink.length >= chunkBytes) yield sink.take()
          const type = typeOfDocument(row, 0, declared)
          yield* exportContained(root.type, type, path(row))
          empty = false
        }
      }
    } finally {
      await rows.close()
    }
    // a singleton is an owner before it is stored
    if (empty && root.kind === 'singleton') yield* exportContained(root.type, root.type, root.name)
  }

  async function* exportContained(
    declared: EntityType,
    type: StructuredType,
    path: string,
  ): AsyncGenerator<Uint8Array> {
    for (const { property, suffix } of containments.of(declared, type))
      yield* exportPlace(containedPlace(layout, property, path + suffix))
  }

  function writerOf({ root, collection }: Place): ReturnType<typeof compileRowWriter> {
    let writer = writers.get(root.name)
    if (writer === undefined) {
      const shape = {
        type: root.type,
        select: undefined,
        expand: [],
        entitySet: root.kind === 'contained' ? undefined : root.name,
        singleton: root.kind === 'singleton',
        collection,
      }
      writer = compileRowWriter(shape, dialect, layout, () => {
        progress.unreadable++
      })
      writers.set(root.name, writer)
    }
    return writer
  }

  for (const place of places) yield* exportPlace(place)
  if (sink.length > 0) yield sink.take()
}
