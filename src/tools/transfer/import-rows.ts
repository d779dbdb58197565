import type { Document } from 'bson'
import type { Parameters } from '../../bind/tree.ts'
import { encodeEntity, storedFieldsOf } from '../../bson/encode.ts'
import { nextOrder } from '../../bson/entity-order.ts'
import { fields, type ModelLayout } from '../../bson/layout.ts'
import { keepsOrder } from '../../csdl/core.ts'
import type { Model } from '../../edm/model.ts'
import { isStream } from '../../edm/types.ts'
import { isStructuredValue, type StructuredValue, type Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { Faults } from '../../payload/faults.ts'
import { type JsonObject, parseJson } from '../../payload/json.ts'
import { readStructured } from '../../payload/read-structured.ts'
import type { RelatedMember } from '../../payload/related-body.ts'
import type { CreatePlan, UpdatePlan } from '../../plan/plan.ts'
import type { Store } from '../../store/port.ts'
import { Links } from './links.ts'
import { createPlan, type Place, placeOfContext, replacePlan, wholeSession } from './places.ts'
import type { JsonPiece } from './split-json.ts'

/** What came of an import. */
export interface ImportOutcome {
  created: number
  /** their keys were taken, and they were replaced */
  replaced: number
  /** their keys were taken */
  existing: number
  failed: number
}

/** Creates on their way at a time: the store joins those that arrive together. */
const inFlight = 256

/**
 * Creates entities with the keys and values they say, computed and immutable ones too.
 * @param set name of the entity set of entities that have no context; undefined: each must have one
 * @param replace whether entities whose keys are taken are replaced; their streams stay, and so do relations that no property holds where the entity says none
 * @param failed is told of each entity that could not be stored
 */
export async function importRows(
  store: Store,
  model: Model,
  layout: ModelLayout,
  pieces: AsyncIterable<JsonPiece>,
  { set, replace }: { readonly set: string | undefined; readonly replace: boolean },
  outcome: ImportOutcome,
  failed: (line: number, reason: string) => void,
): Promise<void> {
  const importer = new Importer(store, model, layout, set, replace)
  const running = new Set<Promise<void>>()
  // a failure of the store ends the import; kept, as nobody may be waiting when it happens
  let broken: { readonly error: unknown } | undefined
  for await (const { bytes, line } of pieces) {
    const one = importer
      .store(bytes)
      .then((kind) => {
        if (kind === 'created') outcome.created++
        else if (kind === 'replaced') outcome.replaced++
        else outcome.existing++
      })
      .catch((error: unknown) => {
        if (!(error instanceof ODataError) || (error.status >= 500 && error.code !== 'notImplemented')) {
          broken ??= { error }
          return
        }
        outcome.failed++
        const details = error.details.slice(0, 3).map(({ target, message }) => `${target ?? ''}: ${message}`)
        failed(
          line,
          details.length > 0 ? details.join(' ') : `${error.target ? `${error.target}: ` : ''}${error.message}`,
        )
      })
      .finally(() => running.delete(one))
    running.add(one)
    if (running.size >= inFlight) await Promise.race(running)
    if (broken !== undefined) break
  }
  await Promise.all(running)
  if (broken !== undefined) throw broken.error
}

interface KnownPlace {
  readonly place: Place
  readonly create: CreatePlan
  readonly replace: UpdatePlan
}

/** The value at a path of property names; null where there is none. */
function valueAt(entity: StructuredValue, path: readonly string[]): Parameters[number] {
  let value: Value = entity
  for (const name of path) value = isStructuredValue(value) ? (value.members.get(name) ?? null) : null
  return value as Parameters[number]
}

/** What a replacement holds of a document. */
function withoutKey(document: Document): Document {
  const { _id, [fields.version]: _version, ...members } = document
  return members
}

/** Stored fields that an entity of an export does not say. */
function keptBy(layout: ModelLayout, { type }: StructuredValue, links: object | undefined): readonly string[] {
  const streams = [...type.allProperties.values()].filter(isStream)
  return [
    fields.media,
    fields.order,
    ...(links === undefined ? [fields.links] : []),
    ...streams.flatMap((property) => storedFieldsOf(layout, property)),
  ]
}

class Importer {
  readonly #store: Store
  readonly #model: Model
  readonly #layout: ModelLayout
  readonly #set: string | undefined
  readonly #replace: boolean
  readonly #places = new Map<string, KnownPlace>()
  readonly #links: Links

  constructor(store: Store, model: Model, layout: ModelLayout, set: string | undefined, replace: boolean) {
    this.#store = store
    this.#model = model
    this.#layout = layout
    this.#set = set
    this.#replace = replace
    this.#links = new Links(model, layout)
  }

  async store(bytes: Uint8Array): Promise<'created' | 'replaced' | 'exists'> {
    const node = parseJson(bytes)
    if (node.kind !== 'object') throw new ODataError('bodyInvalid', 'An entity is a JSON object.')
    const { place, create, replace } = this.#placeOf(node)
    const related: RelatedMember[] = []
    const reading = { model: this.#model, faults: new Faults(), keyIgnored: false, trusted: true, related }
    const entity = readStructured(node, place.root.type, '', reading, 'create')
    const type = entity?.type
    const links = type?.kind === 'entity' ? this.#links.read(place, type, related, reading.faults) : undefined
    reading.faults.throwIfAny()
    if (entity === undefined) throw new ODataError('bodyInvalid', 'The type of the entity is not known.')
    const document = encodeEntity(this.#layout, place.collection, entity, place.owner)
    if (links !== undefined && Object.keys(links).length > 0) document[fields.links] = links
    if (keepsOrder(place.collection.contained)) document[fields.order] = nextOrder()
    const session = wholeSession(place)
    const { kind } = await this.#store.create(create, session, document)
    if (kind === 'created' || !this.#replace) return kind
    const parameters = [...session.parameters, ...place.collection.key.parts.map(({ names }) => valueAt(entity, names))]
    const change = {
      kind: 'replace',
      document: withoutKey(document),
      keep: keptBy(this.#layout, entity, links),
    } as const
    const { kind: outcome } = await this.#store.update(replace, { ...session, parameters }, change)
    // removed meanwhile: that it was there is still true
    return outcome === 'updated' ? 'replaced' : 'exists'
  }

  #placeOf({ members }: JsonObject): KnownPlace {
    const member = members.get('@context') ?? members.get('@odata.context')
    const context = member?.kind === 'string' ? member.value : this.#set === undefined ? undefined : `#${this.#set}`
    if (context === undefined)
      throw new ODataError(
        'bodyInvalid',
        'The entity has no @context that says where it belongs: name its set by --set.',
      )
    let known = this.#places.get(context)
    if (known === undefined) {
      const place = placeOfContext(this.#model, this.#layout, context)
      if (place === undefined) throw new ODataError('resourceNotFound', `The model has no place '${context}'.`)
      known = { place, create: createPlan(place), replace: replacePlan(place) }
      if (this.#places.size > 10_000) this.#places.clear()
      this.#places.set(context, known)
    }
    return known
  }
}
