import { Buffer } from 'node:buffer'
import { propertyNames } from '../bind/print.ts'
import type { Selection } from '../bind/tree.ts'
import type { ModelLayout } from '../bson/layout.ts'
import { elementType, valueOffset } from '../bson/reader.ts'
import type { StructuredType, TypeReference } from '../edm/model.ts'
import { abstractTypes } from '../edm/primitives.ts'
import { isAbstract, isStructured } from '../edm/types.ts'
import { controlName, isTypeTold, typeText } from './control.ts'
import { untypedTypeText } from './dynamic-text.ts'
import { closeObject, ObjectProgram, type Setting, utf8Bytes, type ValueWrite, valueWrite } from './fast-object.ts'
import { ExpandedMembers } from './fast-writer.ts'
import { type MemberOwner, memberPlace } from './member-place.ts'
import { isStoredNull } from './members.ts'
import type { ByteSink, ExpandedShape, JsonDialect, MemberPath, MemberWriter, RowShape } from './writer.ts'

/**
 * Compiles the writer of the answer to a request for one property (JSON Format 11): `{"@odata.context":...,"value":...}`,
 * of a complex value its object. A collection that is not there is empty; any other value that is not there, or does not
 * fit its type, writes nothing and returns false (204, Protocol 11.2.4).
 * @param reference the declared type; undefined: a dynamic property
 * @param owner the row's type and collection; `select` applies to complex values
 * @throws ODataError notImplemented for paths through navigation properties
 */
export function compileMemberWriter(
  path: MemberPath,
  reference: TypeReference | undefined,
  dialect: JsonDialect,
  layout: ModelLayout,
  owner: MemberOwner & {
    readonly select?: Selection | undefined
    readonly expand?: readonly ExpandedShape[]
    readonly inline?: RowShape['inline']
  },
): MemberWriter {
  const place = memberPlace(path, layout, owner)
  const setting: Setting = { dialect, layout }
  const expanded = new ExpandedMembers(owner.expand ?? [], owner.inline, setting)
  const write =
    reference !== undefined && !reference.collection && isStructured(reference.type)
      ? objectWriter(path, reference.type, owner, expanded, setting)
      : valueWriter(reference, owner.select, setting)
  const collection = reference?.collection === true
  return (row, sink, context, related, annotations) => {
    expanded.relate(related, annotations)
    const { at, exactAt } = place(row)
    const missing = at < 0 || isStoredNull(row, at)
    if (missing && !collection) return false
    const start = sink.length
    if (context !== undefined) {
      sink.byte(0x2c)
      sink.jsonString(controlName(dialect, 'context'))
      sink.byte(0x3a)
      sink.jsonString(context)
    }
    if (missing ? writeEmpty(sink) : write(row, at, exactAt, sink) || (collection && writeEmpty(sink))) {
      closeObject(sink, start)
      return true
    }
    sink.rewind(start)
    return false
  }
}

type Write = (row: Uint8Array, at: number, exactAt: number, sink: ByteSink) => boolean

const emptyText = utf8Bytes(',"value":[]')
const valueText = utf8Bytes(',"value":')

function writeEmpty(sink: ByteSink): true {
  sink.raw(emptyText)
  return true
}

function objectWriter(
  path: MemberPath,
  type: StructuredType,
  { select }: { readonly select?: Selection | undefined },
  expanded: ExpandedMembers,
  setting: Setting,
): Write {
  const { dialect } = setting
  const names = propertyNames(path)
  const { parts, inner } = expanded.part(names)
  const program = new ObjectProgram(type, select, [], setting, inner)
  return (row, at, _exactAt, sink) => {
    if (elementType(row, at) !== 3) return false
    program.write(row, valueOffset(row, at), sink, 1, parts, dialect.metadata === 'full')
    return true
  }
}

function valueWriter(reference: TypeReference | undefined, select: Selection | undefined, setting: Setting): Write {
  const { dialect, layout } = setting
  const type = abstractTypes.get('Edm.Untyped')
  const dynamic: TypeReference | undefined = type && { type, collection: false, nullable: true, facets: {} }
  const declared = reference ?? dynamic
  const untyped = declared !== undefined && isAbstract(declared.type) ? declared : undefined
  const value: ValueWrite = declared === undefined ? () => false : valueWrite(declared, select, setting)
  const typeName = JSON.stringify(controlName(dialect, 'type'))
  const declaredType =
    reference === undefined || untyped || dialect.metadata !== 'full' || isTypeTold(reference, '')
      ? undefined
      : utf8Bytes(`,${typeName}:${JSON.stringify(typeText(reference.type, reference.collection, dialect))}`)
  return (row, at, exactAt, sink) => {
    const mark = sink.length
    if (declaredType !== undefined) sink.raw(declaredType)
    else if (untyped && dialect.metadata !== 'none') {
      const told = untypedTypeText(row, at, untyped, dialect, layout)
      if (told !== undefined) sink.raw(Buffer.from(`,${typeName}:${JSON.stringify(told)}`))
    }
    sink.raw(valueText)
    if (value(row, elementType(row, at), valueOffset(row, at), at, exactAt, sink, 0)) return true
    sink.rewind(mark)
    return false
  }
}
