import type { MemberStep } from '../bind/tree.ts'
import { typeOfDocument } from '../bson/decode.ts'
import { exactFieldPathOf, fieldPathOf, streamFieldPathOf } from '../bson/field-path.ts'
import type { CollectionLayout, ModelLayout } from '../bson/layout.ts'
import { bsonType, elementAt, elementType, findPath, valueOffset } from '../bson/reader.ts'
import type { Property, StructuredType } from '../edm/model.ts'
import { isStream, isStructured, isSubtypeOf } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { MemberPath } from './writer.ts'

/** Whose member a path starts from. */
export interface MemberOwner {
  /** declared type of the row */
  readonly type: StructuredType
  /** undefined: an embedded document */
  readonly collection: CollectionLayout | undefined
}

/** Where a member of a row stands: its element, and that of what a date cannot hold; -1: not there. */
export interface MemberPlace {
  readonly at: number
  readonly exactAt: number
}

/** A run of properties without casts between them, or a cast. */
type Step =
  | { readonly kind: 'fields'; readonly path: readonly string[]; readonly exactPath: readonly string[] }
  | { readonly kind: 'cast'; readonly type: StructuredType; readonly declared: StructuredType }
  | { readonly kind: 'item'; readonly index: number }

const nowhere: MemberPlace = { at: -1, exactAt: -1 }

/**
 * Resolves a path of properties, dynamic properties and casts to stored fields, once.
 * @returns finds the member in a row; a cast that the value is not of leads nowhere
 * @throws ODataError notImplemented for paths through navigation properties
 */
export function memberPlace(
  path: MemberPath,
  layout: ModelLayout,
  owner: MemberOwner,
): (row: Uint8Array) => MemberPlace {
  const steps = stepsOf(path, layout, owner)
  return (row) => {
    let start = 0
    let place = nowhere
    for (const [i, step] of steps.entries()) {
      if (step.kind === 'cast') {
        const actual = typeOfDocument(row, start, layout.structured(step.declared))
        if (!isSubtypeOf(actual, step.type)) return nowhere
        continue
      }
      if (step.kind === 'item') {
        const at = elementType(row, place.at) === bsonType.array ? elementAt(row, start, step.index) : -1
        place = { at, exactAt: -1 }
      } else place = { at: findPath(row, step.path, start), exactAt: findPath(row, step.exactPath, start) }
      const { at } = place
      if (at < 0) return nowhere
      if (i === steps.length - 1) break
      const found = elementType(row, at)
      if (found !== bsonType.document && found !== bsonType.array) return nowhere
      start = valueOffset(row, at)
    }
    return place
  }
}

function stepsOf(path: MemberPath, layout: ModelLayout, owner: MemberOwner): readonly Step[] {
  const steps: Step[] = []
  let declared: StructuredType | undefined = owner.type
  let collection = owner.collection
  let run: (Property | string)[] = []
  const endRun = (): void => {
    if (run.length === 0) return
    const last = run.at(-1)
    const pathOf = typeof last === 'object' && isStream(last) ? streamFieldPathOf : fieldPathOf
    steps.push({
      kind: 'fields',
      path: pathOf(layout, collection, run),
      exactPath: exactFieldPathOf(layout, collection, run),
    })
    collection = undefined
    run = []
  }
  for (const step of path) {
    if (step.kind === 'navigation') throw notImplemented(step)
    if (step.kind === 'cast') {
      endRun()
      if (declared !== undefined) steps.push({ kind: 'cast', type: step.type, declared })
      declared = step.type
      continue
    }
    if (step.kind === 'ordinal') {
      endRun()
      steps.push({ kind: 'item', index: step.index })
      continue
    }
    const property = step.kind === 'property' ? step.property : step.name
    run.push(property)
    const type = typeof property === 'string' ? undefined : property.type.type
    declared = type !== undefined && isStructured(type) ? type : undefined
  }
  endRun()
  return steps
}

function notImplemented(step: Extract<MemberStep, { kind: 'navigation' }>): ODataError {
  return new ODataError(
    'notImplemented',
    `A path through the navigation property ${step.property.name} is not implemented.`,
  )
}
