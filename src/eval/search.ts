import type { Parameters, SearchExpression } from '../bind/tree.ts'
import { fieldPathOf } from '../bson/field-path.ts'
import type { CollectionLayout } from '../bson/layout.ts'
import { bsonType, elementType, findPath, firstElement, nextElement, readString, valueOffset } from '../bson/reader.ts'
import { isReadable } from '../csdl/core.ts'
import { annotationOf, isTagged } from '../edm/annotations.ts'
import type { Property, StructuredType, TypeReference } from '../edm/model.ts'
import { isStructured, primitiveOf } from '../edm/types.ts'
import type { EvalContext, RowTest } from './compile.ts'

/**
 * `$search` (Protocol 11.2.6.6) where there is no text index: words are runs of letters, digits and marks (Unicode) in lower
 * case; a term is found where its words stand side by side in one string.
 */

/** Term on a property: whether $search looks into it. Where no property of a type has it, all strings are searched. */
export const searchableTerm = 'Odatum.V1.Searchable'

/** Complex properties inside each other that are searched. */
const maxDepth = 4

/**
 * Compiles a search, once for a plan.
 * @returns `(parameters) => (row) => boolean`; terms are parameters of type Edm.String
 */
export function prepareSearch(search: SearchExpression, context: EvalContext): (parameters: Parameters) => RowTest {
  const paths = searchablePaths(context)
  return (parameters) => {
    const matches = bindSearch(search, parameters)
    return (row) => matches(textsOfRow(row, paths))
  }
}

/**
 * A search among the items of a collection of primitive or complex values (URL Conventions 5.1.8): a text is what its words are in, a
 * complex value has those of its strings.
 * @param type declared type of the items
 * @returns `(parameters) => (row, at) => boolean`; `at` is the element of the item
 */
export function prepareItemSearch(
  search: SearchExpression,
  { type }: TypeReference,
  context: EvalContext,
): (parameters: Parameters) => (row: Uint8Array, at: number) => boolean {
  const inner = isStructured(type) ? pathsOf(context, undefined, type, isChosen(type), maxDepth) : undefined
  const searched = inner !== undefined || primitiveOf(type)?.name === 'Edm.String'
  return (parameters) => {
    const matches = bindSearch(search, parameters)
    return (row, at) => {
      const texts: string[] = []
      if (searched) collectElement(row, at, inner, texts)
      return matches(texts)
    }
  }
}

/** A search in texts that have been found already. */
export function prepareTextSearch(
  search: SearchExpression,
): (parameters: Parameters) => (texts: readonly string[]) => boolean {
  return (parameters) => {
    const matches = bindSearch(search, parameters)
    return (texts) => matches(texts.map((text) => text.toLowerCase()))
  }
}

/** The same as one function of row and parameters. */
export function compileSearch(
  search: SearchExpression,
  context: EvalContext,
): (row: Uint8Array, parameters: Parameters) => boolean {
  const prepare = prepareSearch(search, context)
  let known: Parameters | undefined
  let test: RowTest | undefined
  return (row, parameters) => {
    if (test === undefined || known !== parameters) {
      test = prepare(parameters)
      known = parameters
    }
    return test(row)
  }
}

/** The words of a text, in their order. */
export function wordsOf(text: string): readonly string[] {
  return lowerWordsOf(text.toLowerCase())
}

function lowerWordsOf(text: string): readonly string[] {
  return text.match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
}

/** Words between blanks: `' red bike '` contains `' bike '`, never `'ike'`. */
function joined(words: readonly string[]): string {
  return ` ${words.join(' ')} `
}

