import { Buffer } from 'node:buffer'
import { compileSchema, type SchemaCheck, SchemaError, schemaOf } from '../../csdl/json-schema.ts'
import { saidOfStream } from '../../csdl/stream-terms.ts'
import type { Annotatable, EntityType, Property } from '../../edm/model.ts'
import { printPrimitive } from '../../edm/primitives.ts'
import { primitiveOf } from '../../edm/types.ts'
import type { PrimitiveValue, Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { compilePattern } from '../../eval/pattern.ts'
import { type JsonNode, parseJson } from '../json.ts'
import { inlineForm } from '../read-stream.ts'

/** JSON.Schema (Org.OData.JSON.V1): JSON in texts, untyped values and streams is held to the schema of the model. */

/** Longest text, in bytes, of which all faults are told, up to `shownFaults`; of a longer one the first. */
const examined = 65_536
const shownFaults = 20

const known = new Map<string, SchemaCheck | null>()

/** Whether values can be held to a schema: not to other drafts, references to other documents, and patterns that do not run in linear time. */
export function isEnforceable(schema: string): boolean {
  return checkOf(schema) !== null
}

/** @returns null where the schema cannot be used; the rules of CSDL, or the log, have said so */
function checkOf(schema: string): SchemaCheck | null {
  let check = known.get(schema)
  if (check === undefined) {
    check = compiled(schema)
    known.set(schema, check)
  }
  return check
}

function compiled(schema: string): SchemaCheck | null {
  try {
    return compileSchema(schema, (pattern) => compilePattern(pattern, 'u'))
  } catch (error) {
    if (error instanceof SchemaError) return null
    throw error
  }
}

/** What is wrong with a text or an untyped value; made once for an element that carries the term. */
export type JsonCheck = (value: Value) => readonly string[]

/** @returns undefined where no schema is said, or it cannot be enforced */
export function jsonCheckOf(elements: readonly Annotatable[], isText: boolean): JsonCheck | undefined {
  const checks = elements.flatMap((element) => checkAt(element) ?? [])
  if (checks.length === 0) return undefined
  return (value) =>
    checks.flatMap((check) =>
      isText ? textFaults(check, Buffer.from(String(value))) : faultsOfJson(check, jsonOfValue(value), true),
    )
}

function checkAt(element: Annotatable): SchemaCheck | undefined {
  const schema = schemaOf(element)
  return schema === undefined ? undefined : (checkOf(schema) ?? undefined)
}

/**
 * The check of a stream's bytes.
 * @param property undefined: the media of the entity
 * @param contentType only JSON is looked at
 * @returns undefined where there is nothing to check
 */
export function streamCheckOf(
  property: Property | undefined,
  type: EntityType | undefined,
  contentType: string,
): ((bytes: Uint8Array) => readonly string[]) | undefined {
  const check = saidOfStream(property, type, checkAt)
  if (check === undefined || inlineForm(contentType) !== 'json') return undefined
  return (bytes) => textFaults(check, bytes)
}

function textFaults(check: SchemaCheck, bytes: Uint8Array): readonly string[] {
  try {
    return faultsOfJson(check, jsonOf(parseJson(bytes)), bytes.length <= examined)
  } catch (error) {
    if (error instanceof ODataError && error.code === 'bodySyntax')
      return [`is no JSON (JSON.Schema): ${error.message}`]
    throw error
  }
}

function faultsOfJson(check: SchemaCheck, value: unknown, every: boolean): readonly string[] {
  const faults = check(value, every)
  return faults
    .slice(0, shownFaults)
    .map(({ pointer, message }) => `${message}${pointer === '' ? '' : ` at ${pointer.slice(0, 200)}`} (JSON.Schema)`)
}

/** JSON as `JSON.parse` gives it: numbers are doubles, of a name that comes twice the last counts. */
function jsonOf(node: JsonNode): unknown {
  switch (node.kind) {
    case 'null':
      return null
    case 'number':
      return Number(node.text)
    case 'array':
      return node.items.map(jsonOf)
    case 'object':
      // defines members, whatever their names
      return Object.fromEntries([...node.members].map(([name, member]) => [name, jsonOf(member)]))
    default:
      return node.value
  }
}

/** An untyped value as JSON; typed values inside of it as their text. */
function jsonOfValue(value: Value, type?: Property['type']): unknown {
  if (value === null || typeof value === 'boolean' || typeof value === 'string' || typeof value === 'number')
    return value
  if (Array.isArray(value)) return (value as readonly Value[]).map((item) => jsonOfValue(item, type))
  if (typeof value === 'object' && 'kind' in value && value.kind === 'structured')
    return Object.fromEntries(
      [...value.members].map(([name, member]) => {
        const reference = value.dynamicTypes?.get(name) ?? value.type.allProperties.get(name)?.type
        return [name, jsonOfValue(member, reference)]
      }),
    )
  const primitive = type && primitiveOf(type.type)?.name
  const text = primitive === undefined ? String(value) : printPrimitive(primitive, value as PrimitiveValue)
  return primitive === 'Edm.Int64' || primitive === 'Edm.Decimal' ? Number(text) : text
}
