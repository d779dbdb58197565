import { encodeEntity } from '../../bson/encode.ts'
import type { ModelLayout } from '../../bson/layout.ts'
import type { Model } from '../../edm/model.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { Faults } from '../../payload/faults.ts'
import { type JsonObject, parseJson } from '../../payload/json.ts'
import { readStructured } from '../../payload/read-structured.ts'
import type { CreatePlan } from '../../plan/plan.ts'
import type { Store } from '../../store/port.ts'
import { createPlan, type Place, placeOfContext, wholeSession } from './places.ts'
import type { JsonPiece } from './split-json.ts'

/** What came of an import. */
export interface ImportOutcome {
  created: number
  /** their keys were taken */
  existing: number
  failed: number
}

/** Creates on their way at a time: the store joins those that arrive together. */
const inFlight = 256

/**
 * Creates entities with the keys and values they say, computed and immutable ones too.
 * @param set name of the entity set of entities that have no context; undefined: each must have one
 * @param failed is told of each entity that could not be stored
 */
export async function importRows(
  store: Store,
  model: Model,
  layout: ModelLayout,
  pieces: AsyncIterable<JsonPiece>,
  set: string | undefined,
  outcome: ImportOutcome,
  failed: (line: number, reason: string) => void,
): Promise<void> {
  const importer = new Importer(store, model, layout, set)
  const running = new Set<Promise<void>>()
  for await (const { bytes, line } of pieces) {
    const one = importer
      .store(bytes)
      .then((kind) => {
        if (kind === 'created') outcome.created++
        else outcome.existing++
      })
      .catch((error: unknown) => {
        if (!(error instanceof ODataError) || error.status >= 500) throw error
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
  }
  await Promise.all(running)
}

class Importer {
  readonly #store: Store
  readonly #model: Model
  readonly #layout: ModelLayout
  readonly #set: string | undefined
  readonly #places = new Map<string, { readonly place: Place; readonly plan: CreatePlan }>()

  constructor(store: Store, model: Model, layout: ModelLayout, set: string | undefined) {
    this.#store = store
    this.#model = model
    this.#layout = layout
    this.#set = set
  }

  async store(bytes: Uint8Array): Promise<'created' | 'exists'> {
    const node = parseJson(bytes)
    if (node.kind !== 'object') throw new ODataError('bodyInvalid', 'An entity is a JSON object.')
    const { place, plan } = this.#placeOf(node)
    const reading = { model: this.#model, faults: new Faults(), keyIgnored: false, trusted: true }
    const entity = readStructured(node, place.root.type, '', reading, 'create')
    reading.faults.throwIfAny()
    if (entity === undefined) throw new ODataError('bodyInvalid', 'The type of the entity is not known.')
    const document = encodeEntity(this.#layout, place.collection, entity, place.owner)
    const { kind } = await this.#store.create(plan, wholeSession(place), document)
    return kind
  }

  #placeOf({ members }: JsonObject): { readonly place: Place; readonly plan: CreatePlan } {
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
      known = { place, plan: createPlan(place) }
      if (this.#places.size > 10_000) this.#places.clear()
      this.#places.set(context, known)
    }
    return known
  }
}
