/**
 * `npm run bench`: odatum beside what people use today, on the same data and the same MongoDB, interleaved in one run: every
 * server a process of its own, 32 connections, the median and the spread of the rounds, CPU time per request, peak memory.
 *
 *   npm run bench -- [--rounds 3] [--seconds 3] [--rows 10000] [--only name,name] [--ops name,name] [--stream]
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findMongod, startMongod } from '../scripts/mongod.mjs'
import { entity, setName, typeName } from './data.mjs'
import { burst, cpuSeconds, median, memory, spread, timedGet } from './load.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    rows: { type: 'string', default: '10000' },
    only: { type: 'string' },
    ops: { type: 'string' },
    stream: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const rowCount = Number(values.rows)
const here = import.meta.dirname
const root = join(here, '..')

const odatum = (port, store) => [
  process.execPath,
  [
    join(root, 'dist/cli/main.js'),
    'serve',
    join(root, 'metadata/microsoft.graph.xml'),
    '--graph',
    '--base-path',
    '/beta',
    '--port',
    String(port),
    '--host',
    '127.0.0.1',
    '--auth',
    'none',
    '--max-page-size',
    '0',
    '--log-level',
    'silent',
    ...store,
  ],
]
/** What the pages that differ from request to request ask for: 280 filters, 20 pages of one order. */
const conditions = Array.from({ length: 280 }, (_, i) => ({ status: i % 7, version: Math.floor(i / 7) }))
const places = Array.from({ length: 20 }, (_, i) => i * 50)
const odataUrls = {
  key: (id) => `/beta/${setName}('${id}')`,
  filters: conditions.map(
    ({ status, version }) =>
      `/beta/${setName}?$filter=status%20eq%20${status}%20and%20payloadVersion%20gt%20${version}&$top=20`,
  ),
  orders: places.map((skip) => `/beta/${setName}?$orderby=createdTime%20desc&$skip=${skip}&$top=50&$count=true`),
  filter: `/beta/${setName}?$filter=status%20eq%203%20and%20payloadVersion%20gt%2010&$top=20`,
  order: `/beta/${setName}?$orderby=createdTime%20desc&$top=50&$count=true`,
  metadata: '/beta/$metadata',
  all: `/beta/${setName}`,
}
/** name: how it is started, what it is asked, and its key's name */
const candidates = {
  'odatum/mongo': {
    start: (port, uri) => odatum(port, ['--mongodb', uri('odatum')]),
    urls: odataUrls,
    key: 'id',
    headers: { Prefer: 'maxpagesize=1000000' },
  },
  'odatum/embedded': {
    start: (port, _uri, folder) => odatum(port, ['--data', folder]),
    urls: odataUrls,
    key: 'id',
    headers: { Prefer: 'maxpagesize=1000000' },
  },
  'odatum/express': {
    start: (port, uri) => [
      process.execPath,
      [join(here, 'servers/odatum-in-express.mjs'), uri('odatumExpress'), String(port)],
    ],
    urls: odataUrls,
    key: 'id',
    headers: { Prefer: 'maxpagesize=1000000' },
  },
  'hand-written': {
    start: (port, uri) => [
      process.execPath,
      [join(here, 'servers/hand-written.mjs'), uri('handWritten'), String(port)],
    ],
    urls: {
      ...odataUrls,
      key: (id) => `/beta/${setName}/${id}`,
      filters: conditions.map(({ status, version }) => `/beta/${setName}?status=${status}&version=${version}&top=20`),
      orders: places.map((skip) => `/beta/${setName}?orderby=createdTime&skip=${skip}&top=50`),
      filter: `/beta/${setName}?status=3&version=10&top=20`,
      order: `/beta/${setName}?orderby=createdTime&top=50`,
      all: `/beta/${setName}?all=1`,
    },
    key: 'id',
  },
  jaystack: {
    start: (port, uri) => [process.execPath, [join(here, 'servers/jaystack.cjs'), uri('jaystack'), String(port)]],
    urls: odataUrls,
    key: '_id',
  },
  simple: {
    start: (port, uri) => [process.execPath, [join(here, 'servers/simple.cjs'), uri('simple'), String(port)]],
    urls: odataUrls,
    key: '_id',
  },
}
const names = values.only ? values.only.split(',') : Object.keys(candidates)

