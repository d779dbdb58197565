import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ModelLayout } from '../bson/layout.ts'
import { layoutOf } from '../bson/layout-of-model.ts'
import { readModel } from '../csdl/read-model.ts'
import type { Model } from '../edm/model.ts'
import { embeddedStore } from '../embedded/store.ts'
import { mongoStore } from '../mongo/store.ts'
import type { Store } from '../store/port.ts'
import { type Arguments, UsageError } from './flags.ts'

/** A model with its data at hand. */
export interface OpenedData {
  readonly model: Model
  readonly layout: ModelLayout
  readonly store: Store
}

/**
 * Opens the store that `--mongodb` or `--data` names, runs the work, and closes it whatever happens.
 * @param options `write`: a store that is not there is made, and its indexes are built first
 * @throws UsageError where there is nothing to read
 */
export async function withStore<T>(
  file: string,
  given: Arguments,
  options: { readonly write: boolean },
  work: (opened: OpenedData) => Promise<T>,
): Promise<T> {
  const model = await readModel(file)
  const layout = layoutOf(model)
  const mongodb = given.text('mongodb')
  const path = join(resolve(given.text('data') ?? 'data'), 'store')
  if (mongodb === undefined && !options.write && !existsSync(path))
    throw new UsageError(`there is no embedded store in ${path}: name its data folder by --data`)
  const store = mongodb === undefined ? embeddedStore({ path }) : mongoStore(mongodb, { indexes: options.write })
  await store.open(layout)
  try {
    // unique values are held from the first entity on
    if (options.write) await store.ready()
    return await work({ model, layout, store })
  } finally {
    await store.close()
  }
}
