import { bindPath } from '../../bind/bind-path.ts'
import type { Parameters } from '../../bind/tree.ts'
import { partsOfKey } from '../../bson/link-keys.ts'
import type { PrimitiveValue } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { oneToken, tokenOf } from '../../eval/key-list.ts'
import { encodePath } from '../../payload/row-path.ts'
import type { Expansion, ReadPlan } from '../../plan/plan.ts'
import { type Reverse, rowsAmong } from '../../plan/reverse.ts'
import { parseRequestUrl } from '../../url/parse-url.ts'
import { type Core, collectionOf, contextOf } from '../core.ts'
import { readAll } from '../expand-lists.ts'
import { isPrimitive } from '../expand-match.ts'
import { linksReader } from '../hops.ts'
import { keyOf, ownerOf, plansOfRow, valueAt } from '../links/entity.ts'
import { definingQuery } from '../paging.ts'
import { rowsOfPlan } from '../rows.ts'
import { idOf } from './told.ts'
import { type Changed, passes, planAlone, type Telling, type TrackedExpansion } from './tracked.ts'

/** From related entities that changed, level by level, to the rows of a result that they are related to now. */

/** Rows of each level that one page of changes may lead to. */
const mostRows = 10_000
/** Rows of each level that are looked through for links to what changed. */
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
    rows.push(...(await rowsAbove(telling, each, changed, left)))
    if (rows.length > mostRows) throw tooMany(telling)
  }
  return { rows, left }
}

/** The rows of the result that an expansion leads from to what changed: those of the level above it, then what these are expanded of. */
async function rowsAbove(
  telling: Telling,
  tracked: TrackedExpansion,
  changed: readonly Changed[],
  left: Changed[],
): Promise<readonly Uint8Array[]> {
  const { reverse, of, expansion } = tracked
  // of entities between that do not fulfil their options any more their own changes tell
  const plan = of === undefined ? telling.plan : planAlone(of.expansion)
  let rows: readonly Uint8Array[]
  if (reverse.kind === 'owner') {
    const owners = await ownersOf(telling, plan, reverse.suffix, changed)
    rows = [...new Set(owners.values())]
    if (telling.flat)
      for (const [one] of owners)
        if (one.row === undefined || !passes(telling.core, expansion, telling.parameters, one.row)) left.push(one)
  } else if (reverse.kind === 'values') rows = await rowsByValue(telling, plan, expansion, reverse, changed)
  else rows = await rowsByLink(telling, plan, expansion, reverse, changed)
  if (rows.length > mostRows) throw tooMany(telling)
  if (of === undefined || rows.length === 0) return rows
  const between = rows.map((row): Changed => ({ id: idOf(row), row, seen: true, touched: false }))
  return rowsAbove(telling, of, between, left)
}

/** The rows that contain what changed, by it. */
async function ownersOf(
  { core, exchange, parameters }: Telling,
  plan: ReadPlan,
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
    if (within !== undefined && ownerIn(own) !== within) continue
    const same = byPath.get(own)
    if (same) same.push(each)
    else byPath.set(own, [each])
  }
  const paths = [...byPath.keys()]
  const read = await Promise.all(
    paths.map((path) => {
      const key = keyInPath(core, plan, path)
      if (key === undefined) return undefined
      const named = root.kind === 'contained' ? [ownerIn(path), ...key] : key
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
function keyInPath({ model, limits }: Core, { source: { root } }: ReadPlan, path: string): Parameters | undefined {
  const { segments, options } = parseRequestUrl(`/${encodePath(path)}`, { version: '4.01', limits })
  const bound = bindPath(model, segments, options, { keyAsSegment: false })
  const [last, before] = bound.path.segments.toReversed()
  if (last?.kind === 'navigation' && !last.property.collection)
    return root.kind === 'contained' && root.property === last.property ? [] : undefined
  if (last?.kind !== 'key') return undefined
  const same =
    before?.kind === 'entitySet'
      ? before.entitySet === root
      : before?.kind === 'navigation' && root.kind === 'contained' && before.property === root.property
  return same ? last.predicate.parameters.map((index) => bound.values[index] ?? null) : undefined
}

/** The path of the owner in the path of a contained entity: all before its last segment. */
function ownerIn(path: string): string {
  let quoted = false
  let end = 0
  for (let at = 0; at < path.length; at++)
    if (path[at] === "'") quoted = !quoted
    else if (path[at] === '/' && !quoted) end = at
  return path.slice(0, end)
}

const among = new WeakMap<object, ReadPlan>()

/** The rows that have a value which what changed has, too. */
async function rowsByValue(
  telling: Telling,
  plan: ReadPlan,
  expansion: Expansion,
  { from, to }: Extract<Reverse, { kind: 'values' }>,
  changed: readonly Changed[],
): Promise<readonly Uint8Array[]> {
  const { core, exchange, parameters } = telling
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
  plan: ReadPlan,
  expansion: Expansion,
  listed: Extract<Reverse, { kind: 'links' }>,
  changed: readonly Changed[],
): Promise<readonly Uint8Array[]> {
  const { core, exchange, parameters } = telling
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
