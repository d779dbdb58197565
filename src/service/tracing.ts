import type { StoreNote, Trace } from '../store/trace.ts'
import type { Planned } from './planner.ts'

/** Commands that are told of one request; on the embedded store an expansion is one for each parent. */
const toldCommands = 100

/** What is noted of a request on its way, to explain it afterwards. */
export class Tracing {
  readonly #began = performance.now()
  readonly #notes: TimedNote[] = []
  #untold = 0
  #planned: Planned | undefined

  /** given to the stores (`Session.trace`) */
  readonly trace: Trace = (note) => {
    if (this.#notes.length === toldCommands) this.#untold++
    else this.#notes.push({ note, at: Number((performance.now() - this.#began).toFixed(3)) })
  }

  /** The plan that the caller may have carried out. */
  admitted(planned: Planned): void {
    this.#planned = planned
  }

  /** undefined: the request was refused before anything was read */
  get planned(): Planned | undefined {
    return this.#planned
  }

  get notes(): readonly TimedNote[] {
    return this.#notes
  }

  /** commands beyond those that are told */
  get untold(): number {
    return this.#untold
  }
}

export interface TimedNote {
  readonly note: StoreNote
  /** milliseconds since the request began */
  readonly at: number
}
