import { description, longDescription, schemaVersion } from '../../csdl/core.ts'
import type { EntitySet, EntityType, Model, NavigationProperty, Singleton } from '../../edm/model.ts'
import type { Plan } from '../../plan/plan.ts'
import { keyPathOf } from './keys.ts'
import { exampleOptions, ifMatch, queryOptions } from './parameters.ts'
import { type Schema, Schemas, type Use } from './schemas.ts'
import { permissionText, securityOf, securitySchemes } from './security.ts'

/** What an OpenAPI document is written for. */
export interface OpenApiOptions {
  /** absolute URL of the service root */
  readonly root: string
  /** version of OData that answers have where the client names none */
  readonly version: '4.0' | '4.01'
  /** Microsoft Graph's manners: its error type, PATCH answers with the entity */
  readonly graph: boolean
  /** whether a single key stands alone in its path segment */
  readonly keyAsSegment: boolean
  /**
   * Asks the service's own planner what it makes of a request, so that the document says what is served and nothing else.
   * @param target path and query below the root, starting with `/`
   * @returns the plan; undefined where the service would refuse
   */
  readonly plan: (method: string, target: string) => Plan | undefined
}

type Mutable = { [name: string]: unknown }

/** OpenAPI 3.0.3 of a service: every path below is one that its planner takes. @returns the document as a JSON value */
export function openApiOf(model: Model, options: OpenApiOptions): Schema {
  return new OpenApiWriter(model, options).write()
}

class OpenApiWriter {
  readonly #model: Model
  readonly #options: OpenApiOptions
  readonly #control: string
  readonly #schemas: Schemas
  readonly #paths: { [path: string]: Mutable } = {}
  readonly #operationIds = new Set<string>()
  readonly #collections: { [name: string]: Schema } = {}
  readonly #optionsUsed = new Set<string>()
  #protected = false

  constructor(model: Model, options: OpenApiOptions) {
    this.#model = model
    this.#options = options
    this.#control = options.version === '4.0' ? '@odata.' : '@'
    this.#schemas = new Schemas(`${this.#control}type`)
  }

