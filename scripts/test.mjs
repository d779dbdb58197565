// `npm test`: lint, types, build, then every vitest project; the counts are its last line. All of `npm run check` is in it.
//
//   node scripts/test.mjs          all but the long tests
//   node scripts/test.mjs --long   the long ones too (crash, load, strace)
//
// Any other argument goes on to vitest (`--project unit`, a file name).

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const long = process.argv.includes('--long')
const rest = process.argv.slice(2).filter((argument) => argument !== '--long')

function run(script, args, env = {}) {
  const result = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  return result.status ?? 1
}

function finish(passed, failed, skipped) {
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  process.exit(failed === 0 ? 0 : 1)
}

const tsc = join(root, 'node_modules/typescript/bin/tsc')
const before = [
  ['The build', tsc, ['-p', 'tsconfig.build.json']],
  ['The bundle of the command line', join(root, 'scripts/bundle.mjs'), []],
  // only a run of everything is held to them: whoever tries one test may have half a change
  ...(rest.length > 0
    ? []
    : [
        ['Lint', join(root, 'node_modules/@biomejs/biome/bin/biome'), ['check', '--error-on-warnings', '.']],
        ['The check of types', tsc, ['-p', 'tsconfig.json']],
      ]),
]
for (const [what, script, args] of before)
  if (run(script, args) !== 0) {
    console.error(`${what} failed; no test was run.`)
    finish(0, 1, 0)
  }

const folder = mkdtempSync(join(tmpdir(), 'odatum-test-'))
const report = join(folder, 'report.json')
const status = run(
  join(root, 'node_modules/vitest/vitest.mjs'),
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...rest],
  long ? { ODATUM_TEST_LONG: '1' } : {},
)
const result = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined
rmSync(folder, { recursive: true, force: true })
if (result === undefined) {
  console.error(`vitest ended with ${status} and without a report.`)
  finish(0, 1, 0)
}
// a file that cannot be loaded, or a failing hook, has no failed test of its own
const brokenFiles = result.testResults.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
).length
const failed = result.numFailedTests + brokenFiles
const unexplained = failed === 0 && status !== 0 ? 1 : 0
if (unexplained) console.error(`vitest ended with ${status} though no test failed: see the errors above.`)
finish(result.numPassedTests, failed + unexplained, result.numPendingTests + result.numTodoTests)
