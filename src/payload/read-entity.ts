import { isComputed } from '../csdl/core.ts'
import type { EntityType, Model, StructuredType } from '../edm/model.ts'
import type { StructuredValue } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { Faults } from './faults.ts'
import { type JsonObject, jsonKinds, parseJson } from './json.ts'
import { type BodyMode, type Reading, readStructured } from './read-structured.ts'
import type { RelatedMember } from './related-body.ts'
import { type BodyConditions, checkBody } from './validation/body-rules.ts'

export interface ReadEntityOptions {
  readonly model: Model
  /** declared type of the collection (create), or type of the stored entity (merge, replace) */
  readonly type: EntityType
  readonly mode: BodyMode
  /** version of the request's body; names of control information are taken in both forms all the same */
  readonly version: '4.0' | '4.01'
  /** the service makes the key, or the URL says it: key properties in the body are ignored */
  readonly keyByService: boolean
  /** what the plan says of the members of the body */
  readonly conditions?: BodyConditions
  /** properties that need not be in the body, as the service fills them in: foreign keys that the URL says */
  readonly given?: ReadonlySet<string>
  /**
   * takes what the body says of navigation properties, and may find faults in it; undefined: it must say nothing
   * @param value what was read of the entity; undefined where its type could not be told
   */
  readonly nested?: (
    value: StructuredValue | undefined,
    type: StructuredType,
    members: readonly RelatedMember[],
    faults: Faults,
  ) => void
  /** streams may be given by value: whoever asks for them writes them (service/inline-streams.ts) */
  readonly streams?: true
  /** looks at the control information of the entity */
  readonly control?: (node: JsonObject) => void
}

/**
 * Reads and checks the body of POST, PATCH or PUT of an entity (JSON Format 6, Protocol 11.4.2 to 11.4.4).
 *
 * Computed properties, keys the service makes, and in updates keys and immutable properties are ignored; a create or
 * replacement gets the model's default values. The result holds typed values only.
 * @param body UTF-8 JSON
 * @throws ODataError bodySyntax; else one error with all faults: a single one as it is (propertyRequired, valueInvalid,
 *   typeUnknown, ...), several as bodyInvalid with all of them in `details`
 */
export function readEntity(body: Uint8Array, options: ReadEntityOptions): StructuredValue {
  const node = readObject(body)
  options.control?.(node)
  const related: RelatedMember[] | undefined = options.nested && []
  const reading: Reading = {
    model: options.model,
    faults: new Faults(),
    keyIgnored: keyIgnored(options),
    given: options.given,
    related,
    body: options.streams ? body : undefined,
  }
  const value = readStructured(node, options.type, '', reading, options.mode)
  if (options.conditions) checkBody(options.conditions, node, value, options.model, reading.faults)
  if (related) options.nested?.(value, value?.type ?? options.type, related, reading.faults)
  return finished(value, reading)
}

function readObject(body: Uint8Array): JsonObject {
  const node = parseJson(body)
  if (node.kind === 'object') return node
  throw new ODataError('bodyInvalid', `The body must be a JSON object, not ${jsonKinds[node.kind]}.`, {
    position: { offset: node.offset, length: node.end - node.offset },
  })
}

/** A key of which the service makes a part needs its other parts from the client. */
function keyIgnored({ type, keyByService }: ReadEntityOptions): boolean {
  return keyByService && !type.key.some(({ property }) => isComputed(property))
}

function finished<T>(value: T | undefined, reading: Reading): T {
  reading.faults.throwIfAny()
  if (value === undefined) throw new Error('invariant: a body without value and without fault')
  return value
}
