import { createHash, randomUUID } from 'node:crypto'
import type { Principal } from '../auth/principal.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { OperationResult } from '../plan/plan.ts'
import type { HttpRequest } from '../protocol/message.ts'
import type { ODataVersion } from '../protocol/negotiate.ts'
import type { Snapshot } from '../store/snapshots.ts'
import type { RowFilter } from './row-filter.ts'
import type { Tracing } from './tracing.ts'

/** One request on its way through the stages: what later stages and the log need of the earlier ones. */
export interface Exchange {
  /** as it came; of `/$query` the GET that it stands for, once that is known */
  request: HttpRequest
  readonly requestId: string
  readonly clientRequestId: string | undefined
  /** milliseconds since 1970 when it came */
  readonly arrived: number
  readonly timings: Timings | undefined
  version: ODataVersion
  principal: Principal | undefined
  /** the absolute service root with trailing slash */
  root: string
  /** of a request in a batch */
  readonly part: PartOfBatch | undefined
  /** what the caller may see, by set, once it was asked for */
  readonly rowFilters: Map<string, RowFilter | 'all'>
  /** what a repeatable request is told (Repeatable Requests 3.2.1); undefined: it is none */
  repeatability: 'accepted' | 'rejected' | undefined
  /** the one state of the data that it sees, once that is known (service/isolation.ts) */
  heldTo?: HeldTo
  /** of an action under way: its handler says that it has created the entity that it gives */
  created?: boolean
  /** of a delta link with `/$count`: only how many changes there are is asked for */
  countsChanges?: boolean
  /** of a request that is to be explained */
  readonly tracing?: Tracing | undefined
  /** of a change of one of several entities, each by itself: the changes that the request has made of rows */
  readonly made?: MadeChanges | undefined
  /** rows that operations gave */
  readonly results: Map<OperationResult, Promise<readonly Uint8Array[]>>
}

/** How changes that a request has made one by one have raised the versions of rows, by what tells a row from the others. */
export class MadeChanges {
  readonly #rows = new Map<string, Map<number, number>>()

  note(row: string, before: number, after: number): void {
    const known = this.#rows.get(row)
    if (known === undefined) this.#rows.set(row, new Map([[before, after]]))
    else known.set(before, after)
  }

  /** The version that a row has, unless somebody else has changed it since it had another. */
  now(row: string, version: number): number {
    const known = this.#rows.get(row)
    let found = version
    for (let next = known?.get(found); next !== undefined; next = known?.get(found)) found = next
    return found
  }
}

/** The state of the data that a request is held to (Protocol 8.2.6). */
export interface HeldTo {
  readonly state: Snapshot
  /** what its skip tokens say */
  readonly name: string
  /** links to further pages of the same state, in the order in which they were made */
  readonly links: string[]
}

/** What cannot be read from one state of the data, or not be done under it. */
export function notIsolated(reason: string): ODataError {
  return new ODataError('preconditionFailed', `Isolation: ${reason}.`, { target: 'Isolation' })
}

/** What a request in a batch has from the batch, beside the principal, who is known before its stages begin. */
export interface PartOfBatch {
  /** of its change set (store/port.ts, `Session.transaction`); undefined outside one */
  readonly transaction: unknown
  /** the state that all requests of the batch are held to */
  readonly snapshot?: Snapshot | undefined
  /** of its change set: what becomes of a create that fails after the request was answered (store/port.ts, `Session.late`) */
  readonly late?: ((failure: unknown) => unknown) | undefined
  /** of its change set: what becomes of a failure that only the end of the transaction finds (store/port.ts, `Session.told`) */
  readonly told?: ((failure: unknown) => unknown) | undefined
  /** path below the root of the entity that an earlier request gave, by its id (Protocol 11.7.4) */
  readonly reference?: (id: string) => string | undefined
}

/** The same request, inside a transaction of the store. */
export function inTransaction(exchange: Exchange, transaction: unknown): Exchange {
  return { ...exchange, part: { ...exchange.part, transaction } }
}

/** Time of each stage, in milliseconds. */
export class Timings {
  readonly #marks: { readonly stage: string; readonly milliseconds: number }[] = []
  #last = performance.now()

  /** Ends the stage that has been running since the last mark. */
  mark(stage: string): void {
    const now = performance.now()
    this.#marks.push({ stage, milliseconds: Number((now - this.#last).toFixed(3)) })
    this.#last = now
  }

  /** The value of a Server-Timing header. */
  header(): string {
    return this.#marks.map(({ stage, milliseconds }) => `${stage};dur=${milliseconds.toFixed(3)}`).join(', ')
  }

  /** the stages that have ended, in order */
  get stages(): readonly { readonly stage: string; readonly milliseconds: number }[] {
    return this.#marks
  }
}

/** What a client may send as its own id: it comes back in a header and in errors, so its form is checked. */
const clientId = /^[\w.:@/+=-]{1,128}$/

export function beginExchange(
  request: HttpRequest,
  settings: {
    version: ODataVersion
    root: string
    timing: boolean
    part?: PartOfBatch
    principal?: Principal | undefined
    tracing?: Tracing
  },
): Exchange {
  const sent = request.headers['client-request-id']
  return {
    request,
    requestId: randomUUID(),
    clientRequestId: sent !== undefined && clientId.test(sent) ? sent : undefined,
    arrived: Date.now(),
    timings: settings.timing ? new Timings() : undefined,
    version: settings.version,
    principal: settings.principal,
    root: settings.root,
    part: settings.part,
    rowFilters: new Map(),
    repeatability: undefined,
    results: new Map(),
    tracing: settings.tracing,
  }
}

/** Whose request it is, as a name for what is kept for nobody else. */
export function ownerOf({ principal }: Exchange): string {
  return createHash('sha256')
    .update(JSON.stringify([principal?.scheme, principal?.tenant, principal?.subject]))
    .digest('base64url')
}
