import { defineConfig } from 'vitest/config'

/** One project per kind of test (docs/architecture.md, "Tests"); `npm test` runs them all, `npm run check` the first two. */
const project = (name: string, include: readonly string[], timeout: number) => ({
  test: { name, include: [...include], testTimeout: timeout, hookTimeout: 120_000 },
})

const long = process.env.ODATUM_TEST_LONG === '1'

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { ...project('unit', ['test/unit/**/*.test.ts'], 20_000) },
      { ...project('architecture', ['test/architecture.test.ts'], 20_000) },
      { ...project('contract', ['test/contract/**/*.test.ts'], 60_000) },
      { ...project('http', ['test/http/**/*.test.ts'], 60_000) },
      { ...project('differential', ['test/differential/**/*.test.ts'], 120_000) },
      { ...project('fuzz', ['test/fuzz/**/*.test.ts'], 120_000) },
      { ...project('clients', ['test/clients/**/*.test.ts'], 120_000) },
      ...(long ? [{ ...project('long', ['test/long/**/*.test.ts'], 1_200_000) }] : []),
    ],
  },
})
