import { placeBehind } from '../../bind/binding-targets.ts'
import { typeOfDocument } from '../../bson/decode.ts'
import type { ModelLayout } from '../../bson/layout.ts'
import type { Model, StructuredType } from '../../edm/model.ts'
import { rowPath } from '../../payload/row-path.ts'
import type { Store } from '../../store/port.ts'
import { Containments, containedPlace, type Place, readPlan, wholeSession } from './places.ts'

/** A stored entity and where it stands. */
export interface PlacedRow {
  readonly place: Place
  readonly row: Uint8Array
}

/**
 * All entities of places, each before those that it contains. Nothing is read ahead of the consumer but the store's own
 * batches.
 */
export async function* walkRows(
  store: Store,
  model: Model,
  layout: ModelLayout,
  places: readonly Place[],
): AsyncGenerator<PlacedRow> {
  const containments = new Containments(model)

  async function* walkPlace(place: Place): AsyncGenerator<PlacedRow> {
    const { root, collection } = place
    const path = rowPath(collection, root.name, layout)
    const declared = layout.structured(root.type)
    const rows = await store.read(readPlan(place), wholeSession(place))
    let empty = true
    try {
      for await (const batch of rows.batches) {
        for (const row of batch) {
          empty = false
          yield { place, row }
          yield* walkContained(place, typeOfDocument(row, 0, declared), () => path(row))
        }
      }
    } finally {
      await rows.close()
    }
    // a singleton is an owner before it is stored
    if (empty && root.kind === 'singleton') yield* walkContained(place, root.type, () => root.name)
  }

  async function* walkContained(
    { root, binding }: Place,
    type: StructuredType,
    path: () => string,
  ): AsyncGenerator<PlacedRow> {
    for (const { property, suffix, via } of containments.of(root.type, type)) {
      const within = [...via, property.name].reduce(placeBehind, binding)
      yield* walkPlace(containedPlace(layout, property, path() + suffix, within))
    }
  }

  for (const place of places) yield* walkPlace(place)
}
