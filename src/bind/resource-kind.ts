import type { Type } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import type { ResourceKind } from './tree.ts'

/** Which resource the values of a type are. */
export function valueResource(type: Type, collection: boolean): ResourceKind {
  if (type.kind === 'entity' || type.name === 'Edm.EntityType') return collection ? 'entityCollection' : 'entity'
  if (type.kind === 'complex' || type.name === 'Edm.ComplexType') return collection ? 'complexCollection' : 'complex'
  if (collection) return 'primitiveCollection'
  if (type.kind === 'abstract') return 'untyped'
  return primitiveOf(type)?.name === 'Edm.Stream' ? 'stream' : 'primitive'
}

/** What messages call a resource. */
export const described: Readonly<Partial<Record<ResourceKind, string>>> = {
  metadata: '$metadata',
  batch: '$batch',
  all: '$all',
  crossjoin: '$crossjoin',
  entityCollection: 'a collection of entities',
  entity: 'an entity',
  singleton: 'a singleton',
  primitive: 'a primitive value',
  primitiveCollection: 'a collection of primitive values',
  complex: 'a complex value',
  complexCollection: 'a collection of complex values',
  stream: 'a stream',
  rawValue: '$value',
  mediaStream: '$value',
  eachEntity: '$each',
  eachItem: '$each',
  count: '$count',
  reference: '$ref',
  referenceCollection: '$ref',
  actionCall: 'an action',
  actionImport: 'an action',
}