if (names.some((name) => name === 'jaystack' || name === 'simple') && !existsSync(join(here, 'peers/node_modules')))
  spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: join(here, 'peers'), stdio: 'inherit' })

const mongod = await database()
const folder = mkdtempSync(join(tmpdir(), 'odatum-bench-'))
const servers = new Map()
const bodies = Array.from({ length: 2_000 }, (_, i) => JSON.stringify({ '@odata.type': typeName, ...entity(i) }))
const plainBodies = Array.from({ length: 2_000 }, (_, i) => JSON.stringify(entity(i)))
const bodiesFor = (name) => (name === 'jaystack' || name === 'simple' ? plainBodies : bodies)

try {
  let port = 41_700
  for (const name of names) servers.set(name, await start(name, ++port))
  // creates come last: they would leave the faster servers with more rows to read
  const operations = {
    key,
    // the same page for everybody, then pages that differ from request to request
    filter: (server, duration) => get('filter', server, duration),
    filters: (server, duration) => getEach('filters', server, duration),
    order: (server, duration) => get('order', server, duration),
    orders: (server, duration) => getEach('orders', server, duration),
    metadata: (server, duration) => get('metadata', server, duration),
    all: whole,
    create,
  }
  const wanted = values.ops ? values.ops.split(',') : Object.keys(operations)
  const results = []
  for (const operation of wanted) {
    const run = operations[operation]
    for (const server of servers.values()) await run(server, Math.min(1, seconds))
    const measured = new Map(names.map((name) => [name, []]))
    for (let round = 0; round < rounds; round++)
      for (const name of names) measured.get(name).push(await run(servers.get(name), seconds))
    for (const name of names) results.push({ operation, name, ...summary(measured.get(name)) })
    print(
      operation,
      results.filter((result) => result.operation === operation),
    )
  }
  console.log('\nfirst byte of the whole collection (ms, median of 15), peak memory (MiB)')
  for (const [name, server] of servers) {
    const times = []
    for (let i = 0; i < 15; i++)
      times.push((await timedGet(`http://127.0.0.1:${server.port}${server.urls.all}`, server.headers)).first)
    console.log(
      `  ${name.padEnd(18)} ${median(times).toFixed(1).padStart(8)}   ${memory(server.child.pid).peak.toFixed(0).padStart(6)}`,
    )
  }
  if (values.stream) await streamMemory()
  writeFileSync(
    join(root, 'bench/last-run.json'),
    `${JSON.stringify({ date: new Date().toISOString(), node: process.version, rounds, seconds, rowCount, results }, null, 2)}\n`,
  )
} finally {
  for (const { child } of servers.values()) child.kill('SIGTERM')
  await mongod.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(0)

async function start(name, port) {
  const candidate = candidates[name]
  const uri = (database) => {
    const url = new URL(mongod.uri)
    url.pathname = `/${database}`
    return url.href
  }
  const [command, args] = candidate.start(port, uri, join(folder, name.replace('/', '-')))
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve)
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)))
  })
  child.stdout.resume()
  const server = {
    name,
    port,
    child,
    urls: candidate.urls,
    key: candidate.key,
    headers: candidate.headers ?? {},
    ids: [],
  }
  await seed(server)
  return server
}

async function seed(server) {
  const { bad } = await burst(server.child.pid, {
    ...createOptions(server),
    amount: rowCount,
    timeout: 20,
    bailout: 20,
  })
  if (bad > 0) throw new Error(`${server.name}: ${bad} creates failed`)
  const answer = await timedGet(`http://127.0.0.1:${server.port}${server.urls.all}`, server.headers)
  const rows = JSON.parse(answer.body()).value
  server.ids = rows.slice(0, 2_000).map((row) => row[server.key])
  console.log(`${server.name}: ${rows.length} rows`)
}

