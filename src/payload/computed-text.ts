import { invariant } from '../base/assert.ts'
import { type EntityWriting, InstanceWriter } from './instance-writer.ts'
import { createSink } from './sink.ts'
import type { ComputedMember, JsonDialect } from './writer.ts'

/** `"name":value` of what $compute defines, its type before it where JSON does not tell it (JSON Format 4.5.3). */
export function computedText({ name, type, value }: ComputedMember, dialect: JsonDialect): string {
  const sink = createSink(256)
  new InstanceWriter(valuesAlone(dialect)).property(name, value, type, true, sink, 0)
  return Buffer.from(sink.take()).toString()
}

/** No value that $compute defines is an entity. */
function valuesAlone(dialect: JsonDialect): EntityWriting {
  return {
    dialect,
    entity: () => invariant(false, 'no value is an entity'),
    link: () => undefined,
    setBehind: () => undefined,
  }
}
