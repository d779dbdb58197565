import type { Session } from '../store/port.ts'

/** How much is joined. */
export interface JoinerOptions {
  /** commands of one group on their way before further requests wait for one of them to end */
  readonly inFlight: number
  /** milliseconds after which waiting requests are sent all the same: a slow command must not hold up others */
  readonly patience: number
}

interface Group<T> {
  waiting: T[]
  inFlight: number
  scheduled: boolean
  timer: NodeJS.Timeout | undefined
}

/**
 * Requests that arrive together travel together: those of one group go as one command at the end of the turn of the event
 * loop; while enough commands of the group are on their way, those that arrive meanwhile wait and join the next. None ever
 * joins a command that has been sent.
 */
export class Joiner<T> {
  readonly #send: (items: readonly T[]) => Promise<void>
  readonly #options: JoinerOptions
  readonly #groups = new Map<string, Group<T>>()

  /** @param send never rejects */
  constructor(send: (items: readonly T[]) => Promise<void>, options: JoinerOptions) {
    this.#send = send
    this.#options = options
  }

  /** Groups of which requests wait or are on their way. */
  get size(): number {
    return this.#groups.size
  }

  add(name: string, item: T): void {
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = { waiting: [], inFlight: 0, scheduled: false, timer: undefined }
      this.#groups.set(name, group)
    }
    group.waiting.push(item)
    this.#schedule(name, group)
  }

  #schedule(name: string, group: Group<T>): void {
    if (group.scheduled) return
    group.scheduled = true
    setImmediate(() => {
      group.scheduled = false
      if (group.inFlight < this.#options.inFlight) this.#flush(name, group)
      else group.timer ??= setTimeout(() => this.#flush(name, group), this.#options.patience)
    })
  }

  #flush(name: string, group: Group<T>): void {
    clearTimeout(group.timer)
    group.timer = undefined
    const items = group.waiting
    if (items.length === 0) {
      this.#forget(name, group)
      return
    }
    group.waiting = []
    group.inFlight++
    void this.#send(items).finally(() => {
      group.inFlight--
      if (group.waiting.length > 0) this.#schedule(name, group)
      else this.#forget(name, group)
    })
  }

  /** Names of groups are made of what clients ask: one that nobody uses any more must not stay. */
  #forget(name: string, group: Group<T>): void {
    if (group.inFlight > 0 || group.scheduled || this.#groups.get(name) !== group) return
    clearTimeout(group.timer)
    this.#groups.delete(name)
  }
}

/** A session of nobody: what a joined command takes from its members is their longest time. */
export function joinedSession(timeLimit: number): Session {
  return {
    parameters: [],
    scope: '',
    rowFilters: new Map(),
    signal: undefined,
    timeLimit,
    after: undefined,
    limit: undefined,
    precondition: undefined,
    transaction: undefined,
  }
}