  write(): Schema {
    const { container } = this.#model
    if (!container) throw new Error('the model has no entity container: there is nothing to describe')
    const roots = [...container.children.values()].filter(
      (child) => child.kind === 'entitySet' || child.kind === 'singleton',
    )
    for (const root of roots) this.#root(root)
    const schemes = securitySchemes(container, this.#protected)
    this.#secure(schemes)
    const schema = this.#model.schemas.find(({ container: own }) => own === container) ?? this.#model.schemas[0]
    const told = (schema && (longDescription(schema) ?? description(schema))) ?? description(container)
    return {
      openapi: '3.0.3',
      info: {
        title: (schema && description(schema)) ?? `OData service ${container.name}`,
        version: (schema && schemaVersion(schema)) ?? '1.0',
        ...(told === undefined ? {} : { description: told }),
      },
      servers: [{ url: this.#options.root.replace(/\/+$/, '') || '/' }],
      tags: roots.map((root) => {
        const text = description(root)
        return { name: root.name, ...(text === undefined ? {} : { description: text }) }
      }),
      paths: this.#paths,
      components: {
        schemas: { ...this.#schemas.all(), ...this.#collections, ...errorSchemas(this.#options.graph) },
        parameters: Object.fromEntries(
          [...this.#optionsUsed].toSorted().map((name) => [name, queryOptions[name] ?? {}]),
        ),
        responses: {
          error: {
            description: 'The request was refused or failed.',
            content: json({ $ref: '#/components/schemas/odata.error' }),
          },
        },
        ...(Object.keys(schemes).length === 0 ? {} : { securitySchemes: schemes }),
      },
    }
  }

  #root(root: EntitySet | Singleton): void {
    const template = `/${root.name}`
    const path: Path = { template, example: template, parameters: [], tag: root.name, id: root.name }
    if (root.kind === 'singleton') this.#entity(path, root.type, true)
    else this.#collection(path, root.type, true)
  }

  /** A collection of entities, its count, its members. */
  #collection(path: Path, type: EntityType, whole: boolean): void {
    this.#operation('get', path, `list${path.id}`, {
      summary: `Get entities from ${path.tag}`,
      options: ['top', 'skip', 'search', 'filter', 'count', 'orderby', 'select', 'expand'],
      type,
      responses: { 200: content('Retrieved entities', this.#collectionOf(type)) },
    })
    this.#operation('post', path, `create${path.id}`, {
      summary: `Add a new entity to ${path.tag}`,
      body: this.#body(type, 'create'),
      options: ['select', 'expand'],
      type,
      responses: {
        201: content('Created entity', this.#schemas.ref(type, 'read')),
        204: { description: 'Created, with Prefer: return=minimal' },
      },
    })
    const count = { ...path, template: `${path.template}/$count`, example: `${path.example}/$count` }
    this.#operation('get', count, `count${path.id}`, {
      summary: `Get the number of entities in ${path.tag}`,
      options: ['search', 'filter'],
      type,
      responses: {
        200: { description: 'The number of entities', content: { 'text/plain': { schema: { type: 'integer' } } } },
      },
    })
    if (!whole) return
    const taken = new Set(path.parameters.map(({ name }) => String(name)))
    const key = keyPathOf(type, this.#schemas, this.#options.keyAsSegment, taken)
    if (key === undefined) return
    const item: Path = {
      ...path,
      template: path.template + key.template,
      example: path.example + key.example,
      parameters: [...path.parameters, ...key.parameters],
    }
    this.#entity(item, type, path.parameters.length === 0)
  }

  /** One entity, and what it leads to. */
  #entity(path: Path, type: EntityType, related: boolean): void {
    const entity = this.#schemas.ref(type, 'read')
    this.#operation('get', path, `get${path.id}`, {
      summary: `Get an entity of ${path.tag}`,
      options: ['select', 'expand'],
      type,
      responses: { 200: content('Retrieved entity', entity) },
    })
    const changed = this.#options.graph
      ? { 200: content('Changed entity', entity), 204: { description: 'Changed, with Prefer: return=minimal' } }
      : { 200: content('Changed entity, with Prefer: return=representation', entity), 204: { description: 'Changed' } }
    for (const method of ['patch', 'put'] as const)
      this.#operation(method, path, `${method === 'patch' ? 'update' : 'replace'}${path.id}`, {
        summary: `${method === 'patch' ? 'Change' : 'Replace'} an entity of ${path.tag}`,
        body: this.#body(type, 'update'),
        options: [],
        type,
        headers: [ifMatch],
        responses: changed,
      })
    this.#operation('delete', path, `delete${path.id}`, {
      summary: `Delete an entity of ${path.tag}`,
      options: [],
      type,
      headers: [ifMatch],
      responses: { 204: { description: 'Deleted' } },
    })
    if (related) for (const property of type.allNavigationProperties.values()) this.#navigation(path, property)
  }

  /** Related entities; contained ones as a whole, one level deep. */
  #navigation(path: Path, property: NavigationProperty): void {
    if (property.type.kind !== 'entity') return
    const step: Path = {
      ...path,
      template: `${path.template}/${property.name}`,
      example: `${path.example}/${property.name}`,
      id: `${path.id}_${property.name}`,
    }
    if (property.collection) this.#collection(step, property.type, property.containsTarget)
    else this.#entity(step, property.type, false)
  }

  #operation(method: string, path: Path, id: string, parts: OperationParts): void {
    const plan = this.#options.plan(method.toUpperCase(), path.example)
    if (plan === undefined) return
    const told = permissionText(plan)
    if (told !== undefined) this.#protected = true
    const options = parts.options.filter((name) => this.#takes(method, path, name, parts.type))
    for (const name of options) this.#optionsUsed.add(name)
    const parameters = [
      ...(parts.headers ?? []),
      ...options.map((name) => ({ $ref: `#/components/parameters/${name}` })),
    ]
    let item = this.#paths[path.template]
    if (item === undefined) {
      item = path.parameters.length === 0 ? {} : { parameters: path.parameters }
      this.#paths[path.template] = item
    }
    item[method] = {
      tags: [path.tag],
      operationId: this.#operationId(id),
      summary: parts.summary,
      ...(told === undefined ? {} : { description: told }),
      ...(parameters.length === 0 ? {} : { parameters }),
      ...(parts.body === undefined ? {} : { requestBody: parts.body }),
      responses: { ...parts.responses, default: { $ref: '#/components/responses/error' } },
      'x-plan': plan,
    }
  }

  #takes(method: string, { example }: Path, name: string, type: EntityType): boolean {
    if (name === 'expand' && type.allNavigationProperties.size === 0) return false
    const value = name === 'orderby' ? [...type.allProperties.keys()][0] : exampleOptions[name]
    if (value === undefined) return false
    return this.#options.plan(method.toUpperCase(), `${example}?$${name}=${encodeURIComponent(value)}`) !== undefined
  }

  /** Security is said once all operations are known: only then it is certain that there is a scheme. */
  #secure(schemes: { readonly [name: string]: Schema }): void {
    for (const item of Object.values(this.#paths))
      for (const operation of Object.values(item)) {
        if (Array.isArray(operation)) continue
        const details = operation as Mutable
        const security = securityOf(details['x-plan'] as Plan, schemes)
        delete details['x-plan']
        if (security !== undefined) details.security = security
      }
  }

  #operationId(wanted: string): string {
    const plain = wanted.replace(/[^\w]/g, '_')
    let id = plain
    for (let i = 2; this.#operationIds.has(id); i++) id = `${plain}_${i}`
    this.#operationIds.add(id)
    return id
  }

  #body(type: EntityType, use: Use): Schema {
    return { required: true, content: json(this.#schemas.ref(type, use)) }
  }

  #collectionOf(type: EntityType): Schema {
    const entity = this.#schemas.ref(type, 'read')
    const name = `collection-of-${String(entity.$ref).slice('#/components/schemas/'.length)}`
    this.#collections[name] ??= {
      type: 'object',
      required: ['value'],
      properties: {
        [`${this.#control}count`]: { type: 'integer', format: 'int64' },
        [`${this.#control}nextLink`]: { type: 'string', format: 'uri' },
        value: { type: 'array', items: entity },
      },
    }
    return { $ref: `#/components/schemas/${name}` }
  }
}

