import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { embeddedStore } from '../../src/embedded/store.ts'
import { indexedLayout } from './kit.ts'
import { storeContract } from './store-contract.ts'

describe('embedded', () => {
  const parent = mkdtempSync(join(tmpdir(), 'odatum-contract-'))
  afterAll(() => rmSync(parent, { recursive: true, force: true }))
  let next = 0
  const make = () => embeddedStore({ path: join(parent, String(next++)) })
  storeContract('embedded', make)
  // Every order and every filter of the suite that an index may answer, upwards and downwards.
  const up = ['number', 'big', 'flag', 'price', 'ratio', 'guid', 'at', 'day', 'span', 'color', 'address/city'].map(
    (path) => [path],
  )
  const down = ['text', 'short', 'time', 'address/since', 'address/zip'].map((path) => [`${path} desc`])
  const wide = [
    ['at', 'number desc'],
    ['address/city desc', 'address/zip'],
    ['flag desc', 'number'],
    ['number', 'text desc', 'id'],
  ]
  storeContract('embedded, indexed', make, indexedLayout([...up, ...down, ...wide]))
})
