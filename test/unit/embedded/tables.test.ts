import { writeFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { embeddedStore } from '../../../src/embedded/store.ts'
import { dataFormat, openTables } from '../../../src/embedded/tables.ts'
import { freshFolder, layout } from './support.ts'

let folder: ReturnType<typeof freshFolder>
beforeEach(() => {
  folder = freshFolder()
})
afterEach(() => folder.remove())

describe('a data folder', () => {
  it('is made where there is none, for its owner alone', async () => {
    const path = join(folder.path, 'not', 'yet.there')
    const store = embeddedStore({ path })
    await store.open(layout)
    await store.close()
    expect((await stat(path)).mode & 0o777).toBe(0o700)
  })

  it('of a later format is not opened, and says so', async () => {
    const tables = openTables({ path: folder.path, mapSize: undefined, maxReaders: 10 })
    await tables.meta.put(Buffer.from('format'), Buffer.from(String(dataFormat + 1)))
    await tables.root.close()
    const store = embeddedStore({ path: folder.path })
    const opening = store.open(layout)
    await expect(opening).rejects.toMatchObject({ code: 'storeUnavailable' })
    await expect(opening).rejects.toThrow(`format ${dataFormat + 1}`)
    await expect(store.ready()).rejects.toThrow('format')
    await store.close()
  })

  it('that cannot be one is refused', async () => {
    const path = join(folder.path, 'file')
    writeFileSync(path, 'x')
    await expect(embeddedStore({ path }).open(layout)).rejects.toMatchObject({ code: 'storeUnavailable' })
  })
})
