import { MaxKey, MinKey } from 'bson'
import { containedId, fields } from '../../bson/layout.ts'
import type { Filter } from './condition.ts'

/**
 * Contained entities stand with those of all other owners in one collection. `_id` is `{p: owner's path, k: key}`; such
 * documents compare by the owner first, so that ranges of `_id` and its own index serve.
 */

/** The rows of one owner. */
export function ownedBy(owner: string): Filter {
  return { [fields.id]: { $gte: place(owner, new MinKey()), $lte: place(owner, new MaxKey()) } }
}

/** The rows of all owners below one: their paths begin with its path and a slash; `0` comes next after the slash. */
export function ownedBelow(owner: string): Filter {
  return { [fields.id]: { $gte: place(`${owner}/`, new MinKey()), $lt: place(`${owner}0`, new MinKey()) } }
}

function place(owner: string, key: unknown): Filter {
  return { [containedId.owner]: owner, [containedId.key]: key }
}