/** @returns takes texts in lower case */
function bindSearch(search: SearchExpression, parameters: Parameters): (texts: readonly string[]) => boolean {
  switch (search.kind) {
    case 'term': {
      const value = parameters[search.index]
      const words = typeof value === 'string' ? wordsOf(value) : []
      const [first] = words
      // a term without a letter or digit is found nowhere
      if (first === undefined) return () => false
      const wanted = joined(words)
      // most texts are told apart without looking at their words
      return (texts) => texts.some((text) => text.includes(first) && joined(lowerWordsOf(text)).includes(wanted))
    }
    case 'not': {
      const operand = bindSearch(search.operand, parameters)
      return (texts) => !operand(texts)
    }
    case 'and': {
      const [left, right] = [bindSearch(search.left, parameters), bindSearch(search.right, parameters)]
      return (texts) => left(texts) && right(texts)
    }
    case 'or': {
      const [left, right] = [bindSearch(search.left, parameters), bindSearch(search.right, parameters)]
      return (texts) => left(texts) || right(texts)
    }
  }
}

/** A string to search: the path to it, or to the collection it is in, and on from each item. */
interface SearchPath {
  readonly path: readonly string[]
  /** undefined: strings stand here; else complex items with these */
  readonly inner: readonly SearchPath[] | undefined
}

/** Where the strings stand that a search looks into, as field names; arrays on the way, or at the end, are looked into item by item. */
export function searchedPaths(context: EvalContext): readonly (readonly string[])[] {
  const flat = (paths: readonly SearchPath[]): readonly (readonly string[])[] =>
    paths.flatMap(({ path, inner }) => (inner ? flat(inner).map((rest) => [...path, ...rest]) : [path]))
  return flat(searchablePaths(context))
}

function searchablePaths(context: EvalContext): readonly SearchPath[] {
  const declared = context.collection?.entityType ?? context.type
  return pathsOf(context, context.collection, declared, isChosen(declared), maxDepth)
}

/** Whether a type says itself what of it is searched. */
function isChosen(type: StructuredType): boolean {
  return everyProperty(type).some((property) => annotationOf(property, searchableTerm) !== undefined)
}

/** Properties of a type and of all derived from it. */
function everyProperty(type: StructuredType): readonly Property[] {
  const all = new Set<Property>(type.allProperties.values())
  const derived: readonly StructuredType[] = type.derivedTypes
  for (const one of derived) for (const property of one.properties) all.add(property)
  return [...all]
}

function pathsOf(
  context: EvalContext,
  collection: CollectionLayout | undefined,
  type: StructuredType,
  chosen: boolean,
  depth: number,
): readonly SearchPath[] {
  if (depth === 0) return []
  return everyProperty(type).flatMap((property): readonly SearchPath[] => {
    if ((chosen && !isTagged(property, searchableTerm)) || !isReadable(property)) return []
    const path = fieldPathOf(context.layout, collection, [property])
    if (primitiveOf(property.type.type)?.name === 'Edm.String') return [{ path, inner: undefined }]
    if (!isStructured(property.type.type)) return []
    const inner = pathsOf(context, undefined, property.type.type, false, depth - 1)
    return inner.length === 0 ? [] : [{ path, inner }]
  })
}

function textsOfRow(row: Uint8Array, paths: readonly SearchPath[]): readonly string[] {
  const texts: string[] = []
  collect(row, 0, paths, texts)
  return texts
}

function collect(row: Uint8Array, start: number, paths: readonly SearchPath[], into: string[]): void {
  for (const { path, inner } of paths) {
    const at = findPath(row, path, start)
    if (at < 0) continue
    if (elementType(row, at) !== bsonType.array) collectElement(row, at, inner, into)
    else
      for (let item = firstElement(row, valueOffset(row, at)); item >= 0; item = nextElement(row, item))
        collectElement(row, item, inner, into)
  }
}

function collectElement(row: Uint8Array, at: number, inner: readonly SearchPath[] | undefined, into: string[]): void {
  const type = elementType(row, at)
  if (inner === undefined && type === bsonType.string) into.push(readString(row, valueOffset(row, at)).toLowerCase())
  if (inner !== undefined && type === bsonType.document) collect(row, valueOffset(row, at), inner, into)
}
