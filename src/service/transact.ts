import type { Session, Store } from '../store/port.ts'
import { toODataError } from './failure.ts'
import type { ServiceLog } from './options.ts'

/** What is done once a change stands: it cannot take it back, and a failure of it is no failure of the request. */
type Job = () => Promise<void> | void

interface Jobs {
  readonly inOrder: Job[]
  readonly together: Job[]
}

/** Of each transaction under way; begun anew where the store runs it again. */
const jobs = new WeakMap<object, Jobs>()

/** Jobs that run at once at the most. */
const mostTogether = 100

/**
 * Runs work in one transaction of the store, or in the one that the session is in. Work may run again after a conflict; what it hands to
 * `onceCommitted` runs once, when the transaction is durable.
 * @throws what the store's `transaction` throws
 */
export async function transact<T>(
  store: Store,
  session: Session,
  log: ServiceLog | undefined,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  if (session.transaction !== undefined) return store.transaction(session, work)
  let after: Jobs = { inOrder: [], together: [] }
  const result = await store.transaction(session, (inner) => {
    after = { inOrder: [], together: [] }
    if (typeof inner.transaction === 'object' && inner.transaction !== null) jobs.set(inner.transaction, after)
    return work(inner)
  })
  for (const job of after.inOrder) await run(job, log)
  for (let i = 0; i < after.together.length; i += mostTogether)
    await Promise.all(after.together.slice(i, i + mostTogether).map((job) => run(job, log)))
  return result
}

/**
 * Runs a job when the change of a session stands: at once, or when its transaction is committed.
 * @param order together: after those in order, beside others, so that the store can join what they read
 */
export async function onceCommitted(
  session: Session,
  log: ServiceLog | undefined,
  job: Job,
  order: keyof Jobs = 'inOrder',
): Promise<void> {
  const { transaction } = session
  const queue = typeof transaction === 'object' && transaction !== null ? jobs.get(transaction) : undefined
  if (queue) queue[order].push(job)
  else await run(job, log)
}

async function run(job: Job, log: ServiceLog | undefined): Promise<void> {
  try {
    await job()
  } catch (thrown) {
    log?.error({ err: toODataError(thrown).cause ?? thrown }, 'a hook failed after the change it follows was stored')
  }
}
