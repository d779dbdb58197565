import { type Document, serialize } from 'bson'
import { encodeEntity } from '../bson/encode.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../bson/layout.ts'
import type { Model, TypeReference } from '../edm/model.ts'
import { preparePredicate } from '../eval/compile.ts'
import type { CountPlan, StorePlan } from '../plan/plan.ts'
import { versionsOf } from '../protocol/etag.ts'
import type { Session } from '../store/port.ts'
import { fromPlain, type PlainObject } from './plain.ts'

/** Entities that code of the service made, as rows. */

/**
 * An entity in the stored form. `@odata.etag` in it is its version.
 * @param what made it: `the handler of Namespace.Name`
 * @throws Error where it is nothing that the type can hold: the code's fault, not the client's
 */
export function plainDocument(
  { model, layout, collection }: PlainRowsContext,
  reference: TypeReference,
  given: unknown,
  what: string,
): Document {
  const value = fromPlain(model, reference, given, what)
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'structured')
    throw new Error(`${what} gave back something else than an entity`)
  const document = encodeEntity(layout, collection, value)
  const version = versionIn(given as PlainObject)
  if (version !== undefined) document[fields.version] = version
  return document
}

export interface PlainRowsContext {
  readonly model: Model
  readonly layout: ModelLayout
  /** whose form the rows have */
  readonly collection: CollectionLayout
}

function versionIn(plain: PlainObject): number | undefined {
  const tag = plain['@odata.etag'] ?? plain['@etag']
  return typeof tag === 'string' ? versionsOf([tag.replace(/^W\/"|"$/g, '')])[0] : undefined
}

/** All the entities of a controller that makes them itself, as rows; those that the caller may see. */
export async function rowsOfEntities(
  context: PlainRowsContext & { readonly plan: StorePlan | CountPlan; readonly session: Session },
  entities: Iterable<object> | AsyncIterable<object>,
): Promise<readonly Uint8Array[]> {
  const { layout, collection, session, plan } = context
  const { root } = plan.source
  const reference: TypeReference = { type: root.type, collection: false, nullable: false, facets: {} }
  const rowFilter = session.rowFilters.get(root.name)
  const visible = rowFilter && preparePredicate(rowFilter, { layout, collection, type: root.type })(session.parameters)
  const rows: Uint8Array[] = []
  for await (const entity of entities) {
    const row = serialize(plainDocument(context, reference, entity, `the controller of ${root.name}`))
    if (!visible || visible(row)) rows.push(row)
  }
  return rows
}
