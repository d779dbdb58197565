import type { ResourceKind } from '../bind/tree.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { QueryOptions } from '../url/ast.ts'

const names = list(
  'filter search orderby select expand compute apply top skip count index skiptoken deltatoken levels id format schemaversion',
)

/** A system query option that a request can carry, by its name in `QueryOptions`. */
export type OptionName = Exclude<keyof QueryOptions, 'aliases' | 'custom' | 'literals' | 'shape'>

function list(text: string): readonly OptionName[] {
  return text.split(' ') as OptionName[]
}

const entities = list(
  'filter search orderby select expand compute apply top skip count skiptoken deltatoken format schemaversion',
)
const oneEntity = list('select expand compute format schemaversion')
const values = list('filter search orderby compute top skip count format schemaversion')
const plain = list('format schemaversion')

/**
 * Which option is legal on which kind of resource when it is read (Protocol 11.2.1; URL Conventions 5.1). The one place
 * where this is said; tested cell by cell.
 */
export const legalOptions: Readonly<Record<ResourceKind, readonly OptionName[]>> = {
  serviceDocument: plain,
  metadata: plain,
  batch: plain,
  entityId: [...oneEntity, 'id'],
  all: entities,
  crossjoin: entities,
  entityCollection: entities,
  entity: oneEntity,
  singleton: oneEntity,
  primitive: plain,
  primitiveCollection: values,
  complex: oneEntity,
  complexCollection: [...values, 'select', 'expand'],
  stream: plain,
  untyped: plain,
  eachEntity: plain,
  eachItem: plain,
  rawValue: plain,
  mediaStream: plain,
  count: list('filter search apply format schemaversion'),
  reference: ['format', 'schemaversion', 'id'],
  referenceCollection: list('filter search orderby top skip count skiptoken format schemaversion id'),
  actionCall: oneEntity,
  actionImport: oneEntity,
}

/** Collections that an item may be put into at a position (Protocol 11.4.11). */
const positional: readonly ResourceKind[] = ['entityCollection', 'primitiveCollection', 'complexCollection']

/** Options that a request to change data may carry, for the representation it returns (Protocol 11.4). */
const onChange = oneEntity

/** Options that are no part of a request's shape (url/parse-options.ts): requests of one shape differ in them. */
const shapeless = list('format skiptoken deltatoken')

/** `checkOptions` for a request of a shape that was checked before. @throws ODataError queryOptionNotAllowed */
export function checkShapeless(resource: ResourceKind, options: QueryOptions, reading: boolean): void {
  const { format, skiptoken, deltatoken } = options
  if (format !== undefined || skiptoken !== undefined || deltatoken !== undefined)
    checkOptions(resource, options, reading, shapeless)
}

/**
 * Refuses the first option that means nothing on the resource.
 * @param reading whether the request reads (GET, HEAD)
 * @param among which options are looked at
 * @throws ODataError queryOptionNotAllowed with the option as target
 */
export function checkOptions(
  resource: ResourceKind,
  options: QueryOptions,
  reading: boolean,
  among: readonly OptionName[] = names,
): void {
  const legal = legalOptions[resource]
  for (const name of among) {
    if (options[name] === undefined) continue
    const allowed = reading
      ? legal.includes(name)
      : onChange.includes(name) ||
        (name === 'index' && positional.includes(resource)) ||
        // of the reference to take away (Protocol 11.4.6.2)
        (name === 'id' && resource === 'referenceCollection')
    if (!allowed)
      throw new ODataError(
        'queryOptionNotAllowed',
        `$${name} cannot be applied to ${describe(resource)}${reading ? '' : ' when it is changed'}.`,
        {
          target: `$${name}`,
        },
      )
  }
}

const described: Readonly<Partial<Record<ResourceKind, string>>> = {
  serviceDocument: 'the service document',
  metadata: '$metadata',
  entityCollection: 'a collection of entities',
  entity: 'a single entity',
  singleton: 'a singleton',
  primitive: 'a primitive property',
  primitiveCollection: 'a collection of primitive values',
  complex: 'a complex value',
  complexCollection: 'a collection of complex values',
  rawValue: 'a raw value',
  count: '$count',
  eachEntity: 'each member of a collection',
  eachItem: 'each member of a collection',
}

function describe(resource: ResourceKind): string {
  return described[resource] ?? `a resource of kind ${resource}`
}
