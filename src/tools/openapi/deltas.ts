import type { EntityType } from '../../edm/model.ts'
import type { Schema, Schemas } from './schemas.ts'

/** Deltas that operations take and give (Core.IsDelta; JSON Format 15). */

const reason: Schema = { type: 'string', enum: ['changed', 'deleted'] }
const id: Schema = { type: 'string', format: 'uri-reference' }

/** A parameter: entities as far as they have changed, removed ones, links; as an array, without the object around it. */
export function deltaParameter(type: EntityType, schemas: Schemas): Schema {
  const removed = {
    type: 'object',
    title: 'Removed entity, with its id or its key',
    required: ['@removed'],
    properties: { '@removed': { type: 'object', properties: { reason } }, '@id': id },
    additionalProperties: true,
  }
  const link = {
    type: 'object',
    title: 'Added or deleted link',
    required: ['@context', 'source', 'relationship'],
    properties: {
      '@context': { type: 'string', enum: ['#$link', '#$deletedLink'] },
      source: id,
      relationship: { type: 'string' },
      target: id,
    },
  }
  return { type: 'array', items: { anyOf: [schemas.ref(type, 'read'), removed, link] } }
}

/**
 * A result: whole entities and removed ones.
 * @param control what names of control information begin with: 4.0 has removed entities in a form of its own (JSON Format 15.3)
 */
export function deltaResult(type: EntityType, schemas: Schemas, control: '@odata.' | '@'): Schema {
  const removed =
    control === '@'
      ? {
          required: ['@removed'],
          properties: { '@removed': { type: 'object', properties: { reason } }, '@id': id },
          additionalProperties: true,
        }
      : { required: ['id', 'reason'], properties: { '@odata.context': { type: 'string' }, id, reason } }
  return {
    type: 'object',
    required: ['value'],
    properties: {
      [`${control}context`]: { type: 'string', format: 'uri' },
      value: {
        type: 'array',
        items: { anyOf: [schemas.ref(type, 'read'), { type: 'object', title: 'Removed entity', ...removed }] },
      },
    },
  }
}
