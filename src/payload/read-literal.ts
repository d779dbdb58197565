import { Buffer } from 'node:buffer'
import type { StructuredLiterals } from '../bind/parameters.ts'
import type { Model } from '../edm/model.ts'
import type { Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { Faults } from './faults.ts'
import { type JsonNode, parseJson } from './json.ts'
import { valueReader } from './read-structured.ts'

/**
 * The reader of complex and collection literals (URL Conventions 5.1.1.14.3), which have the form of JSON payloads: `@type`
 * and `@odata.type` name a derived type, unknown annotations are ignored, members that are not there are null.
 */
export function structuredLiterals(model: Model): StructuredLiterals {
  return (type, json, each) => {
    const faults = new Faults()
    const reading = { model, faults, keyIgnored: false, literal: true }
    const read = (node: JsonNode): Value | undefined =>
      node.kind === 'null' ? null : valueReader(type)(node, '', reading, 'create')
    try {
      const node = parseJson(Buffer.from(json))
      if (each && node.kind !== 'array') return { fault: 'An array of such is expected.' }
      const value = each && node.kind === 'array' ? node.items.map((item) => read(item) ?? null) : read(node)
      faults.throwIfAny()
      return value === undefined ? { fault: 'It has no value.' } : { value }
    } catch (error) {
      if (error instanceof ODataError) return { fault: error.details?.[0]?.message ?? error.message }
      throw error
    }
  }
}
