import { isRuled } from '../../payload/validation/relation-rules.ts'
import type { Linking } from '../../plan/linking.ts'
import type { ContainedCollection } from '../../plan/plan.ts'
import type { Core } from '../core.ts'
import { fullIdentity, type StoredEntity } from './entity.ts'

/** An entity whose relations have changed, and which of them. */
export interface TouchedEntity {
  readonly entity: StoredEntity
  readonly linkings: readonly Linking[]
}

/** What a request has done to relations that the model has rules of; judged at its end (touched.ts). */
export class Touched {
  readonly #entities = new Map<string, { readonly entity: StoredEntity; readonly linkings: Map<string, Linking> }>()
  readonly #contained = new Map<string, { readonly root: ContainedCollection; readonly path: string }>()

  /** Notes that an entity relates others than before. */
  add(core: Core, entity: StoredEntity, linking: Linking): void {
    if (!isRuled(linking.property)) return
    const name = fullIdentity(core, entity)
    let found = this.#entities.get(name)
    if (found === undefined) {
      found = { entity, linkings: new Map() }
      this.#entities.set(name, found)
    }
    const via = linking.via.map((step) => (step.kind === 'property' ? step.property.name : ''))
    found.linkings.set([...via, linking.property.name].join('/'), linking)
  }

  /** Notes that an owner contains others than before. @param path of the owner (bson/layout.ts) */
  addContained(root: ContainedCollection, path: string): void {
    this.#contained.set(`${root.name} ${path}`, { root, path })
  }

  get entities(): readonly TouchedEntity[] {
    return [...this.#entities.values()].map(({ entity, linkings }) => ({ entity, linkings: [...linkings.values()] }))
  }

  get contained(): readonly { readonly root: ContainedCollection; readonly path: string }[] {
    return [...this.#contained.values()]
  }
}
