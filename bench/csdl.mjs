// Loads a CSDL file with all validation, against a plain parse of the same file by odata-csdl and a bare saxes pass, in one run.
//   npm run bench:csdl -- [FILE]     default: /work/shared/csdl/msgraph-v1.0.xml
// odata-csdl is no dependency: npm install --no-save odata-csdl
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { SaxesParser } from 'saxes'
import { parseCsdl } from '../dist/csdl/read-csdl.js'

const file = process.argv[2] ?? '/work/shared/csdl/msgraph-v1.0.xml'
const rounds = Number(process.env.ROUNDS ?? 5)
if (!existsSync(file)) {
  console.error(`${file} is not here: name a CSDL file`)
  process.exit(1)
}
const text = readFileSync(file, 'utf8')

function peer() {
  try {
    return createRequire(import.meta.url)('odata-csdl').xml2json
  } catch {
    return undefined
  }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
const xml2json = peer()

const contenders = {
  'odatum, validated': () => parseCsdl(text, { file }),
  ...(xml2json ? { 'odata-csdl, plain': () => xml2json(text, { messages: [] }) } : {}),
  'saxes, bare': () => new SaxesParser({ position: false }).write(text).close(),
}

/** CPU time of one run in ms, and MB that its result holds. */
function measure(run) {
  collect()
  const before = process.memoryUsage().heapUsed
  const started = process.cpuUsage()
  const result = run()
  const { user, system } = process.cpuUsage(started)
  collect()
  const retained = process.memoryUsage().heapUsed - before
  return { ms: (user + system) / 1000, retained: result === undefined ? 0 : retained / 1e6 }
}

// The first run is the one that counts for a start: nothing is compiled yet. The rounds alternate, so that all meet the same machine.
const runs = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
for (let i = 0; i < rounds; i++) for (const [name, run] of Object.entries(contenders)) runs[name].push(measure(run))

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
console.log(`${file}, ${(text.length / 1e6).toFixed(1)} MB, CPU time of ${rounds} runs`)
for (const [name, measured] of Object.entries(runs)) {
  const ms = measured.map((one) => one.ms)
  const retained = median(measured.map((one) => one.retained))
  console.log(
    `  ${name.padEnd(18)} first ${ms[0].toFixed(0).padStart(5)} ms  median ${median(ms).toFixed(0).padStart(5)} ms  retains ${retained.toFixed(1)} MB`,
  )
}
if (xml2json) {
  const own = runs['odatum, validated'].map(({ ms }) => ms)
  const theirs = runs['odata-csdl, plain'].map(({ ms }) => ms)
  console.log(
    `  odata-csdl takes ${(median(theirs) / median(own)).toFixed(1)} times as long, the first run ${(theirs[0] / own[0]).toFixed(1)} times (target: 2)`,
  )
} else console.log('  odata-csdl is not installed: npm install --no-save odata-csdl')
