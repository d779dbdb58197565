import { propertyNames } from '../bind/print.ts'
import type { Selection } from '../bind/tree.ts'
import type { ModelLayout } from '../bson/layout.ts'
import { controlName } from './control.ts'
import { compileRowWriter } from './fast-writer.ts'
import { linkOf } from './members.ts'
import { createSink } from './sink.ts'
import type { ByteSink, ExpandedShape, JsonDialect, RowShape } from './writer.ts'

/** Whether a row was deleted, or only is no longer part of the result (JSON Format 15.3). */
export type RemovedReason = 'deleted' | 'changed'

/**
 * Writes a deleted-entity object. @param id document that holds the row's `_id`
 * @param place entity set of the row, as context URLs say it
 */
export type RemovedWriter = (id: Uint8Array, reason: RemovedReason, place: string, sink: ByteSink) => void

/**
 * Compiles the writer of what is removed from a result (JSON Format 15.3): in 4.0 `{@odata.context, id, reason}`, in 4.01
 * `{@removed, @id, key properties}`, with a context at full metadata.
 * @param graph as Microsoft Graph does whatever the version: `{@removed, key properties}`
 * @param elsewhere the row is of another set than the answer's context says: its own context is always given
 */
export function compileRemovedWriter(
  shape: RowShape,
  dialect: JsonDialect,
  layout: ModelLayout,
  graph: boolean,
  elsewhere = false,
): RemovedWriter {
  const link = linkOf({ ...shape, select: undefined }, dialect, layout)
  const context = JSON.stringify(controlName(dialect, 'context'))
  const contextOf = (place: string) => `${dialect.root}$metadata#${place}/$deletedEntity`
  if (dialect.version === '4.0' && !graph)
    return (id, reason, place, sink) => {
      sink.ascii(`{${context}:`)
      sink.jsonString(contextOf(place))
      sink.ascii(',"id":')
      sink.jsonString(link?.(id) ?? '')
      sink.ascii(`,"reason":"${reason}"}`)
    }
  const keys = keysOnly(shape)
  const writeKeys = compileRowWriter(keys, { ...dialect, metadata: 'none' }, layout)
  const removed = JSON.stringify(dialect.version === '4.0' ? '@removed' : controlName(dialect, 'removed'))
  const idName = JSON.stringify(controlName(dialect, 'id'))
  return (id, reason, place, sink) => {
    sink.byte(0x7b)
    if (dialect.metadata === 'full' || elsewhere) {
      sink.ascii(`${context}:`)
      sink.jsonString(contextOf(place))
      sink.byte(0x2c)
    }
    sink.ascii(`${removed}:{"reason":"${reason}"},`)
    if (!graph) {
      sink.ascii(`${idName}:`)
      sink.jsonString(link?.(id) ?? '')
      sink.byte(0x2c)
    }
    const key = createSink()
    writeKeys(id, key, undefined)
    const bytes = key.take()
    sink.bytes(bytes, 1, bytes.length)
  }
}

/** The shape of the key properties alone. */
function keysOnly(shape: RowShape): RowShape {
  return { ...shape, expand: [], select: { all: false, properties: new Map(keyNames(shape)) } }
}

function keyNames({ type }: RowShape): readonly (readonly [string, undefined])[] {
  return type.kind === 'entity' ? type.key.map(({ property }) => [property.name, undefined] as const) : []
}

/** A selection with the key properties: every entity of a delta tells which it is (JSON Format 15.2). */
export function withKeys(shape: RowShape): RowShape {
  const { select } = shape
  const expand = shape.expand.map((item) => ({ ...item, shape: withKeys(item.shape) }))
  if (select === undefined || select.all) return { ...shape, expand }
  const properties: Selection['properties'] = new Map([...select.properties, ...keyNames(shape)])
  return { ...shape, expand, select: { ...select, properties } }
}

/** Writes an added link (JSON Format 15.4). @param place entity set of the source, as context URLs say it */
export type LinkWriter = (source: Uint8Array, target: Uint8Array, place: string, sink: ByteSink) => void

/** Compiles the writer of the links of one navigation property, from rows of one shape to those of another. */
export function compileLinkWriter(
  source: RowShape,
  { path, property, shape }: ExpandedShape,
  dialect: JsonDialect,
  layout: ModelLayout,
): LinkWriter {
  const from = linkOf({ ...source, select: undefined }, dialect, layout)
  const to = linkOf({ ...shape, select: undefined }, dialect, layout)
  const context = JSON.stringify(controlName(dialect, 'context'))
  const names = [...propertyNames(path ?? []), property.name]
  const relationship = names.join('/')
  return (row, related, place, sink) => {
    sink.ascii(`{${context}:`)
    sink.jsonString(`${dialect.root}$metadata#${place}/$link`)
    sink.ascii(',"source":')
    sink.jsonString(from?.(row) ?? '')
    sink.ascii(',"relationship":')
    sink.jsonString(relationship)
    sink.ascii(',"target":')
    sink.jsonString(to?.(related) ?? '')
    sink.byte(0x7d)
  }
}
