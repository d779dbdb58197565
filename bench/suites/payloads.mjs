/** The first service beside what people use today: the entity type of metadata/microsoft.graph.xml, the same rows for every server. */
import { entity, setName, typeName } from '../data.mjs'
import { burst, cpuSeconds, median, memory, timedGet } from '../load.mjs'

/** What the pages that differ from request to request ask for: 280 filters, 20 pages of one order. */
const conditions = Array.from({ length: 280 }, (_, i) => ({ status: i % 7, version: Math.floor(i / 7) }))
const places = Array.from({ length: 20 }, (_, i) => i * 50)
const urls = {
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
const ours = { urls, key: 'id', headers: { Prefer: 'maxpagesize=1000000' }, typed: true }
const served = ['metadata/microsoft.graph.xml', '--graph', '--base-path', '/beta', '--max-page-size', '0']
const bodies = Array.from({ length: 2_000 }, (_, i) => JSON.stringify({ '@odata.type': typeName, ...entity(i) }))
const plainBodies = Array.from({ length: 2_000 }, (_, i) => JSON.stringify(entity(i)))

export const name = 'payloads'
export const base = 'hand-written'
export const candidates = {
  'odatum/mongo': { ...ours, odatum: served, store: 'mongo' },
  'odatum/embedded': { ...ours, odatum: served, store: 'embedded' },
  'odatum/express': { ...ours, script: 'odatum-in-express.mjs' },
  'hand-written': {
    script: 'hand-written.mjs',
    typed: true,
    key: 'id',
    urls: {
      ...urls,
      key: (id) => `/beta/${setName}/${id}`,
      filters: conditions.map(({ status, version }) => `/beta/${setName}?status=${status}&version=${version}&top=20`),
      orders: places.map((skip) => `/beta/${setName}?orderby=createdTime&skip=${skip}&top=50`),
      filter: `/beta/${setName}?status=3&version=10&top=20`,
      order: `/beta/${setName}?orderby=createdTime&top=50`,
      all: `/beta/${setName}?all=1`,
    },
  },
  jaystack: { script: 'jaystack.cjs', peer: true, urls, key: '_id' },
  simple: { script: 'simple.cjs', peer: true, urls, key: '_id' },
  'node:http alone': { script: 'bare.mjs', urls, only: ['metadata'] },
}

const get = (which) => (server, duration) => burst(server.pid, { url: server.url + server.urls[which], duration })
const getEach = (which) => (server, duration) =>
  burst(server.pid, {
    url: server.url,
    duration,
    requests: server.urls[which].map((path) => ({ method: 'GET', path })),
  })

/** By name; creates come last: they would leave the faster servers with more rows to read. */
export const operations = {
  key: (server, duration) =>
    burst(server.pid, {
      url: server.url,
      duration,
      requests: server.ids.map((id) => ({ method: 'GET', path: server.urls.key(id) })),
    }),
  // the same page for everybody, then pages that differ from request to request
  filter: get('filter'),
  filters: getEach('filters'),
  order: get('order'),
  orders: getEach('orders'),
  metadata: get('metadata'),
  all: whole,
  create: (server, duration) => burst(server.pid, { ...creates(server), duration }),
}

function creates({ url, typed }) {
  return {
    url,
    requests: (typed ? bodies : plainBodies).map((body) => ({
      method: 'POST',
      path: `/beta/${setName}`,
      headers: { 'content-type': 'application/json' },
      body,
    })),
  }
}

/** Stores the rows by the server's own create. */
export async function seed(server, rowCount) {
  if (server.only) return ''
  const { bad } = await burst(server.pid, { ...creates(server), amount: rowCount, timeout: 20, bailout: 20 })
  if (bad > 0) throw new Error(`${server.name}: ${bad} creates failed`)
  const answer = await timedGet(server.url + server.urls.all, server.headers)
  const rows = JSON.parse(answer.body()).value
  server.ids = rows.slice(0, 2_000).map((row) => row[server.key])
  return `${rows.length} rows`
}

/** The whole collection, one request after another: each takes a good part of a second. */
async function whole({ pid, url, urls, headers }, duration) {
  const cpu = cpuSeconds(pid)
  const started = performance.now()
  let total = 0
  do {
    await timedGet(url + urls.all, headers)
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

/** Told once the operation `all` is measured: when the first byte comes, and what memory it took. */
export async function after(operation, servers) {
  if (operation !== 'all') return []
  const lines = ['', 'first byte of the whole collection (ms, median of 7), peak memory (MiB)']
  for (const { name, pid, url, urls, headers } of servers) {
    const times = []
    for (let i = 0; i < 7; i++) times.push((await timedGet(url + urls.all, headers)).first)
    lines.push(
      `  ${name.padEnd(18)} ${median(times).toFixed(1).padStart(8)}   ${memory(pid).peak.toFixed(0).padStart(6)}`,
    )
  }
  return lines
}
