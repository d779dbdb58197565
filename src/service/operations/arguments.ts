import { Buffer } from 'node:buffer'
import { readEnum } from '../../bind/parameters.ts'
import type { Expression, Parameters } from '../../bind/tree.ts'
import { isDelta, optionalParameter } from '../../csdl/core.ts'
import { checkFacets } from '../../edm/facets.ts'
import type { Model, Operation, Parameter, Type } from '../../edm/model.ts'
import { parsePrimitive } from '../../edm/primitives.ts'
import { isStructured, primitiveOf } from '../../edm/types.ts'
import type { PrimitiveValue, Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { Faults } from '../../payload/faults.ts'
import { type JsonNode, type JsonObject, jsonKinds, parseJson } from '../../payload/json.ts'
import { isLink, isRemovedOf401, readDeltaValue, reasonOf } from '../../payload/read-delta.ts'
import { valueReader } from '../../payload/read-structured.ts'
import { checkTypes } from '../../payload/validation/constraints.ts'
import { checkParameters } from '../../payload/validation/parameter-conditions.ts'
import { checksOf, faultsOf } from '../../payload/validation/property-checks.ts'
import { derivedTypesOf } from '../../payload/validation/type-constraints.ts'
import type { OperationCall } from '../../plan/plan.ts'
import { memberChanges } from '../members/request.ts'
import { type PlainObject, plainValue } from '../plain.ts'
import type { DeltaChange } from './delta-change.ts'

/** Values of an operation's parameters, checked, as plain values by name. */
export type Arguments = Readonly<Record<string, unknown>>

/**
 * The arguments of a function (Protocol 11.5.4.1).
 * @param parameters of the request
 * @param valueFor the values of those that are calculated
 * @throws ODataError with the parameter as target, or with all faults in `details`
 */
export function readArguments(
  model: Model,
  call: Pick<OperationCall, 'operation' | 'arguments'>,
  parameters: Parameters,
  valueFor?: (expression: Expression) => Value,
): Arguments {
  const reading = new ArgumentReading(model)
  for (const parameter of parametersOf(call.operation)) {
    const expression = call.arguments.get(parameter.name)
    if (expression === undefined) reading.missing(parameter)
    else if (expression.kind === 'constant') reading.value(parameter, expression.value)
    else if (expression.kind === 'parameter') {
      const value = parameters[expression.index] ?? null
      if (expression.json !== true) reading.value(parameter, value)
      else reading.node(parameter, parseJson(Buffer.from(String(value))))
    } else if (valueFor !== undefined) reading.value(parameter, valueFor(expression))
  }
  return reading.finished(call.operation)
}

/**
 * The arguments of an action from its body: a JSON object with a member for each parameter (JSON Format 18); no body where none is needed.
 * @throws ODataError bodySyntax; else as `readArguments`
 */
export function readActionBody(model: Model, operation: Operation, body: Uint8Array | undefined): Arguments {
  const reading = new ArgumentReading(model)
  const node = body === undefined || body.length === 0 ? undefined : parseJson(body)
  if (node !== undefined && node.kind !== 'object')
    throw new ODataError('bodyInvalid', `The body must be a JSON object, not ${jsonKinds[node.kind]}.`)
  const parameters = new Map(parametersOf(operation).map((parameter) => [parameter.name, parameter]))
  for (const { name, ...place } of node?.duplicates ?? [])
    reading.faults.add('propertyDuplicate', `The parameter ${JSON.stringify(name)} occurs twice.`, name, place)
  for (const [name, member] of node?.members ?? []) {
    const parameter = parameters.get(name)
    if (parameter) reading.node(parameter, member)
    // control information and annotations
    else if (!name.includes('@')) {
      const shown = JSON.stringify(name.slice(0, 200))
      reading.faults.add('propertyUnknown', `${operation.name} has no parameter ${shown}.`, name.slice(0, 200), member)
    }
  }
  for (const [name, parameter] of parameters) if (!node?.members.has(name)) reading.missing(parameter)
  return reading.finished(operation)
}

function parametersOf({ bound, parameters }: Operation): readonly Parameter[] {
  return bound ? parameters.slice(1) : parameters
}

class ArgumentReading {
  readonly faults = new Faults()
  readonly #model: Model
  readonly #found: [string, unknown][] = []
  /** as conditions see them */
  readonly #values = new Map<string, Value>()

  constructor(model: Model) {
    this.#model = model
  }

  /** A parameter that was left out: its default, else null where that is a value (Protocol 11.5.5.1). */
  missing(parameter: Parameter): void {
    const { name, type } = parameter
    const optional = optionalParameter(parameter)
    if (optional?.defaultValue !== undefined) this.#default(parameter, optional.defaultValue)
    else if (optional !== undefined) return
    else if (type.nullable && !type.collection) this.#found.push([name, null])
    else this.faults.add('propertyRequired', `The parameter ${name} is required.`, name)
  }

  /** The default of an optional parameter; a text that is no value of the type is given as it is. */
  #default({ name, type }: Parameter, text: string): void {
    const primitive = primitiveOf(type.type)?.name
    const value = type.type.kind === 'enum' ? readEnum(type.type, text) : primitive && parsePrimitive(primitive, text)
    if (value !== undefined) this.#values.set(name, value)
    this.#found.push([name, value === undefined ? text : plainValue(type, value, false)])
  }

  /** A value that has been read as the parameter's type already. */
  value(parameter: Parameter, value: Value): void {
    const { name, type } = parameter
    if (value === null) {
      if (type.nullable && !type.collection) this.#found.push([name, null])
      else this.faults.add('propertyNull', `The parameter ${name} must not be null.`, name)
      return
    }
    const items: readonly Value[] = Array.isArray(value) ? value : [value]
    for (const [i, item] of items.entries()) {
      const target = Array.isArray(value) ? `${name}/${i}` : name
      if (item === null && !type.nullable)
        this.faults.add('propertyNull', `The items of ${name} must not be null.`, target)
      const fault = item === null ? undefined : checkFacets(type, item as PrimitiveValue)
      if (fault !== undefined) this.faults.add('valueInvalid', `The value of ${target} is invalid: ${fault}.`, target)
    }
    this.#checked(parameter, value)
  }

  node(parameter: Parameter, node: JsonNode): void {
    const { name, type } = parameter
    if (node.kind === 'null') {
      this.value(parameter, null)
      return
    }
    if (isDelta(parameter, type)) {
      this.#found.push([name, this.#deltaOf(parameter, node)])
      return
    }
    // an entity may be given by some of its properties, or by its id alone (Protocol 11.5.4.1)
    const entity = type.type.kind === 'entity'
    const reading = { model: this.#model, faults: this.faults, keyIgnored: false, trusted: entity }
    const value = valueReader(type)(node, name, reading, entity ? 'merge' : 'create')
    if (value !== undefined) this.#checked(parameter, value, node)
  }

  /** Entities as far as they have changed, what is removed, links (JSON Format 15). */
  #deltaOf({ name, type }: Parameter, node: JsonNode): readonly DeltaChange[] {
    const item = { ...type, collection: false }
    const read = valueReader(item)
    const reading = { model: this.#model, faults: this.faults, keyIgnored: false, trusted: true }
    return readDeltaValue(node, memberChanges, name).flatMap((change, i): readonly DeltaChange[] => {
      if (isLink(change)) {
        const { kind, source, relationship, target } = change
        return [{ kind, source, relationship, target }]
      }
      const { kind, id, etag } = change
      if (kind === 'entity') refuseNested(change.node, type.type, `${name}/${i}`)
      const said = kind === 'removed' ? keysOf(change.node, type.type) : change.node
      const value = read(said, `${name}/${i}`, reading, 'merge')
      if (value === undefined) return []
      const entity = plainValue(item, value, false) as PlainObject
      return [
        kind === 'removed' ? { kind, entity, id, etag, reason: reasonOf(change.node) } : { kind, entity, id, etag },
      ]
    })
  }

  #checked(parameter: Parameter, value: Value, node?: JsonNode): void {
    const { name, type } = parameter
    this.#values.set(name, value)
    const checks = checksOf(parameter)
    if (checks !== null)
      for (const { fault, item } of faultsOf(checks, value))
        this.faults.add('valueInvalid', `The value of ${name} ${fault}.`, item === undefined ? name : `${name}/${item}`)
    const types = derivedTypesOf(parameter)
    if (types !== undefined) checkTypes(this.#model, value, types, name, this.faults, node)
    const plain = plainValue(type, value, false)
    const id = node?.kind === 'object' ? (node.members.get('@odata.id') ?? node.members.get('@id')) : undefined
    if (id?.kind === 'string' && isStructured(type.type)) Object.assign(plain as object, { '@odata.id': id.value })
    this.#found.push([name, plain])
  }

  finished(operation: Operation): Arguments {
    this.faults.throwIfAny()
    checkParameters(operation, this.#values, this.faults)
    this.faults.throwIfAny()
    // defines members, whatever their names
    return Object.fromEntries(this.#found)
  }
}

/** @throws ODataError notImplemented for related entities in a delta: a handler would not be told of them */
function refuseNested({ members }: JsonObject, type: Type, target: string): void {
  if (type.kind !== 'entity') return
  for (const member of members.keys()) {
    const [name = ''] = member.split('@')
    if (![type, ...type.derivedTypes].some(({ allNavigationProperties }) => allNavigationProperties.has(name))) continue
    throw new ODataError('notImplemented', `${name}, inside a delta that is a parameter, is not implemented.`, {
      target: `${target}/${name}`,
    })
  }
}

/** What a removed entity says of its key; that of 4.0 has an id and a reason instead, whatever the names of its properties. */
function keysOf(node: JsonObject, type: Type): JsonObject {
  const keys = new Set(type.kind === 'entity' ? type.key.map(({ path: [name] }) => name) : [])
  const said = isRemovedOf401(node)
  return { ...node, members: new Map([...node.members].filter(([name]) => said && keys.has(name))) }
}
