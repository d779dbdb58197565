/**
 * What the standard adds to reading by key: filter, expand, order, groups, search, updates with ETags, batches, deep inserts, on the
 * model of shop.xml, each beside the query or pipeline that one would write by hand. Both must give the same answer before they are measured.
 */
import { isDeepStrictEqual } from 'node:util'
import { burst, timed } from '../load.mjs'
import { customer, customerCount, order, ordersEach, ordersOf } from '../shop-data.mjs'

const served = ['bench/shop.xml', '--base-path', '/shop']
const json = { 'content-type': 'application/json' }

export const name = 'shop'
export const base = 'by hand'
export const candidates = {
  'odatum/mongo': { odatum: served, store: 'mongo' },
  'odatum/embedded': { odatum: served, store: 'embedded' },
  'by hand': { script: 'shop.mjs', byHand: true },
}

/** Numbers of the entities that a run makes: nobody makes one twice. */
let lastCustomer = customerCount
let lastOrder = 10 * customerCount * ordersEach

const spaced = (text) => text.replaceAll(' ', '%20')
const statuses = ['open', 'paid', 'sent', 'returned']
const filters = Array.from({ length: 100 }, (_, i) => ({ status: statuses[i % 4], over: i * 90 }))
const pages = Array.from({ length: 20 }, (_, i) => i * 50)
const parents = Array.from({ length: 40 }, (_, i) => i * 20)
const notes = Array.from({ length: 200 }, (_, i) => `note${i}`)
const overs = Array.from({ length: 200 }, (_, i) => i * 5)
const groups = '$apply=groupby((status),aggregate(total with sum as sum,$count as number))'
const newOrders = () => Array.from({ length: 10 }, () => ({ ...order(5, 5), id: ++lastOrder, customerId: 5 }))
const newCustomer = () => ({
  ...customer(++lastCustomer),
  orders: Array.from({ length: 10 }, (_, n) => {
    const { customerId, ...rest } = order(lastCustomer, n)
    return { ...rest, id: ++lastOrder }
  }),
})
const someKeys = (from) => Array.from({ length: 20 }, (_, i) => (from * 397 + i * 31) % (customerCount * ordersEach))

/** For each operation the requests of odatum and those by hand, in the same order. */
const reads = {
  'shop-filter': [
    filters.map(({ status, over }) => spaced(`/orders?$filter=status eq '${status}' and total gt ${over}&$top=20`)),
    filters.map(({ status, over }) => `/orders?status=${status}&over=${over}&top=20`),
  ],
  expand: [
    parents.map((skip) => `/customers?$expand=orders&$skip=${skip}&$top=20`),
    parents.map((skip) => `/customers?skip=${skip}&top=20`),
  ],
  orderby: [
    pages.map((skip) => `/orders?$orderby=total%20desc&$skip=${skip}&$top=50`),
    pages.map((skip) => `/orders?skip=${skip}&top=50`),
  ],
  groupby: [[`/orders?${spaced(groups)}`], ['/orders/by-status']],
  'groupby-differ': [
    overs.map((over) => `/orders?${spaced(groups.replace('=', `=filter(total gt ${over})/`))}`),
    overs.map((over) => `/orders/by-status?over=${over}`),
  ],
  search: [
    notes.map((word) => `/customers?$search=${word}&$top=20`),
    notes.map((word) => `/customers/search?word=${word}`),
  ],
}
/** For each operation what one request is made of: path and body. */
const writes = {
  changeset: [
    () => [
      '/$batch',
      {
        requests: newOrders().map((body, i) => ({
          ...{ id: String(i), atomicityGroup: 'all', method: 'POST', url: 'orders', headers: json, body },
        })),
      },
    ],
    () => ['/orders/many', newOrders()],
  ],
  'deep-insert': [() => ['/customers', newCustomer()], () => ['/customers', newCustomer()]],
  'batch-reads': [
    (from) => [
      '/$batch',
      { requests: someKeys(from).map((id, i) => ({ id: String(i), method: 'GET', url: `orders(${id})` })) },
    ],
    (from) => ['/orders/read', someKeys(from)],
  ],
}

