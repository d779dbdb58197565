/**
 * `npm run bench`: odatum beside what people use today, on the same data and the same MongoDB, interleaved in one run: every
 * server a process of its own, 32 connections, the median and the spread of the rounds, CPU time per request, peak memory.
 *
 *   npm run bench -- [--only operation,...] [--servers name,...] [--rounds 3] [--seconds 2] [--warm-up 4] [--rows 10000]
 *   npm run bench -- --stream [--servers name,...]     memory while 100,000 rows stream, nothing else
 *
 * Whatever is measured is in bench/last-run.json at once; operations that are not run again keep their last results there.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findMongod, startMongod } from '../scripts/mongod.mjs'
import { median, spread } from './load.mjs'
import { streamMemory } from './stream.mjs'
import * as payloads from './suites/payloads.mjs'
import * as shop from './suites/shop.mjs'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    servers: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    'warm-up': { type: 'string', default: '4' },
    rows: { type: 'string', default: '10000' },
    stream: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
/** Seconds of an operation before it is measured: what answers 100 times a second is compiled by then, too. */
const warmUp = Number(values['warm-up'])
const seconds = Number(values.seconds)
const here = import.meta.dirname
const root = join(here, '..')
const suites = [payloads, shop]
const wanted = values.only?.split(',')
const known = suites.flatMap(({ operations }) => Object.keys(operations))
for (const name of wanted ?? [])
  if (!known.includes(name)) throw new Error(`no operation ${name}; there are ${known.join(', ')}`)
const isWanted = (name) => values.servers === undefined || values.servers.split(',').includes(name)

const mongod = await database()
const folder = mkdtempSync(join(tmpdir(), 'odatum-bench-'))
const running = new Set()
let lastPort = 41_700
// a run that is cut off leaves nothing behind
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(signal, async () => {
    for (const server of running) server.child.kill('SIGTERM')
    await mongod.stop()
    rmSync(folder, { recursive: true, force: true })
    process.exit(1)
  })
try {
  if (values.stream) await streamMemory({ root, start, stop, databaseUri, isWanted, folder })
  else for (const suite of suites) await runSuite(suite)
} finally {
  for (const server of running) server.child.kill('SIGTERM')
  await mongod.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(0)

async function runSuite(suite) {
  const names = Object.keys(suite.operations).filter((name) => wanted === undefined || wanted.includes(name))
  if (names.length === 0) return
  const servers = []
  for (const [name, candidate] of Object.entries(suite.candidates)) {
    if (!isWanted(name) || (candidate.only && !names.some((operation) => candidate.only.includes(operation)))) continue
    const server = await start(suite.name, name, candidate)
    console.log(`${name}: ${await suite.seed(server, Number(values.rows))}`)
    servers.push(server)
  }
  for (const operation of names) {
    const asked = servers.filter(({ only }) => only === undefined || only.includes(operation))
    await suite.check?.(operation, asked)
    const run = suite.operations[operation]
    for (const server of asked) await run(server, warmUp)
    const measured = new Map(asked.map((server) => [server, []]))
    for (let round = 0; round < rounds; round++)
      for (const server of asked) measured.get(server).push(await run(server, seconds))
    const rows = asked.map((server) => ({ operation, name: server.name, ...summary(measured.get(server)) }))
    print(operation, rows, suite.base)
    for (const line of (await suite.after?.(operation, asked)) ?? []) console.log(line)
    save(operation, rows)
  }
  for (const server of servers) await stop(server)
}

/** Starts a server and waits until it says something. */
async function start(suite, name, candidate) {
  if (candidate.peer && !existsSync(join(here, 'peers/node_modules')))
    spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: join(here, 'peers'), stdio: 'inherit' })
  const port = ++lastPort
  const own = `${suite}-${name.replace(/\W/g, '-')}`
  const args = candidate.odatum
    ? [join(root, 'dist/cli/main.js'), 'serve', ...candidate.odatum, ...serving(port), ...storing(candidate.store, own)]
    : [join(here, 'servers', candidate.script), databaseUri(own), String(port)]
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve)
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)))
  })
  child.stdout.resume()
  const server = { headers: {}, ids: [], ...candidate, name, child, pid: child.pid, url: `http://127.0.0.1:${port}` }
  running.add(server)
  return server
}

function serving(port) {
  return ['--port', String(port), '--host', '127.0.0.1', '--auth', 'none', '--log-level', 'silent']
}

function storing(store, own) {
  return store === 'mongo' ? ['--mongodb', databaseUri(own)] : ['--data', join(folder, own)]
}

function databaseUri(name) {
  const url = new URL(mongod.uri)
  url.pathname = `/${name}`
  return url.href
}

async function stop(server) {
  running.delete(server)
  const ended = new Promise((resolve) => server.child.once('exit', resolve))
  server.child.kill('SIGTERM')
  await ended
}

function summary(runs) {
  const perSecond = runs.map((run) => run.perSecond)
  return {
    perSecond: median(perSecond),
    spread: spread(perSecond),
    cpuMicros: median(runs.map((run) => run.cpuMicros)),
    p99: median(runs.map((run) => run.p99)),
    bad: runs.reduce((sum, run) => sum + run.bad, 0),
    answered: runs.reduce((sum, run) => sum + run.total, 0),
  }
}

function print(operation, rows, baseName) {
  const base = rows.find((row) => row.name === baseName)?.perSecond
  console.log(`\n${operation.padEnd(20)} requests/s  spread  x ${baseName.padEnd(12)}  CPU us/request  p99 ms  failed`)
  for (const row of rows)
    console.log(
      `  ${row.name.padEnd(18)} ${row.perSecond.toFixed(row.perSecond < 100 ? 1 : 0).padStart(10)} ${(row.spread * 100).toFixed(0).padStart(6)}% ${(base ? row.perSecond / base : Number.NaN).toFixed(2).padStart(14)} ${row.cpuMicros.toFixed(0).padStart(15)} ${row.p99.toFixed(0).padStart(7)} ${String(row.bad).padStart(7)}`,
    )
}

/** Puts the results of an operation in the place of its last ones. */
function save(operation, rows) {
  const file = join(here, 'last-run.json')
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).results : []
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version }
  const date = new Date().toISOString()
  const results = [
    ...before.filter((row) => row.operation !== operation),
    ...rows.map((row) => ({ ...row, date, rounds, seconds })),
  ]
  writeFileSync(file, `${JSON.stringify({ machine, results }, null, 2)}\n`)
}

/** MONGODB_URI's server, or one of the run's own. */
async function database() {
  const found = await findMongod()
  if (found.kind === 'missing') throw new Error(`no mongod: ${found.reasons.join('; ')}`)
  if (found.kind === 'uri') return { uri: found.uri, stop: async () => {} }
  console.log(`mongod ${found.version} (${found.origin}), node ${process.version}`)
  return startMongod(found.path, { cacheGB: 1 })
}
