import { batchSupport } from '../../csdl/capabilities.ts'
import { description, isDelta, longDescription, schemaVersion } from '../../csdl/core.ts'
import type {
  Annotatable,
  ContainerChild,
  EntitySet,
  EntityType,
  Model,
  NavigationProperty,
  Operation,
  Singleton,
  StructuredType,
} from '../../edm/model.ts'
import { isMedia } from '../../edm/types.ts'
import type { Plan } from '../../plan/plan.ts'
import { batchPath } from './batch.ts'
import { keyPathOf } from './keys.ts'
import { BoundOperations, callsOf, resultOf } from './operations.ts'
import { exampleOptions, ifMatch, queryOptions } from './parameters.ts'
import { type Schema, Schemas, type Use } from './schemas.ts'
import { permissionText, securityOf, securitySchemes } from './security.ts'
import { mediaElement, streamContent, streamsOf } from './streams.ts'

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
  /** whether functions and actions are told of: where no program has handlers for them they answer 501 */
  readonly operations: boolean
  /**
   * Asks the service's own planner what it makes of a request, so that the document says what is served and nothing else.
   * @param target path and query below the root, starting with `/`
   */
  readonly plan: (method: string, target: string) => Plan | Refusal
}

/** That the service would refuse a request. */
export interface Refusal {
  readonly kind: 'refused'
  /** the method is not allowed, whatever the query options */
  readonly method: boolean
  /** what the request would be refused for: `$expand`, a property */
  readonly target: string | undefined
}

type Mutable = { [name: string]: unknown }

/** OpenAPI 3.0.3 of a service: every path below is one that its planner takes. @returns the document as a JSON value */
export function openApiOf(model: Model, options: OpenApiOptions): Schema {
  const writing = openApiSteps(model, options)
  for (;;) {
    const step = writing.next()
    if (step.done) return step.value
  }
}

/** As `openApiOf`, in steps, so that others can have their turn in between: of a big model it takes seconds. */
export function openApiSteps(model: Model, options: OpenApiOptions): Generator<void, Schema> {
  return new OpenApiWriter(model, options).write()
}

class OpenApiWriter {
  readonly #model: Model
  readonly #options: OpenApiOptions
  readonly #control: '@odata.' | '@'
  readonly #schemas: Schemas
  readonly #bound: BoundOperations
  readonly #paths: { [path: string]: Mutable } = {}
  readonly #operationIds = new Set<string>()
  readonly #collections: { [name: string]: Schema } = {}
  readonly #optionsUsed = new Set<string>()
  /** what callers must hold for each operation */
  readonly #requires = new Map<Mutable, Plan['requires']>()

  constructor(model: Model, options: OpenApiOptions) {
    this.#model = model
    this.#options = options
    this.#control = options.version === '4.0' ? '@odata.' : '@'
    this.#bound = new BoundOperations(model)
    this.#schemas = new Schemas(`${this.#control}type`)
  }

  *write(): Generator<void, Schema> {
    const { container } = this.#model
    if (!container) throw new Error('the model has no entity container: there is nothing to describe')
    const roots = [...container.children.values()].filter(
      (child) => child.kind === 'entitySet' || child.kind === 'singleton',
    )
    for (const root of roots) yield* this.#root(root)
    for (const child of container.children.values())
      if ('operations' in child)
        for (const operation of child.operations)
          this.#call({ template: '', example: '', parameters: [], tag: child.name, id: '' }, operation, child.name)
    this.#batch()
    const schemes = securitySchemes(container, this.#requires.size > 0)
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
      tags: this.#tagged(roots).map((root) => {
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

  *#root(root: EntitySet | Singleton): Generator<void> {
    const template = `/${root.name}`
    const path: Path = { template, example: template, parameters: [], tag: root.name, id: root.name }
    if (root.kind === 'singleton') yield* this.#entity(path, root.type, true)
    else yield* this.#collection(path, root.type, true)
  }

  /** A collection of entities, its count, its members. */
  *#collection(path: Path, type: EntityType, whole: boolean): Generator<void> {
    yield
    this.#operation('get', path, `list${path.id}`, {
      summary: `Get entities from ${path.tag}`,
      options: ['top', 'skip', 'search', 'filter', 'count', 'orderby', 'select', 'expand'],
      type,
      responses: { 200: content('Retrieved entities', this.#collectionOf(type)) },
    })
    this.#operation('post', path, `create${path.id}`, {
      summary: `Add a new entity to ${path.tag}`,
      body: isMedia(type) ? { required: true, content: streamContent(mediaElement(type)) } : this.#body(type, 'create'),
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
    if (path.parameters.length === 0) this.#operations(path, type, true)
    if (!whole) return
    const taken = takenIn(path)
    const key = keyPathOf(type, this.#schemas, this.#options.keyAsSegment, taken)
    if (key === undefined) return
    const item: Path = {
      ...path,
      template: path.template + key.template,
      example: path.example + key.example,
      parameters: [...path.parameters, ...key.parameters],
    }
    yield* this.#entity(item, type, path.parameters.length === 0)
  }

  /** One entity, and what it leads to. */
  *#entity(path: Path, type: EntityType, related: boolean): Generator<void> {
    yield
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
    for (const { segment, element } of streamsOf(type)) this.#stream(below(path, segment), element, segment)
    if (!related) return
    this.#operations(path, type, false)
    for (const property of type.allNavigationProperties.values()) {
      yield* this.#navigation(path, property)
      this.#references(below(path, property.name), property)
    }
  }

