/** What an operation is bound to. */
export interface Bound {
  /** URL below the root, of an entity */
  readonly path: string | undefined
  read(): Promise<unknown>
}
