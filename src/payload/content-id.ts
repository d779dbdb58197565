import type { Model, Reference } from '../edm/model.ts'

const vocabulary = 'Org.OData.Core.V1'
const known = new WeakMap<readonly Reference[], readonly string[]>()

/** How a body may call Core.ContentID: by the namespace of the vocabulary, or by its alias in the service's document. */
export function contentIdNames({ references }: Pick<Model, 'references'>): readonly string[] {
  let names = known.get(references)
  if (names === undefined) {
    const includes = references.flatMap((reference) => reference.includes)
    const aliases = includes.flatMap(({ namespace, alias }) => (namespace === vocabulary && alias ? [alias] : []))
    names = [...new Set([vocabulary, ...aliases])].map((name) => `@${name}.ContentID`)
    known.set(references, names)
  }
  return names
}
