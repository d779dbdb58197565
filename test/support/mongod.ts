import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'

/** What `mongod-global.ts` found: a URI, or why there is none. */
export interface MongodbForTests {
  readonly uri: string | undefined
  readonly reason: string
}

declare module 'vitest' {
  export interface ProvidedContext {
    mongodb: MongodbForTests
  }
}

/**
 * The MongoDB of this test run. `uri` is undefined where there is none: skip with `describe.skipIf(uri === undefined)`
 * and put `reason` into the name.
 */
export function mongodb(): MongodbForTests {
  return inject('mongodb') ?? { uri: undefined, reason: 'this project starts no mongod' }
}

/** `uri` with a database name of its own, so that tests that run at once do not meet. */
export function freshDatabase(uri: string, prefix = 'odatum'): string {
  const url = new URL(uri)
  url.pathname = `/${prefix}_${randomBytes(6).toString('hex')}`
  return url.toString()
}
