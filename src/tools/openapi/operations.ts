import { description, isDelta, optionalParameter } from '../../csdl/core.ts'
import type { Model, Operation, Parameter, StructuredType, TypeReference } from '../../edm/model.ts'
import { isStructured, primitiveOf } from '../../edm/types.ts'
import { deltaParameter, deltaResult } from './deltas.ts'
import { valueInPath } from './keys.ts'
import type { Schema, Schemas } from './schemas.ts'

/** How an operation is called behind a path (URL Conventions 4.5). */
export interface Call {
  readonly method: 'get' | 'post'
  /** `/NS.Name(p={p},q=@q)` */
  readonly template: string
  readonly example: string
  /** query options that the example needs: values of parameter aliases */
  readonly query: string
  /** of the path */
  readonly parameters: readonly Schema[]
  /** in the query: values that do not fit into a path stand behind an alias */
  readonly aliases: readonly Schema[]
  readonly body: Schema | undefined
  readonly summary: string
}

/** The bound operations of a model, by what they are bound to. */
export class BoundOperations {
  readonly #byBinding = new Map<string, Operation[]>()

  constructor(model: Model) {
    for (const operation of [...model.operations.values()].flat()) {
      const binding = operation.bound ? operation.parameters[0]?.type : undefined
      if (binding === undefined || !isStructured(binding.type)) continue
      const key = bindingKey(binding.type, binding.collection)
      const there = this.#byBinding.get(key)
      if (there) there.push(operation)
      else this.#byBinding.set(key, [operation])
    }
  }

  /** Those that are bound to a type, or to collections of it: of base types first, as overloads nearer to the type count before them. */
  to(type: StructuredType, collection: boolean): readonly Operation[] {
    const inherited = type.baseType ? this.to(type.baseType, collection) : []
    return [...inherited, ...(this.#byBinding.get(bindingKey(type, collection)) ?? [])]
  }
}

function bindingKey({ name }: StructuredType, collection: boolean): string {
  return collection ? `Collection(${name})` : name
}

/**
 * The ways to call an operation: of a function with optional parameters with all of them, and with none.
 * @param name its qualified name, or that of its import
 * @param taken names of parameters that the path has already
 */
export function callsOf(
  operation: Operation,
  name: string,
  schemas: Schemas,
  taken: ReadonlySet<string>,
): readonly Call[] {
  const own = operation.bound ? operation.parameters.slice(1) : operation.parameters
  const summary = description(operation) ?? `Call ${name}`
  if (operation.kind === 'action') {
    const path = `/${name}`
    const body = own.length === 0 ? undefined : bodyOf(own, schemas)
    return [{ method: 'post', template: path, example: path, query: '', parameters: [], aliases: [], body, summary }]
  }
  const required = own.filter((parameter) => optionalParameter(parameter) === undefined)
  return (required.length < own.length ? [own, required] : [own]).map((parameters): Call => {
    const parts = parameters.map((parameter) => argumentOf(parameter, schemas, taken))
    const joined = (of: 'template' | 'example') => `/${name}(${parts.map((part) => part[of]).join(',')})`
    return {
      method: 'get',
      template: joined('template').replaceAll("'", '%27'),
      example: joined('example'),
      query: parts.flatMap(({ query }) => query ?? []).join('&'),
      parameters: parts.flatMap(({ path }) => (path === undefined ? [] : [path])),
      aliases: parts.flatMap(({ alias }) => (alias === undefined ? [] : [alias])),
      body: undefined,
      summary,
    }
  })
}

interface Argument {
  readonly template: string
  readonly example: string
  readonly query?: string
  readonly path?: Schema
  readonly alias?: Schema
}

/** A parameter of a function: a value that cannot be null stands in the path, all else behind an alias (URL Conventions 4.5.3). */
function argumentOf({ name, type }: Parameter, schemas: Schemas, taken: ReadonlySet<string>): Argument {
  const part = type.collection || type.nullable ? undefined : valueInPath(name, type, schemas, taken, 'parameter')
  if (part !== undefined)
    return {
      template: `${name}=${part.before}{${part.name}}${part.after}`,
      example: `${name}=${part.before}${part.bareExample}${part.after}`,
      path: part.parameter,
    }
  const alias = {
    name: `@${name}`,
    in: 'query',
    ...(type.nullable && !type.collection ? {} : { required: true }),
    description: `parameter: ${name}, a literal as in URLs; structures and collections as JSON`,
    schema: { type: 'string' },
  }
  const text = `${name}=@${name}`
  return { template: text, example: text, query: `@${name}=${exampleOf(type)}`, alias }
}

function exampleOf({ collection, nullable, type }: TypeReference): string {
  if (collection) return '%5B%5D'
  return nullable ? 'null' : isStructured(type) ? '%7B%7D' : 'null'
}

function bodyOf(parameters: readonly Parameter[], schemas: Schemas): Schema {
  const required = parameters
    .filter(
      (parameter) =>
        optionalParameter(parameter) === undefined && (!parameter.type.nullable || parameter.type.collection),
    )
    .map(({ name }) => name)
  return {
    ...(required.length === 0 ? {} : { required: true }),
    content: {
      'application/json': {
        schema: {
          type: 'object',
          properties: Object.fromEntries(parameters.map((parameter) => [parameter.name, schemaOf(parameter, schemas)])),
          ...(required.length === 0 ? {} : { required }),
        },
      },
    },
  }
}

function schemaOf(parameter: Parameter, schemas: Schemas): Schema {
  const { type } = parameter
  if (type.type.kind === 'entity' && isDelta(parameter, type)) return deltaParameter(type.type, schemas)
  return schemas.reference(type, 'create')
}

/**
 * What an operation answers with.
 * @param collectionOf the schema of a collection of entities
 * @returns undefined where it cannot be told in OpenAPI: a stream
 */
export function resultOf(
  { returnType }: Operation,
  schemas: Schemas,
  collectionOf: (type: StructuredType) => Schema,
  control: '@odata.' | '@',
): { readonly [status: number]: Schema } | undefined {
  const none = { description: 'No content' }
  if (returnType === undefined) return { 204: none }
  const { type, collection, nullable } = returnType
  if (primitiveOf(type)?.name === 'Edm.Stream') return undefined
  const schema = !collection
    ? isStructured(type)
      ? schemas.ref(type, 'read')
      : singleValue(returnType, schemas)
    : type.kind === 'entity'
      ? isDelta(returnType, returnType)
        ? deltaResult(type, schemas, control)
        : collectionOf(type)
      : singleValue(returnType, schemas)
  return {
    200: { description: 'The result', content: { 'application/json': { schema } } },
    ...(nullable && !collection ? { 204: none } : {}),
  }
}

function singleValue(reference: TypeReference, schemas: Schemas): Schema {
  return { type: 'object', required: ['value'], properties: { value: schemas.reference(reference, 'read') } }
}
