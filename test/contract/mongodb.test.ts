import { describe } from 'vitest'
import { mongoStore } from '../../src/mongo/store.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { storeContract } from './store-contract.ts'

const { uri, reason } = mongodb()

describe.skipIf(uri === undefined)(uri === undefined ? `mongodb (${reason})` : 'mongodb', () => {
  storeContract('mongodb', () => mongoStore(freshDatabase(uri ?? '')))
})
