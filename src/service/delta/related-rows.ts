import { bindPath } from '../../bind/bind-path.ts'
import type { Parameters } from '../../bind/tree.ts'
import { partsOfKey } from '../../bson/link-keys.ts'
import type { PrimitiveValue } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { oneToken, tokenOf } from '../../eval/key-list.ts'
import { encodePath } from '../../payload/row-path.ts'
import type { ReadPlan } from '../../plan/plan.ts'
import { type Reverse, rowsAmong } from '../../plan/reverse.ts'
import { parseRequestUrl } from '../../url/parse-url.ts'
import { type Core, collectionOf, contextOf } from '../core.ts'
import { readAll } from '../expand-lists.ts'
import { isPrimitive } from '../expand-match.ts'
import { linksReader } from '../hops.ts'
import { keyOf, ownerOf, plansOfRow, valueAt } from '../links/entity.ts'
import { definingQuery } from '../paging.ts'
import { rowsOfPlan } from '../rows.ts'
import { type Changed, passes, type Telling, type TrackedExpansion } from './tracked.ts'

/** From related entities that changed to the rows of a result that they are related to now. */

/** Rows that one page of changes may lead to. */
const mostRows = 10_000
/** Rows that are looked through for links to what changed. */
const mostScanned = 100_000

/** What the changes of related entities lead to. */
export interface RelatedChanges {
  /** rows of the result, as they are stored now; one may be there several times */
  readonly rows: readonly Uint8Array[]
  /** contained entities that are no longer expanded of a row which is told; known only where links are told one by one */
  readonly left: readonly Changed[]
}

/** @throws ODataError gone where there are too many */
export async function relatedRows(
  telling: Telling,
  tracked: readonly TrackedExpansion[],
  changed: readonly Changed[],
): Promise<RelatedChanges> {
  const rows: Uint8Array[] = []
  const left: Changed[] = []
  for (const each of tracked) {
    const { reverse } = each
    if (reverse.kind === 'owner') {
      const owners = await ownersOf(telling, reverse.suffix, changed)
      rows.push(...new Set(owners.values()))
      if (telling.flat)
        for (const [one] of owners)
          if (one.row === undefined || !passes(telling.core, each.expansion, telling.parameters, one.row))
            left.push(one)
    } else if (reverse.kind === 'values') rows.push(...(await rowsByValue(telling, each, reverse, changed)))
    else rows.push(...(await rowsByLink(telling, each, reverse, changed)))
    if (rows.length > mostRows) throw tooMany(telling)
  }
  return { rows, left }
}

/** The rows that contain what changed, by it. */
async function ownersOf(
  { core, exchange, plan, parameters }: Telling,
  suffix: string,
  changed: readonly Changed[],
): Promise<ReadonlyMap<Changed, Uint8Array>> {
  const { root, owner } = plan.source
  const within = owner === undefined ? undefined : parameters[owner]
  const byPath = new Map<string, Changed[]>()
  for (const each of changed) {
    const path = ownerOf(each.id)
    if (!path.endsWith(suffix)) continue
    const own = path.slice(0, path.length - suffix.length)
    if (typeof within === 'string' && !own.startsWith(`${within}/`)) continue
    const same = byPath.get(own)
    if (same) same.push(each)
    else byPath.set(own, [each])
  }
  const paths = [...byPath.keys()]
  const read = await Promise.all(
    paths.map((path) => {
      const key = keyInPath(core, plan, path)
      if (key === undefined) return undefined
      const named = typeof within === 'string' ? [within, ...key] : key
      const { controller, context } = contextOf(core, exchange, plansOfRow(core, root).read, named)
      return controller.read(context)
    }),
  )
  const stored = read.filter((row) => row !== undefined)
  const session = { parameters, after: undefined, limit: undefined }
  const asked = new Set(rowsOfPlan(core.layout, collectionOf(core.layout, root), plan, session, stored))
  const found = new Map<Changed, Uint8Array>()
  for (const [i, path] of paths.entries()) {
    const row = read[i]
    if (row !== undefined && asked.has(row)) for (const each of byPath.get(path) ?? []) found.set(each, row)
  }
  return found
}

/** The key of the row that the path of an owner names; undefined: it is in another set, or another contained collection. */
function keyInPath({ model, limits }: Core, { source }: ReadPlan, path: string): Parameters | undefined {
  const { segments, options } = parseRequestUrl(`/${encodePath(path)}`, { version: '4.01', limits })
  const bound = bindPath(model, segments, options, { keyAsSegment: false })
  const [last, before] = bound.path.segments.toReversed()
  if (last?.kind !== 'key') return undefined
  const { root } = source
  const same =
    before?.kind === 'entitySet'
      ? before.entitySet === root
      : before?.kind === 'navigation' && root.kind === 'contained' && before.property === root.property
  return same ? last.predicate.parameters.map((index) => bound.values[index] ?? null) : undefined
}

const among = new WeakMap<object, ReadPlan>()

/** The rows that have a value which what changed has, too. */
async function rowsByValue(
  telling: Telling,
  { expansion }: TrackedExpansion,
  { from, to }: Extract<Reverse, { kind: 'values' }>,
  changed: readonly Changed[],
): Promise<readonly Uint8Array[]> {
  const { core, exchange, plan, parameters } = telling
  const { root } = expansion.one.source
  const values = new Map<string, PrimitiveValue>()
  for (const { id, row } of changed) {
    const value = valueAt(core, { root, row: row ?? id }, to)
    if (isPrimitive(value)) values.set(oneToken(value), value)
  }
  if (values.size === 0) return []
  let narrowed = among.get(expansion)
  if (narrowed === undefined) {
    narrowed = rowsAmong(plan, from, parameters.length)
    among.set(expansion, narrowed)
  }
  const all: Parameters = [...parameters, [...values.values()]]
  const { controller, context } = contextOf(core, exchange, narrowed, all, { limit: mostRows + 1 })
  return readAll(await controller.list(context), mostRows + 1)
}

/** The rows that list the key of what changed: all rows are looked through. */
async function rowsByLink(
  telling: Telling,
  { expansion }: TrackedExpansion,
  listed: Extract<Reverse, { kind: 'links' }>,
  changed: readonly Changed[],
): Promise<readonly Uint8Array[]> {
  const { core, exchange, plan, parameters } = telling
  const { root } = expansion.one.source
  const wanted = new Set(
    changed.flatMap(({ id }) => {
      const key = keyOf(core, { root, row: id })
      return key === undefined ? [] : [tokenOf(partsOfKey(key))]
    }),
  )
  if (wanted.size === 0) return []
  const linked = linksReader(core.layout, collectionOf(core.layout, plan.source.root), listed)
  const { controller, context } = contextOf(core, exchange, plan, parameters)
  const rows = await controller.list(context)
  const found: Uint8Array[] = []
  let scanned = 0
  try {
    for await (const batch of rows.batches) {
      scanned += batch.length
      if (scanned > mostScanned) throw tooMany(telling)
      for (const row of batch) if (linked(row).some((key) => wanted.has(tokenOf(partsOfKey(key))))) found.push(row)
    }
  } finally {
    if (!rows.complete) await rows.close()
  }
  return found
}

/** It is cheaper to read everything again. */
function tooMany({ exchange }: Telling): ODataError {
  return new ODataError('gone', 'The changes concern too many entities. Read everything again.', {
    target: '$deltatoken',
    headers: { Location: definingQuery(exchange.root, exchange.request.target) },
  })
}