interface Path {
  readonly template: string
  /** the template with keys of the right types */
  readonly example: string
  readonly parameters: readonly Schema[]
  readonly tag: string
  /** what operations at this place are called after */
  readonly id: string
}

interface OperationParts {
  readonly summary: string
  readonly options: readonly string[]
  readonly type: EntityType
  readonly headers?: readonly Schema[]
  readonly body?: Schema
  readonly responses: { readonly [status: number]: Schema }
}

function content(text: string, schema: Schema): Schema {
  return { description: text, content: json(schema) }
}

function json(schema: Schema): Schema {
  return { 'application/json': { schema } }
}

/** The error response (JSON Format 21.1); Graph's has `innerError` beside. */
function errorSchemas(graph: boolean): { readonly [name: string]: Schema } {
  const text = { type: 'string' }
  const detail = {
    type: 'object',
    required: ['code', 'message'],
    properties: { code: text, message: text, target: { type: 'string', nullable: true } },
  }
  const inner = {
    type: 'object',
    properties: {
      code: text,
      date: { type: 'string', description: 'UTC, without zone' },
      'request-id': text,
      'client-request-id': text,
    },
    additionalProperties: true,
  }
  return {
    'odata.error': {
      type: 'object',
      required: ['error'],
      properties: { error: { $ref: '#/components/schemas/odata.error.main' } },
    },
    'odata.error.main': {
      ...detail,
      properties: {
        ...detail.properties,
        details: { type: 'array', items: { $ref: '#/components/schemas/odata.error.detail' } },
        ...(graph ? { innerError: inner } : {}),
      },
    },
    'odata.error.detail': detail,
  }
}