export const operations = {
  ...Object.fromEntries(
    Object.entries(reads).map(([operation, paths]) => [
      operation,
      ({ pid, url, byHand }, duration) =>
        burst(pid, {
          url,
          duration,
          requests: paths[byHand ? 1 : 0].map((path) => ({ method: 'GET', path: `/shop${path}` })),
        }),
    ]),
  ),
  update,
  ...Object.fromEntries(
    Object.entries(writes).map(([operation, makers]) => [
      operation,
      ({ pid, url, byHand }, duration) => {
        let sent = 0
        const setupRequest = (request) => {
          const [path, body] = makers[byHand ? 1 : 0](sent++)
          return { ...request, path: `/shop${path}`, body: JSON.stringify(body) }
        }
        return burst(pid, { url, duration, requests: () => [{ method: 'POST', headers: json, setupRequest }] })
      },
    ]),
  ),
}

/** Each connection changes an order of its own, always with the ETag that the last answer gave. */
async function update({ pid, url, byHand }, duration) {
  const tags = await Promise.all(
    Array.from({ length: 32 }, async (_, i) => {
      const answer = await timed(`${url}/shop/orders${byHand ? `/read` : `(${i})`}`, {
        ...(byHand ? { method: 'POST', headers: json, body: JSON.stringify([i]) } : {}),
      })
      const body = JSON.parse(answer.body())
      return (byHand ? body.responses[0].body : body)['@odata.etag']
    }),
  )
  return burst(pid, {
    url,
    duration,
    requests: (i) => [
      {
        method: 'PATCH',
        path: `/shop/orders${byHand ? `/${i}` : `(${i})`}`,
        setupRequest: (request) => ({
          ...request,
          headers: { ...json, Prefer: 'return=representation', 'If-Match': tags[i] },
          body: JSON.stringify({ total: 1 + i, comment: `changed when it was ${tags[i]}` }),
        }),
        onResponse: (_status, _body, _context, headers) => {
          tags[i] = headers.etag ?? headers.ETag ?? tags[i]
        },
      },
    ],
  })
}

/** The one by hand stores its rows when it starts. */
export async function seed(server) {
  if (server.byHand) return `${customerCount} customers`
  await burst(server.pid, {
    url: server.url,
    amount: customerCount,
    timeout: 60,
    requests: (() => {
      let next = 0
      const setupRequest = (request) => {
        const id = next++ % customerCount
        const orders = ordersOf(id).map(({ customerId, ...rest }) => rest)
        return { ...request, body: JSON.stringify({ ...customer(id), orders }) }
      }
      return () => [{ method: 'POST', path: '/shop/customers', headers: json, setupRequest }]
    })(),
  })
  const { body } = await timed(`${server.url}/shop/orders/$count`)
  if (Number(body()) !== customerCount * ordersEach) throw new Error(`${server.name}: ${body()} orders`)
  return `${customerCount} customers`
}

/** @throws Error where two servers answer differently */
export async function check(operation, servers) {
  const answers = []
  const before = [lastCustomer, lastOrder]
  for (const { name, url, byHand } of servers) {
    ;[lastCustomer, lastOrder] = before
    const own = byHand ? 1 : 0
    if (reads[operation])
      for (const path of reads[operation][own].slice(0, 5)) answers.push([name, await timed(`${url}/shop${path}`)])
    else if (writes[operation]) {
      const [path, body] = writes[operation][own](3)
      answers.push([
        name,
        await timed(`${url}/shop${path}`, { method: 'POST', headers: json, body: JSON.stringify(body) }),
      ])
    } else
      answers.push([
        name,
        await timed(`${url}/shop/orders${byHand ? '/77' : '(77)'}`, {
          method: 'PATCH',
          headers: { ...json, Prefer: 'return=representation', 'If-Match': 'W/"1"' },
          body: JSON.stringify({ total: 1, comment: 'changed' }),
        }),
      ])
  }
  const each = answers.length / servers.length
  for (const [i, [name, answer]] of answers.entries()) {
    const [first, expected] = answers[i % each]
    if (answer.status >= 300) throw new Error(`${operation}: ${name} answers ${answer.status}: ${answer.body()}`)
    const [a, b] = [meant(expected), meant(answer)]
    if (!isDeepStrictEqual(a, b))
      throw new Error(`${operation}: ${first} and ${name} differ:\n${JSON.stringify(a)}\n${JSON.stringify(b)}`)
  }
}

/** An answer without contexts, type annotations, and the headers of a batch's parts; groups have no order. */
function meant(answer) {
  const body = JSON.parse(answer.body(), (key, value) =>
    /@odata\.(?:context|type)$/.test(key) || key === 'headers' || key === 'atomicityGroup' ? undefined : value,
  )
  if (Array.isArray(body.value) && body.value[0]?.sum !== undefined)
    body.value.sort((a, b) => a.status.localeCompare(b.status))
  return body
}
