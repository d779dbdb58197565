import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { embeddedStore } from '../../src/embedded/store.ts'
import { storeContract } from './store-contract.ts'

describe('embedded', () => {
  const parent = mkdtempSync(join(tmpdir(), 'odatum-contract-'))
  afterAll(() => rmSync(parent, { recursive: true, force: true }))
  let next = 0
  storeContract('embedded', () => embeddedStore({ path: join(parent, String(next++)) }))
})
