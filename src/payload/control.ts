import type { Type, TypeReference } from '../edm/model.ts'
import { isAbstract, primitiveOf } from '../edm/types.ts'
import type { AdvertisedOperation, JsonDialect } from './writer.ts'

/** Control information by version: `@odata.type`, in 4.01 `@type` (JSON Format 4.5). */
export function controlName(dialect: JsonDialect, name: string): string {
  return dialect.version === '4.0' ? `@odata.${name}` : `@${name}`
}

/**
 * What the `type` control information says (JSON Format 4.5.3): `#Int32` (4.01: `Int32`), `#ns.Type`,
 * `#Collection(String)`.
 */
export function typeText(type: Type, collection: boolean, dialect: JsonDialect): string {
  const name = type.name.startsWith('Edm.') ? type.name.slice(4) : type.name
  if (collection) return `#Collection(${name})`
  return name === type.name || dialect.version === '4.0' ? `#${name}` : name
}

/** Whether JSON alone tells a value's type: true, false, "text", a finite Double (JSON Format 4.5.3). */
export function isTypeTold(reference: TypeReference, text: string): boolean {
  if (reference.collection) return false
  if (reference.type.kind === 'complex' || isAbstract(reference.type)) return true
  if (reference.type.kind !== 'primitive') return false
  const { name } = reference.type
  return name === 'Edm.String' || name === 'Edm.Boolean' || (name === 'Edm.Double' && !text.startsWith('"'))
}

/**
 * The annotation of a value that cannot be told because what is stored does not fit the declared type: the term of
 * JSON Format 7.1. `"prop@Org.OData.Core.V1.ValueException":{"info":{...}}`
 * @param prefix the property's name; empty within an object of its own
 */
export function exceptionText(prefix: string, reference: TypeReference | undefined): string {
  const name = reference === undefined ? 'a value' : (primitiveOf(reference.type)?.name ?? reference.type.name)
  const info = {
    code: 'valueUnreadable',
    message: `The stored value does not fit the type ${reference?.collection ? `Collection(${name})` : name}.`,
    severity: 'warning',
  }
  return `${JSON.stringify(`${prefix}@Org.OData.Core.V1.ValueException`)}:${JSON.stringify({ info })}`
}

/** An operation as JSON; null where the entity has it not (Protocol 11.5.3). */
export function advertisement(
  { title, segment, available }: AdvertisedOperation,
  row: Uint8Array,
  base: string,
): string {
  return available?.(row) === false ? 'null' : JSON.stringify({ title, target: `${base}/${segment}` })
}
