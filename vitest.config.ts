import { defineConfig } from 'vitest/config'

/**
 * One project per kind of test (docs/architecture.md, "Tests"); `npm test` runs them all, `npm run check` the first two.
 * Those with MongoDB share one server, started by the first of them (test/support/mongod-global.ts).
 */
const project = (name: string, include: readonly string[], timeout: number, mongodb: boolean) => ({
  test: {
    name,
    include: [...include],
    testTimeout: timeout,
    hookTimeout: 120_000,
    // files of a worker share what they import: most of the time of a file went into importing it again
    isolate: false,
    globalSetup: mongodb ? ['test/support/mongod-global.ts'] : [],
  },
})

const long = process.env.ODATUM_TEST_LONG === '1'

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project('unit', ['test/unit/**/*.test.ts'], 60_000, false),
      project('architecture', ['test/architecture.test.ts'], 20_000, false),
      project('contract', ['test/contract/**/*.test.ts'], 60_000, true),
      project('http', ['test/http/**/*.test.ts'], 60_000, true),
      project('differential', ['test/differential/**/*.test.ts'], 120_000, true),
      project('fuzz', ['test/fuzz/**/*.test.ts'], 120_000, true),
      project('clients', ['test/clients/**/*.test.ts'], 120_000, true),
      ...(long ? [project('long', ['test/long/**/*.test.ts'], 1_200_000, true)] : []),
    ],
  },
})
