import type { Session } from './port.ts'

/** A session that is another one but for what is given. */
export function sessionLike(session: Session, own: Partial<Session>): Session {
  // read by name: in the sessions of requests it is an accessor of their class, which a spread leaves out
  return { ...session, signal: session.signal, ...own }
}
