import type { Document } from 'bson'
import { fields } from '../bson/layout.ts'
import type { RowTest } from '../eval/compile.ts'
import type { CreatePlan, DeletePlan, UpdatePlan } from '../plan/plan.ts'
import { storeFailure } from '../store/failures.ts'
import type { Change, CreateOutcome, DeleteOutcome, Precondition, Session, UpdateOutcome } from '../store/port.ts'
import { type Access, keyOfAccess } from './access.ts'
import type { Committer } from './committer.ts'
import { keyOfRow } from './key.ts'
import { applyChange, newRow, prepareChange, versionOfRow } from './patch.ts'
import { bound, findKey, type Located, type ReadingContext, rowAt, transactionOf } from './reading.ts'

/** What writing needs of the store. */
export interface WritingContext extends ReadingContext {
  readonly committer: Committer
}

/** The largest row, in bytes: what MongoDB holds, so that data can move. */
const maxRowBytes = 16_777_216

/** Stores a new document (store/port.ts `create`). */
export async function createRow(
  context: WritingContext,
  plan: CreatePlan | UpdatePlan,
  session: Session,
  document: Document,
): Promise<CreateOutcome> {
  const { collection } = context.accesses.access(plan.source)
  const row = checkedSize(() => newRow(document))
  const key = keyOfRow(collection.number, row)
  const transaction = transactionOf(session)
  if (transaction) {
    if (transaction.get(collection, key)) return { kind: 'exists' }
    transaction.put(collection, key, row, session.told)
    return { kind: 'created', row }
  }
  return context.committer.run((batch): CreateOutcome => {
    if (batch.get(key)) return { kind: 'exists' }
    batch.apply({ collection, key, before: undefined, after: row })
    return { kind: 'created', row }
  }, session.timeLimit)
}

/** Changes the row of a single source (store/port.ts `update`). */
export async function updateRow(
  context: WritingContext,
  plan: UpdatePlan,
  session: Session,
  change: Change,
): Promise<UpdateOutcome> {
  const { access, test } = target(context, plan, session)
  const key = keyOfAccess(access, session.parameters) ?? (await findKey(context, plan, access, test, session))
  if (!key) return { kind: 'missing' }
  const prepared = within(() => prepareChange(change, keyFieldsOf(access)))
  const decide = (found: Located | undefined): UpdateOutcome => {
    if (!found) return { kind: 'missing' }
    if (!holds(session.precondition, found.row)) return { kind: 'preconditionFailed' }
    return { kind: 'updated', row: checkedSize(() => applyChange(found.row, prepared)) }
  }
  const transaction = transactionOf(session)
  if (transaction) {
    const found = rowAt(context.tables, access.collection, key, test, session)
    const outcome = decide(found)
    if (found && outcome.kind === 'updated') transaction.put(found.collection, found.key, outcome.row, session.told)
    return outcome
  }
  return context.committer.run((batch) => {
    const found = rowAt(context.tables, access.collection, key, test, session)
    const outcome = decide(found)
    if (found && outcome.kind === 'updated')
      batch.apply({ collection: found.collection, key: found.key, before: found.row, after: outcome.row })
    return outcome
  }, session.timeLimit)
}

/** Takes the row of a single source away (store/port.ts `delete`). */
export async function deleteRow(context: WritingContext, plan: DeletePlan, session: Session): Promise<DeleteOutcome> {
  const { access, test } = target(context, plan, session)
  const key = keyOfAccess(access, session.parameters) ?? (await findKey(context, plan, access, test, session))
  if (!key) return { kind: 'missing' }
  const decide = (found: Located | undefined): DeleteOutcome => {
    if (!found) return { kind: 'missing' }
    return holds(session.precondition, found.row) ? { kind: 'deleted' } : { kind: 'preconditionFailed' }
  }
  const transaction = transactionOf(session)
  if (transaction) {
    const found = rowAt(context.tables, access.collection, key, test, session)
    const outcome = decide(found)
    if (found && outcome.kind === 'deleted') transaction.remove(found.collection, found.key)
    return outcome
  }
  return context.committer.run((batch) => {
    const found = rowAt(context.tables, access.collection, key, test, session)
    const outcome = decide(found)
    if (found && outcome.kind === 'deleted')
      batch.apply({ collection: found.collection, key: found.key, before: found.row, after: undefined })
    return outcome
  }, session.timeLimit)
}

function target(
  context: WritingContext,
  plan: UpdatePlan | DeletePlan,
  session: Session,
): { readonly access: Access; readonly test: RowTest | undefined } {
  if (!plan.source.single) throw storeFailure.notImplemented('A change of many entities at once')
  const access = context.accesses.access(plan.source)
  return { access, test: bound(context, plan, access.conditions, session) }
}

/** Whether a precondition lets a change of this row pass (store/port.ts `Precondition`). */
function holds(precondition: Precondition | undefined, row: Uint8Array): boolean {
  switch (precondition?.kind) {
    case undefined:
    case 'exists':
      return true
    case 'absent':
      return false
    case 'unversioned':
      return versionOfRow(row) === 0
    case 'versions':
      return precondition.anyOf.includes(versionOfRow(row))
    case 'notVersions':
      return !precondition.noneOf.includes(versionOfRow(row))
  }
}

/** An instant's own offset and digits stand beside `_id`, which holds it in UTC. */
function keyFieldsOf({ collection }: Access): readonly string[] {
  return collection.layout.key.parts.map(({ alias }) => `${alias}${fields.exact}`)
}

/** @throws ODataError payloadTooLarge */
function checkedSize(make: () => Uint8Array): Uint8Array {
  const row = within(make)
  if (row.length > maxRowBytes) throw storeFailure.tooLarge(new Error(`${row.length} bytes`))
  return row
}

/** bson throws a RangeError of its own where a document outgrows its buffer (17 MB). */
function within<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof RangeError || (error instanceof Error && error.name === 'BSONOffsetError'))
      throw storeFailure.tooLarge(error)
    throw error
  }
}
