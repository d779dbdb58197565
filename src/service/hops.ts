import type { Parameters } from '../bind/tree.ts'
import { fieldPathOf } from '../bson/field-path.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../bson/layout.ts'
import { decodeLinks, type LinkKey, partsOfKey } from '../bson/link-keys.ts'
import { bsonType, elementType, findPath } from '../bson/reader.ts'
import { type CollectionValue, isStructuredValue, type PrimitiveValue, type Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { prepareValue } from '../eval/compile.ts'
import { rowPath } from '../payload/row-path.ts'
import type { Hop, HopValue, ListedKeys, ReadPlan, Source } from '../plan/plan.ts'
import { type Core, collectionOf, contextOf } from './core.ts'
import type { Exchange } from './exchange.ts'
import { missingEntity, missingText } from './missing.ts'
import { virtualSingleton } from './singleton.ts'

/** Navigation on the way to a plan's rows (plan/plan.ts, `Hop`). */

/** What a hop's row gives, as parameters; undefined: nothing is related. */
export type HopReader = (row: Uint8Array, parameters: Parameters) => Parameters | undefined

const readers = new WeakMap<Hop, HopReader>()

/**
 * Reads the rows that a path walks through and adds to the parameters what they give.
 * @returns undefined where a navigation property leads to nothing: a foreign key is null
 * @throws ODataError entityNotFound where a row on the way is not there
 */
export async function followHops(
  core: Core,
  exchange: Exchange,
  hops: readonly Hop[],
  parameters: Parameters,
): Promise<Parameters | undefined> {
  let all = parameters
  for (const [i, hop] of hops.entries()) {
    const row = await rowOf(core, exchange, hop.plan, all)
    if (row === undefined) {
      if (hop.property === undefined) throw missingEntity(hop.plan, all)
      if (hop.plan.source.single) throw missing(hop, hops[i - 1], all)
      return nothing(hop, hops.slice(i + 1))
    }
    let reader = readers.get(hop)
    if (reader === undefined) {
      reader = readerOf(core, hop)
      readers.set(hop, reader)
    }
    const values = reader(row, all)
    if (values === undefined) return nothing(hop, hops.slice(i + 1))
    all = [...all, ...values]
  }
  exchange.timings?.mark('hops')
  return all
}

async function rowOf(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan,
  parameters: Parameters,
): Promise<Uint8Array | undefined> {
  if (plan.source.single) {
    const { controller, context } = contextOf(core, exchange, plan, parameters)
    return (await controller.read(context)) ?? virtualSingleton(core, plan.source)
  }
  const { controller, context } = contextOf(core, exchange, plan, parameters, { limit: 1 })
  const rows = await controller.list(context)
  if (!rows.complete) await rows.close()
  return rows.first[0]
}

/** Nothing is related; whatever comes behind is not there. */
function nothing(hop: Hop, rest: readonly Hop[]): undefined {
  // a hop that would find the entity belongs to the same property
  const next = rest.find(({ plan }) => plan.source.single)
  if (next !== undefined) throw missing(next, hop, undefined)
  return undefined
}

/** Nothing stands where a hop starts from. */
function missing({ plan, property }: Hop, before: Hop | undefined, parameters: Parameters | undefined): ODataError {
  const { root } = plan.source
  const place =
    before?.property?.collection === false
      ? before.property.name
      : root.kind === 'contained'
        ? root.property.name
        : root.name
  // a key that an entity before gave is not told
  const which =
    parameters === undefined || before?.property?.collection === false
      ? 'There is no such entity'
      : missingText(plan.source, parameters)
  return new ODataError('entityNotFound', `${which} in '${place}', so '${property?.name}' leads nowhere.`, {
    target: place,
  })
}

function readerOf(core: Core, { plan, values }: Hop): HopReader {
  return hopReader(core.layout, plan.source, values)
}

/** Makes the function that reads from a row what a navigation property of it needs. */
export function hopReader(layout: ModelLayout, source: Source, asked: readonly HopValue[]): HopReader {
  const collection = collectionOf(layout, source.root)
  const values = asked.map((value) => valueReader(layout, collection, source, value))
  return (row, parameters) => {
    const found: (PrimitiveValue | CollectionValue | null)[] = []
    for (const [i, read] of values.entries()) {
      const value = read(row, parameters)
      const what = asked[i]
      if (value === null && what !== undefined && what.kind !== 'owner' && what.required) return undefined
      found.push(value)
    }
    return found
  }
}

type ValueReader = (row: Uint8Array, parameters: Parameters) => PrimitiveValue | CollectionValue | null

function valueReader(layout: ModelLayout, collection: CollectionLayout, source: Source, value: HopValue): ValueReader {
  switch (value.kind) {
    case 'owner': {
      const path = rowPath(collection, source.root.name, layout)
      const { within = [], suffix } = value
      if (within.length === 0) return (row) => path(row) + suffix
      const holder = fieldPathOf(layout, collection, within)
      return (row) => {
        const at = findPath(row, holder)
        if (at >= 0 && elementType(row, at) === bsonType.document) return path(row) + suffix
        const name = within.map((step) => step.name).join('/')
        throw new ODataError('entityNotFound', `'${name}' is null: it contains nothing.`, { target: name })
      }
    }
    case 'member': {
      const prepared = prepareValue(value.expression, { layout, collection, type: source.type })
      return (row, parameters) => primitive(prepared(parameters)(row))
    }
    case 'links': {
      const keys = linksReader(layout, collection, value)
      const { part } = value
      if (part === undefined) return keys
      return (row) => {
        const [key] = keys(row)
        return key === undefined ? null : primitive(partsOfKey(key)[part] ?? null)
      }
    }
  }
}

/** A foreign key is a primitive value; anything else relates nothing. */
function primitive(value: Value): PrimitiveValue | CollectionValue | null {
  return isStructuredValue(value) ? null : value
}

/** Reads the keys that an entity lists for a navigation property; none where a complex value with the property is not there. */
export function linksReader(
  layout: ModelLayout,
  collection: CollectionLayout,
  { list, within, type }: Pick<ListedKeys, 'list' | 'within' | 'type'>,
): (row: Uint8Array) => readonly LinkKey[] {
  const place = [fields.links, list]
  const read = (row: Uint8Array) => decodeLinks(layout, type, row, findPath(row, place))
  if (within.length === 0) return read
  const holder = fieldPathOf(layout, collection, within)
  return (row) => {
    const at = findPath(row, holder)
    return at >= 0 && elementType(row, at) === bsonType.document ? read(row) : []
  }
}