function createOptions(server) {
  const set = bodiesFor(server.name)
  return {
    url: `http://127.0.0.1:${server.port}`,
    requests: set.map((body) => ({
      method: 'POST',
      path: `/beta/${setName}`,
      headers: { 'content-type': 'application/json' },
      body,
    })),
  }
}

function create(server, duration) {
  return burst(server.child.pid, { ...createOptions(server), duration })
}
function key(server, duration) {
  return burst(server.child.pid, {
    url: `http://127.0.0.1:${server.port}`,
    duration,
    requests: server.ids.map((id) => ({ method: 'GET', path: server.urls.key(id) })),
  })
}
function get(which, server, duration) {
  return burst(server.child.pid, { url: `http://127.0.0.1:${server.port}${server.urls[which]}`, duration })
}

function getEach(which, server, duration) {
  return burst(server.child.pid, {
    url: `http://127.0.0.1:${server.port}`,
    duration,
    requests: server.urls[which].map((path) => ({ method: 'GET', path })),
  })
}

/** The whole collection, one request after another: each takes a good part of a second. */
async function whole(server, duration) {
  const { pid } = server.child
  const cpu = cpuSeconds(pid)
  const started = performance.now()
  let total = 0
  do {
    await timedGet(`http://127.0.0.1:${server.port}${server.urls.all}`, server.headers)
    total++
  } while (performance.now() - started < duration * 1_000)
  const seconds = (performance.now() - started) / 1_000
  return {
    perSecond: total / seconds,
    cpuMicros: ((cpuSeconds(pid) - cpu) / total) * 1e6,
    p99: (seconds / total) * 1_000,
    bad: 0,
    total,
  }
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

function print(operation, rows) {
  const base = rows.find((row) => row.name === 'hand-written')?.perSecond
  console.log(`\n${operation.padEnd(20)} requests/s  spread  x hand-written  CPU us/request  p99 ms  failed`)
  for (const row of rows)
    console.log(
      `  ${row.name.padEnd(18)} ${row.perSecond.toFixed(row.perSecond < 100 ? 1 : 0).padStart(10)} ${(row.spread * 100).toFixed(0).padStart(6)}% ${(base ? row.perSecond / base : Number.NaN).toFixed(2).padStart(15)} ${row.cpuMicros.toFixed(0).padStart(15)} ${row.p99.toFixed(0).padStart(7)} ${String(row.bad).padStart(7)}`,
    )
}

/** Resident memory of the service while 100,000 rows stream, sampled ten times a second. */
async function streamMemory() {
  for (const name of ['odatum/mongo', 'odatum/embedded'].filter((wanted) => servers.has(wanted))) {
    const server = servers.get(name)
    const { pid } = server.child
    const had = JSON.parse(
      (await timedGet(`http://127.0.0.1:${server.port}/beta/${setName}?$top=0&$count=true`)).body(),
    )['@odata.count']
    if (had < 100_000) await burst(pid, { ...createOptions(server), amount: 100_000 - had })
    const before = memory(pid).now
    const samples = []
    const timer = setInterval(() => samples.push(memory(pid).now), 100)
    const answer = await timedGet(`http://127.0.0.1:${server.port}${server.urls.all}`, server.headers)
    clearInterval(timer)
    console.log(
      `\n${name}: 100,000 rows streamed, ${(answer.bytes / 1e6).toFixed(1)} MB in ${answer.total.toFixed(0)} ms; resident before ${before.toFixed(0)} MiB, at the most ${Math.max(...samples).toFixed(0)} MiB meanwhile`,
    )
  }
}

/** MONGODB_URI's server, or one of the run's own. */
async function database() {
  const found = await findMongod()
  if (found.kind === 'missing') throw new Error(`no mongod: ${found.reasons.join('; ')}`)
  if (found.kind === 'uri') return { uri: found.uri, stop: async () => {} }
  console.log(`mongod ${found.version} (${found.origin}), node ${process.version}`)
  return startMongod(found.path, { cacheGB: 1 })
}