  /** The bytes of a media entity or stream property (Protocol 11.4.7, 11.4.8). */
  #stream(path: Path, element: Annotatable, segment: string): void {
    const name = segment === '$value' ? 'the media' : segment
    const bytes = { description: 'The bytes', content: streamContent(element) }
    const parts = { options: [], type: undefined }
    const id = segment === '$value' ? `${path.id}_media` : path.id
    this.#operation('get', path, `get${id}`, {
      ...parts,
      summary: `Get ${name} of an entity of ${path.tag}`,
      responses: { 200: bytes, 204: { description: 'There is none' } },
    })
    this.#operation('put', path, `replace${id}`, {
      ...parts,
      summary: `Replace ${name} of an entity of ${path.tag}`,
      body: { required: true, content: streamContent(element) },
      headers: [ifMatch],
      responses: { 204: { description: 'Changed' } },
    })
    this.#operation('delete', path, `delete${id}`, {
      ...parts,
      summary: `Take away ${name} of an entity of ${path.tag}`,
      headers: [ifMatch],
      responses: { 204: { description: 'Taken away' } },
    })
  }

  /** `$ref`: which entities are related, and changing it (Protocol 11.4.6). */
  #references({ template, example, ...step }: Path, property: NavigationProperty): void {
    const { name, collection, type: related } = property
    const path: Path = {
      ...step,
      template: `${template}/$ref`,
      example: `${example}/$ref`,
      id: `${step.id}_references`,
    }
    const reference = {
      type: 'object',
      required: [`${this.#control}id`],
      properties: { [`${this.#control}id`]: { type: 'string', format: 'uri' } },
    }
    const body = { required: true, content: json(reference) }
    const changed = { 204: { description: 'Changed' } }
    const parts = { options: [], type: undefined }
    this.#operation('get', path, `get${path.id}`, {
      ...parts,
      summary: `Get references to ${name} of an entity of ${path.tag}`,
      responses: {
        200: content(
          'References',
          collection
            ? { type: 'object', required: ['value'], properties: { value: { type: 'array', items: reference } } }
            : reference,
        ),
        ...(collection ? {} : { 204: { description: 'Nothing is related' } }),
      },
    })
    // what is contained comes and goes with its owner
    if (property.containsTarget) return
    const changes = [
      ['post', 'add'],
      ['put', 'set'],
    ] as const
    for (const [method, verb] of collection ? changes : changes.slice(1))
      this.#operation(method, path, `${verb}${path.id}`, {
        ...parts,
        summary: `Relate ${name}`,
        body,
        responses: changed,
      })
    // `?$id=` is the same, but generators mix it up with a key that is called ID
    const key =
      collection && related.kind === 'entity'
        ? keyPathOf(related, this.#schemas, this.#options.keyAsSegment, takenIn(path))
        : { template: '', example: '', parameters: [] }
    if (key === undefined || (collection && related.kind !== 'entity')) return
    const one: Path = {
      ...path,
      template: `${template}${key.template}/$ref`,
      example: `${example}${key.example}/$ref`,
      parameters: [...path.parameters, ...key.parameters],
    }
    this.#operation('delete', one, `remove${path.id}`, { ...parts, summary: `Unrelate ${name}`, responses: changed })
  }

  #operations(path: Path, type: EntityType, collection: boolean): void {
    if (!this.#options.operations) return
    for (const operation of this.#bound.to(type, collection)) this.#call(path, operation, operation.name)
  }

  /** A function or action, behind what it is bound to or behind the service root (Protocol 11.5). */
  #call(path: Path, operation: Operation, name: string): void {
    if (!this.#options.operations) return
    const collectionOf = (type: StructuredType) => this.#collectionOf(type as EntityType)
    const responses = resultOf(operation, this.#schemas, collectionOf, this.#control)
    if (responses === undefined) return
    const { returnType } = operation
    const type = returnType?.type.kind === 'entity' ? returnType.type : undefined
    const options =
      returnType && isDelta(returnType, returnType)
        ? (['select'] as const)
        : returnType?.collection
          ? ['top', 'skip', 'filter', 'count', 'orderby', 'select', 'expand']
          : ['select', 'expand']
    for (const call of callsOf(operation, name, this.#schemas, takenIn(path))) {
      const step: Path = {
        ...path,
        template: path.template + call.template,
        example: path.example + call.example + (call.query === '' ? '' : `?${call.query}`),
        parameters: [...path.parameters, ...call.parameters],
      }
      this.#operation(
        call.method,
        step,
        `${path.id}${path.id === '' ? '' : '_'}${name.slice(name.lastIndexOf('.') + 1)}`,
        {
          summary: call.summary,
          options: type === undefined ? [] : options,
          type,
          headers: call.aliases,
          ...(call.body === undefined ? {} : { body: call.body }),
          responses,
        },
      )
    }
  }

  #batch(): void {
    const { container } = this.#model
    if (batchSupport(container).supported === false || this.#options.plan('POST', '/$batch').kind === 'refused') return
    this.#paths['/$batch'] = batchPath
  }

  /** Roots, and imports that paths are listed under. */
  #tagged(roots: readonly ContainerChild[]): readonly ContainerChild[] {
    const used = new Set(
      Object.values(this.#paths).flatMap((item) =>
        Object.values(item).flatMap((operation) => (operation as { tags?: string[] }).tags ?? []),
      ),
    )
    const imports = [...(this.#model.container?.children.values() ?? [])].filter(
      (child) => 'operations' in child && used.has(child.name),
    )
    return [...roots, ...imports]
  }

  /** Related entities; contained ones as a whole, one level deep. */
  *#navigation(path: Path, property: NavigationProperty): Generator<void> {
    if (property.type.kind !== 'entity') return
    const step = below(path, property.name)
    if (property.collection) yield* this.#collection(step, property.type, property.containsTarget)
    else yield* this.#entity(step, property.type, false)
  }

  #operation(method: string, path: Path, id: string, parts: OperationParts): void {
    const taken = this.#taken(method.toUpperCase(), path, parts)
    if (taken === undefined) return
    const { plan, options } = taken
    const told = permissionText(plan)
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
    const operation: Mutable = {
      tags: [path.tag],
      operationId: this.#operationId(id),
      summary: parts.summary,
      ...(told === undefined ? {} : { description: told }),
      ...(parameters.length === 0 ? {} : { parameters }),
      ...(parts.body === undefined ? {} : { requestBody: parts.body }),
      responses: { ...parts.responses, default: { $ref: '#/components/responses/error' } },
    }
    item[method] = operation
    if (plan.requires.length > 0) this.#requires.set(operation, plan.requires)
  }

  /**
   * The plan of a request without options, and the options that the service takes with it; undefined where it takes no such request.
   * Making plans is nearly all the work, so options are asked for together first, and the request without them only where it may tell more.
   */
  #taken(
    method: string,
    { example }: Path,
    { options, type }: OperationParts,
  ): { readonly plan: Plan; readonly options: readonly string[] } | undefined {
    const asked = type === undefined ? [] : askedOptions(options, type)
    const ask = (some: readonly AskedOption[]): Plan | Refusal => {
      const query = some.map(({ text }) => text).join('&')
      return this.#options.plan(method, `${example}${query === '' ? '' : example.includes('?') ? '&' : '?'}${query}`)
    }
    // a filter may be required, so what is taken with one says nothing of the request without it
    let plain = asked.length === 0 || options.includes('filter') ? ask([]) : undefined
    if (plain?.kind === 'refused') return undefined
    let left = asked
    while (left.length > 0) {
      const answer = ask(left)
      if (answer.kind !== 'refused') {
        // who may do this may do it without options
        if (answer.requires.length === 0) plain ??= answer
        break
      }
      if (answer.method && plain === undefined) return undefined
      const fault = left.find(({ name }) => isAbout(answer, name, type))
      if (fault === undefined) {
        left = left.length === 1 ? [] : left.filter((option) => ask([option]).kind !== 'refused')
        break
      }
      left = left.filter((option) => option !== fault)
    }
    plain ??= ask([])
    return plain.kind === 'refused' ? undefined : { plan: plain, options: left.map(({ name }) => name) }
  }

  /** Security is said once all operations are known: only then it is certain that there is a scheme. */
  #secure(schemes: { readonly [name: string]: Schema }): void {
    for (const [operation, requires] of this.#requires) operation.security = securityOf({ requires }, schemes)
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
  /** of the entities that the options are about */
  readonly type: EntityType | undefined
  /** further parameters */
  readonly headers?: readonly Schema[]
  readonly body?: Schema
  readonly responses: { readonly [status: number]: Schema }
}

interface AskedOption {
  readonly name: string
  readonly text: string
}

/** Options with values that show whether they are taken of entities of a type. */
function askedOptions(names: readonly string[], type: EntityType): readonly AskedOption[] {
  return names.flatMap((name): readonly AskedOption[] => {
    if (name === 'expand' && type.allNavigationProperties.size === 0) return []
    const value = name === 'orderby' ? [...type.allProperties.keys()][0] : exampleOptions[name]
    return value === undefined ? [] : [{ name, text: `$${name}=${encodeURIComponent(value)}` }]
  })
}

/** Whether a request is refused for an option: by its name, or by that of something it expands. */
function isAbout({ target }: Refusal, option: string, type: EntityType | undefined): boolean {
  if (target === undefined) return false
  return target === `$${option}` || (option === 'expand' && type?.allNavigationProperties.has(target) === true)
}

function below(path: Path, segment: string): Path {
  return {
    ...path,
    template: `${path.template}/${segment}`,
    example: `${path.example}/${segment}`,
    id: `${path.id}_${segment}`,
  }
}

function takenIn({ parameters }: Path): ReadonlySet<string> {
  return new Set(parameters.map(({ name }) => String(name)))
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
