import type { Parameters } from '../bind/tree.ts'
import { ODataError } from '../errors/odata-error.ts'
import { entityText } from '../payload/context.ts'
import type { Hop, Source } from '../plan/plan.ts'

/** Longest name of an entity that a message quotes. */
const most = 200

/** `There is no entity people('ann')`. */
export function missingText(source: Source, parameters: Parameters): string {
  const text = entityText(source, parameters)
  return `There is no entity ${text.length > most ? `${text.slice(0, most)}...` : text}`
}

/**
 * The 404 for an entity that is not there, or not for this caller: it says which (Protocol 9.3.4). A key that the client did not
 * write, but an entity before, is not told.
 */
export function missingEntity(
  { source, hops }: { readonly source: Source; readonly hops?: readonly Hop[] },
  parameters: Parameters,
): ODataError {
  const last = hops?.at(-1)?.property
  return new ODataError(
    'entityNotFound',
    last?.collection === false ? `There is no entity in '${last.name}'.` : `${missingText(source, parameters)}.`,
  )
}
