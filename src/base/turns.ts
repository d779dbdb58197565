/** How long work may hold the event loop without a break, in milliseconds. */
const slice = 4

/** Between the steps of long work: whether others waited long enough, and their turn. */
export interface Turns {
  /** whether it is time for the others; cheap enough to be asked for every few hundred rows */
  due(): boolean
  /** Lets the others have the event loop. */
  pass(): Promise<void>
}

/** Turns for one piece of work: other requests go on while it runs. @param milliseconds that it may hold the event loop */
export function createTurns(milliseconds = slice): Turns {
  let since = performance.now()
  return {
    due: () => performance.now() - since > milliseconds,
    pass: async () => {
      await new Promise((resolve) => setImmediate(resolve))
      since = performance.now()
    },
  }
}
