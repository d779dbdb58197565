import type { Session } from './port.ts'

type Members = { readonly [Name in keyof Required<Session>]: Session[Name] }

/** A session that is another one but for what is given; its signal is asked for when somebody wants it, as in those of requests. */
class Derived implements Members {
  readonly parameters: Members['parameters']
  readonly scope: Members['scope']
  readonly rowFilters: Members['rowFilters']
  readonly timeLimit: Members['timeLimit']
  readonly after: Members['after']
  readonly limit: Members['limit']
  readonly precondition: Members['precondition']
  readonly transaction: Members['transaction']
  readonly late: Members['late']
  readonly told: Members['told']
  readonly glance: Members['glance']
  readonly snapshot: Members['snapshot']
  readonly trace: Members['trace']
  readonly #of: Session
  readonly #own: Partial<Session>

  constructor(of: Session, own: Partial<Session>) {
    this.parameters = own.parameters ?? of.parameters
    this.scope = own.scope ?? of.scope
    this.rowFilters = own.rowFilters ?? of.rowFilters
    this.timeLimit = own.timeLimit ?? of.timeLimit
    this.after = 'after' in own ? own.after : of.after
    this.limit = 'limit' in own ? own.limit : of.limit
    this.precondition = 'precondition' in own ? own.precondition : of.precondition
    this.transaction = 'transaction' in own ? own.transaction : of.transaction
    this.late = 'late' in own ? own.late : of.late
    this.told = 'told' in own ? own.told : of.told
    this.glance = 'glance' in own ? own.glance : of.glance
    this.snapshot = 'snapshot' in own ? own.snapshot : of.snapshot
    this.trace = 'trace' in own ? own.trace : of.trace
    this.#of = of
    this.#own = own
  }

  get signal(): AbortSignal | undefined {
    return 'signal' in this.#own ? this.#own.signal : this.#of.signal
  }
}

/** A session that is another one but for what is given. */
export function sessionLike(session: Session, own: Partial<Session>): Session {
  return new Derived(session, own)
}
