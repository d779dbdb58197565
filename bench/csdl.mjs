// Loads a CSDL file with all validation, against a plain parse of the same file by odata-csdl and a bare saxes pass, in one run.
//   npm run bench:csdl -- [FILE]     default: ../shared/csdl/msgraph-v1.0.xml
// odata-csdl is no dependency: npm install --no-save odata-csdl
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { SaxesParser } from 'saxes'
import { parseCsdl } from '../dist/csdl/read-csdl.js'

const file = process.argv[2] ?? join(import.meta.dirname, '../../shared/csdl/msgraph-v1.0.xml')
const rounds = Number(process.env.ROUNDS ?? 9)
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

/** One run, in ms. */
function time(run) {
  const started = performance.now()
  run()
  return performance.now() - started
}

/** MB that the result of a run holds. */
function retained(run) {
  collect()
  const before = process.memoryUsage().heapUsed
  const result = run()
  collect()
  const held = process.memoryUsage().heapUsed - before
  return result instanceof SaxesParser ? 0 : held / 1e6
}

// The first run is what a start sees: nothing is compiled yet. The rounds alternate, so that all meet the same machine, and the
// best counts: what others do on the machine only ever adds to it. Memory is measured apart, since a forced collection throws
// compiled code away.
const runs = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
for (let i = 0; i < rounds; i++) for (const [name, run] of Object.entries(contenders)) runs[name].push(time(run))

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
console.log(`${file}, ${(text.length / 1e6).toFixed(1)} MB, ${rounds} runs`)
for (const [name, ms] of Object.entries(runs)) {
  const [first, middle, best] = [ms[0], median(ms), Math.min(...ms)].map((time) => `${time.toFixed(0).padStart(5)} ms`)
  const times = `first ${first}  median ${middle}  best ${best}`
  console.log(`  ${name.padEnd(18)} ${times}  retains ${retained(contenders[name]).toFixed(1)} MB`)
}
const [own, theirs] = [runs['odatum, validated'], runs['odata-csdl, plain']]
if (theirs) {
  const ratios = [Math.min(...theirs) / Math.min(...own), median(theirs) / median(own), theirs[0] / own[0]]
  const [best, middle, first] = ratios.map((ratio) => ratio.toFixed(1))
  console.log(`  odata-csdl takes ${best} times as long (median ${middle}, first run ${first}; target: 2)`)
} else console.log('  odata-csdl is not installed: npm install --no-save odata-csdl')
