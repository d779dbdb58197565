import { decodeField, decodePrimitive, typeOfDocument } from '../../bson/decode.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../../bson/layout.ts'
import {
  bsonType,
  elementName,
  elementType,
  findField,
  findPath,
  firstElement,
  nextElement,
  readString,
  valueOffset,
} from '../../bson/reader.ts'
import { checkFacets } from '../../edm/facets.ts'
import type { EnumType, Property, StructuredType, TypeReference } from '../../edm/model.ts'
import { isStructured, primitiveOf } from '../../edm/types.ts'
import type { PrimitiveValue } from '../../edm/value.ts'

/** Is told of a stored value that does not fit the model: where it stands (`address/city`), and what is wrong. */
export type Misfit = (path: string, problem: string) => void

const typeNames: ReadonlyMap<number, string> = new Map(Object.entries(bsonType).map(([name, code]) => [code, name]))

/** Deeper documents are not looked at; nothing that odatum writes comes near. */
const deepest = 100

/**
 * Holds a stored document against the model: types, nullability, facets, enumeration members, `@type`, and fields that no
 * property of a closed type has.
 */
export function checkRow(layout: ModelLayout, collection: CollectionLayout, row: Uint8Array, report: Misfit): void {
  const checker = new RowChecker(layout, row, report)
  const { key, entityType } = collection
  for (const { path, property, names, alias } of key.parts) {
    const at = findPath(row, path)
    const exactAt = findField(row, alias + fields.exact)
    checker.value({ ...property.type, nullable: false }, at, exactAt, names.join('/'), 0)
  }
  checker.members(0, entityType, '', 0)
}

class RowChecker {
  readonly #layout: ModelLayout
  readonly #row: Uint8Array
  readonly #report: Misfit

  constructor(layout: ModelLayout, row: Uint8Array, report: Misfit) {
    this.#layout = layout
    this.#row = row
    this.#report = report
  }

  /** The fields of a document and the properties that it lacks. */
  members(start: number, declared: StructuredType, prefix: string, depth: number): void {
    const row = this.#row
    const type = this.#typeOf(start, declared, prefix)
    const { fieldOf, propertyOf } = this.#layout.structured(type)
    if (!type.open)
      for (let at = firstElement(row, start); at >= 0; at = nextElement(row, at)) {
        const field = elementName(row, at)
        const own = field.includes('@') || (depth === 0 && field === fields.id)
        if (!own && !propertyOf.has(field)) this.#report(prefix + field, `is a field of no property of ${type.name}`)
      }
    for (const [name, field] of fieldOf) {
      const property = type.allProperties.get(name)
      if (property === undefined || primitiveOf(property.type.type)?.name === 'Edm.Stream') continue
      this.#property(property, findField(row, field, start), findField(row, field + fields.exact, start), prefix, depth)
    }
  }

  #typeOf(start: number, declared: StructuredType, prefix: string): StructuredType {
    const row = this.#row
    const layout = this.#layout.structured(declared)
    const at = findField(row, fields.type, start)
    const named =
      at < 0 ? undefined : elementType(row, at) === bsonType.string ? readString(row, valueOffset(row, at)) : ''
    if (named !== undefined && !layout.instantiable.has(named))
      this.#report(`${prefix}${fields.type}`, `names '${named}', which is no type derived from ${declared.name}`)
    const type = typeOfDocument(row, start, layout)
    if (type.abstract) this.#report(`${prefix}${fields.type}`, `is missing: ${type.name} is abstract`)
    return type
  }

  #property({ name, type: reference }: Property, at: number, exactAt: number, prefix: string, depth: number): void {
    const path = prefix + name
    // a collection that is missing is empty
    if (reference.collection) {
      if (at >= 0 && !this.#isNull(at)) this.#items(reference, at, path, depth)
    } else this.value(reference, at, exactAt, path, depth)
  }

  #items(reference: TypeReference, at: number, path: string, depth: number): void {
    const row = this.#row
    if (elementType(row, at) !== bsonType.array) {
      this.#unfit(at, path, 'array')
      return
    }
    const item: TypeReference = { ...reference, collection: false }
    for (let each = firstElement(row, valueOffset(row, at)); each >= 0; each = nextElement(row, each))
      this.value(item, each, -1, path, depth)
  }

  /** One value that is no collection; an item of one is told under the collection's path. */
  value(reference: TypeReference, at: number, exactAt: number, path: string, depth: number): void {
    if (at < 0 || this.#isNull(at)) {
      if (!reference.nullable)
        this.#report(path, at < 0 ? 'is missing and must not be null' : 'is null and must not be')
      return
    }
    const row = this.#row
    const { type } = reference
    if (isStructured(type)) {
      if (elementType(row, at) !== bsonType.document) this.#unfit(at, path, type.name)
      else if (depth < deepest) this.members(valueOffset(row, at), type, `${path}/`, depth + 1)
      return
    }
    if (type.kind === 'enum') this.#enum(type, at, path)
    else {
      const name = primitiveOf(type)?.name
      if (name === undefined) {
        if (decodeField(row, at, reference, exactAt, this.#layout) === null) this.#unfit(at, path, type.name)
        return
      }
      const value = decodePrimitive(row, at, name, exactAt)
      if (value === null) this.#unfit(at, path, type.name)
      else this.#facets(reference, value, path)
    }
  }

  #facets(reference: TypeReference, value: PrimitiveValue, path: string): void {
    const fault = checkFacets(reference, value)
    if (fault !== undefined) this.#report(path, `does not fit its facets: ${withoutNumbers(fault)}`)
  }

  #enum(type: EnumType, at: number, path: string): void {
    const value = decodeField(this.#row, at, { type, collection: false, nullable: true, facets: {} }, -1, this.#layout)
    if (typeof value !== 'bigint') {
      this.#unfit(at, path, type.name)
      return
    }
    let known = 0n
    for (const member of type.members) known |= member.value
    const fits = type.members.some((member) => member.value === value) || (type.flags && (value & ~known) === 0n)
    if (!fits) this.#report(path, `holds a value that ${type.name} has no member for`)
  }

  #unfit(at: number, path: string, type: string): void {
    const stored = typeNames.get(elementType(this.#row, at)) ?? 'of an unknown BSON type'
    this.#report(path, `is ${stored}, which ${type} cannot hold`)
  }

  #isNull(at: number): boolean {
    const type = elementType(this.#row, at)
    return type === bsonType.null || type === bsonType.undefined
  }
}

/** What differs from value to value would make each a finding of its own. */
function withoutNumbers(fault: string): string {
  return fault.replace(/, not -?\d+$/, '')
}
