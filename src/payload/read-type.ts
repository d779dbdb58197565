import type { Model, NamedType, StructuredType, Type, TypeReference } from '../edm/model.ts'
import { abstractTypes, primitiveTypes } from '../edm/primitives.ts'
import { isStructured, isSubtypeOf } from '../edm/types.ts'
import type { Faults } from './faults.ts'
import type { JsonNode, JsonObject } from './json.ts'

/** Names of the `type` control information: 4.0's and 4.01's, both taken whatever the version. */
const typeNames = ['@odata.type', '@type'] as const

/**
 * The actual type of a JSON object (JSON Format 4.5.3): its `@odata.type` / `@type`, else the declared one.
 * @param declared what the value's place in the model asks for
 * @param lenient a merge or replacement of an existing entity: a base type is taken too, and an abstract declared type
 * @returns undefined where a fault was found
 */
export function actualType(
  model: Model,
  node: JsonObject,
  declared: StructuredType,
  target: string,
  faults: Faults,
  lenient: boolean,
): StructuredType | undefined {
  let given: StructuredType | undefined
  for (const name of typeNames) {
    const member = node.members.get(name)
    if (member === undefined) continue
    const place = target === '' ? name : `${target}/${name}`
    const named = readTypeName(model, member, place, faults)
    if (named === undefined) return undefined
    const checked = checkType(named, declared, place, faults, member, lenient)
    if (checked === undefined) return undefined
    if (given !== undefined && given !== checked) {
      faults.add('controlInformationInvalid', '@odata.type and @type name different types.', place, member)
      return undefined
    }
    given = checked
  }
  const type = given ?? declared
  if (type.abstract && !lenient) {
    faults.add(
      'typeAbstract',
      `The type ${type.name} is abstract: say by @odata.type which derived type is meant.`,
      target === '' ? '@odata.type' : `${target}/@odata.type`,
      node,
    )
    return undefined
  }
  return type
}

function checkType(
  named: NamedType,
  declared: StructuredType,
  place: string,
  faults: Faults,
  at: JsonNode,
  lenient: boolean,
): StructuredType | undefined {
  if (isStructured(named)) {
    if (lenient && isSubtypeOf(declared, named)) return declared
    if (named.abstract) {
      faults.add('typeAbstract', `The type ${named.name} is abstract: it has no values of its own.`, place, at)
      return undefined
    }
    if (isSubtypeOf(named, declared)) return named
  }
  faults.add('typeNotAllowed', `The type ${named.name} is not ${declared.name} and does not derive from it.`, place, at)
  return undefined
}

/** The named type that a `type` control information means: `#ns.Name`, `ns.Name`, `.../$metadata#ns.Name`. */
function readTypeName(model: Model, node: JsonNode, place: string, faults: Faults): NamedType | undefined {
  if (node.kind !== 'string') {
    faults.add('controlInformationInvalid', 'The name of a type is a string like "#Namespace.Type".', place, node)
    return undefined
  }
  const type = findType(model, fragment(node.value))
  if (type === undefined)
    faults.add('typeUnknown', `This service has no type ${JSON.stringify(node.value.slice(0, 200))}.`, place, node)
  return type
}

/**
 * The type that `prop@odata.type` gives a dynamic property: `#Int64`, `Edm.Date`, `#ns.Enum`, `#Collection(String)`.
 * @returns undefined where it names no type of the model
 */
export function propertyType(model: Model, text: string): TypeReference | undefined {
  const name = fragment(text)
  const collection = name.startsWith('Collection(') && name.endsWith(')')
  const item = collection ? name.slice(11, -1) : name
  const type: Type | undefined = builtIn.get(item) ?? findType(model, item)
  return type === undefined ? undefined : { type, collection, nullable: true, facets: {} }
}

function fragment(text: string): string {
  const hash = text.indexOf('#')
  if (hash < 0) return text
  const document = text.slice(0, hash)
  return document === '' || /\$metadata(?:\?|$)/.test(document) ? text.slice(hash + 1) : text
}

function findType(model: Model, name: string): NamedType | undefined {
  const type = model.types.get(name)
  if (type !== undefined) return type
  const dot = name.lastIndexOf('.')
  const namespace = dot < 0 ? undefined : model.aliases.get(name.slice(0, dot))
  return namespace === undefined ? undefined : model.types.get(namespace + name.slice(dot))
}

const untyped: readonly (readonly [string, Type])[] = [...abstractTypes].filter(([name]) => name === 'Edm.Untyped')

/** Built-in types stand without namespace (JSON Format 4.5.3); with it they are taken too. */
const builtIn: ReadonlyMap<string, Type> = new Map(
  [...primitiveTypes, ...untyped].flatMap(([name, type]) => [
    [name, type],
    [name.slice(4), type],
  ]),
)
