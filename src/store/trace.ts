/** What a store tells of a command it was given, to a session that asks (`Session.trace`). Everything is JSON, for people to read. */
export interface StoreNote {
  /** what was asked, with the values as they are sent */
  readonly command: NoteFields
  /** what is known once the rows have been read: how many were looked at, how the server goes about it */
  readonly outcome?: () => Promise<NoteFields>
}

export type NoteFields = Readonly<Record<string, unknown>>

export type Trace = (note: StoreNote) => void
