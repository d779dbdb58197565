import type { Selection } from '../bind/tree.ts'
import type { ModelLayout } from '../bson/layout.ts'
import { elementType, valueOffset } from '../bson/reader.ts'
import type { TypeReference } from '../edm/model.ts'
import { controlName, isTypeTold, typeText } from './control.ts'
import { closeObject, valueWrite } from './fast-object.ts'
import { ExpandedMembers } from './fast-writer.ts'
import { isStoredNull } from './members.ts'
import type { ByteSink, ExpandedShape, JsonDialect, Related } from './writer.ts'

/** Writes chosen items of a row's collection as an answer; `count` where it was asked for. */
export type ItemsWriter = (
  row: Uint8Array,
  elements: readonly number[],
  sink: ByteSink,
  context: string | undefined,
  count: number | undefined,
  related?: Related,
) => void

/**
 * Compiles the writer of a collection of primitive or complex values (JSON Format 12, 13).
 * @param item type of the items
 * @param select applies to complex items
 * @param path the properties that lead to the collection
 * @param expand what is expanded of its items
 */
export function compileItemsWriter(
  item: TypeReference,
  select: Selection | undefined,
  dialect: JsonDialect,
  layout: ModelLayout,
  path: readonly string[] = [],
  expand: readonly ExpandedShape[] = [],
): ItemsWriter {
  const expanded = new ExpandedMembers(expand, undefined, { dialect, layout })
  const inner = expanded.part(path)
  const write = valueWrite(item, select, { dialect, layout }, inner)
  const told = dialect.metadata !== 'full' || isTypeTold({ ...item, collection: true }, '')
  const type = told ? undefined : typeText(item.type, true, dialect)
  const member = (sink: ByteSink, name: string, value: string): void => {
    sink.byte(0x2c)
    sink.jsonString(controlName(dialect, name))
    sink.byte(0x3a)
    sink.jsonString(value)
  }
  return (row, elements, sink, context, count, related) => {
    expanded.relate(related)
    const start = sink.length
    if (context !== undefined) member(sink, 'context', context)
    if (type !== undefined) member(sink, 'type', type)
    if (count !== undefined) {
      if (dialect.ieee754Compatible) member(sink, 'count', String(count))
      else sink.ascii(`,${JSON.stringify(controlName(dialect, 'count'))}:${count}`)
    }
    sink.ascii(',"value":[')
    elements.forEach((at, i) => {
      if (i > 0) sink.byte(0x2c)
      inner.enter(i)
      const mark = sink.length
      if (!isStoredNull(row, at) && write(row, elementType(row, at), valueOffset(row, at), at, -1, sink, 0)) return
      sink.rewind(mark)
      sink.ascii('null')
    })
    sink.byte(0x5d)
    closeObject(sink, start)
  }
}
