import type { RemovedReason } from '../../payload/delta.ts'
import type { PlainObject } from '../plain.ts'

/** One item of a result that is a delta: an entity as it is, or one that is removed, with its key (`reason`: `deleted` where not said). */
export type DeltaEntity<Entity extends object = PlainObject> =
  | Entity
  | (Partial<Entity> & { readonly '@removed': { readonly reason?: RemovedReason } })

/** One item of a parameter that is a delta (Core.IsDelta; JSON Format 15). */
export type DeltaChange<Entity extends object = PlainObject> =
  /** as far as it has changed, with what the body says of its key */
  | {
      readonly kind: 'entity'
      readonly entity: Partial<Entity>
      readonly id: string | undefined
      readonly etag: string | undefined
    }
  /** `entity`: its key, where the body says it; `id`: its id, as the body says it */
  | {
      readonly kind: 'removed'
      readonly entity: Partial<Entity>
      readonly id: string | undefined
      readonly etag: string | undefined
      readonly reason: RemovedReason
    }
  /** ids, as the body says them; `target` undefined: of a deleted link of a single-valued navigation property */
  | {
      readonly kind: 'link' | 'deletedLink'
      readonly source: string
      readonly relationship: string
      readonly target: string | undefined
    }
