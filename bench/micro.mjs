/**
 * `npm run bench:micro`: the stages of a request one by one, in this process, without HTTP and stores: microseconds a call
 * (median of 7 rounds). Peers where they do the same job: odata-v4-parser for parsing, JSON.stringify over decoded documents for writing.
 */

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { deserialize, serialize } from 'bson'
import { entity, typeName } from './data.mjs'

const root = join(import.meta.dirname, '..')
const load = (path) => import(join(root, 'dist', path))
const { readModel } = await load('csdl/read-model.js')
const { parseRequestUrl } = await load('url/parse-url.js')
const { defaultUrlLimits } = await load('url/ast.js')
const { bindPath } = await load('bind/bind-path.js')
const { bindQuery } = await load('bind/bind-query.js')
const { buildPlan } = await load('plan/build.js')
const { Planner } = await load('service/planner.js')
const { layoutOf } = await load('bson/layout-of-model.js')
const { encodeEntity } = await load('bson/encode.js')
const { readEntity } = await load('payload/read-entity.js')
const { compileRowWriter } = await load('payload/fast-writer.js')
const { compileRowWriter: compileSlowWriter } = await load('payload/slow-writer.js')
const { createSink } = await load('payload/sink.js')
const { preparePredicate } = await load('eval/compile.js')

const model = await readModel(join(root, 'metadata/microsoft.graph.xml'))
const layout = layoutOf(model)
const type = model.types.get('microsoft.graph.onPremEncryptedPayload')
const collection = layout.collections.get('onPremEncryptedPayloads')
const settings = { version: '4.01', limits: defaultUrlLimits }
const filterText = "contains(deviceKeyThumbprint,'abc') and status eq 5 and createdTime ge 2017-01-01T00:00:00Z"
const filterUrl = `/onPremEncryptedPayloads?$filter=${encodeURIComponent(filterText)}`
const keyUrl = "/onPremEncryptedPayloads('019ab2f0-6a3c-7c1e-9d55-0e5b7a1f4c22')"
const body = Buffer.from(JSON.stringify({ '@odata.type': typeName, ...entity(1) }))
const bodyOptions = { model, type, mode: 'create', version: '4.0', keyByService: true }
const value = readEntity(body, bodyOptions)
const keyed = { ...value, members: new Map([['id', '019ab2f0-6a3c-7c1e-9d55-0e5b7a1f4c22'], ...value.members]) }
const row = serialize({ ...encodeEntity(layout, collection, keyed), '@version': 1 })
const dialect = {
  version: '4.0',
  metadata: 'minimal',
  ieee754Compatible: false,
  exponentialDecimals: false,
  alwaysType: true,
  root: 'http://localhost:3000/beta/',
}
const shape = { type, select: undefined, expand: [], entitySet: 'onPremEncryptedPayloads' }
const write = compileRowWriter(shape, dialect, layout)
const writeSlowly = compileSlowWriter(shape, dialect, layout)

const planOf = (target) => {
  const url = parseRequestUrl(target, settings)
  const { path, slots, values } = bindPath(model, url.segments, url.options, { keyAsSegment: true })
  return buildPlan({
    model,
    method: 'GET',
    path,
    options: url.options,
    pathSlots: slots,
    bindQuery: () => bindQuery(model, path, url.options, values.length),
  })
}
/** What is bound once, planned again and again: a plan alone. */
const bound = (target) => {
  const url = parseRequestUrl(target, settings)
  const { path, slots, values } = bindPath(model, url.segments, url.options, { keyAsSegment: true })
  const query = bindQuery(model, path, url.options, values.length)
  return { model, method: 'GET', path, options: url.options, pathSlots: slots, bindQuery: () => query }
}
const filterBound = bound(filterUrl)
const bindOf = (url) => {
  const { path, values } = bindPath(model, url.segments, url.options, { keyAsSegment: true })
  return bindQuery(model, path, url.options, values.length)
}
const planner = new Planner(model, { keyAsSegment: true })
const parsed = parseRequestUrl(filterUrl, settings)
const planned = planner.plan('GET', parsed)
const predicate = preparePredicate(planned.plan.filter, { layout, type, collection })(planned.parameters)

const stages = {
  'url: parse the filter': () => parseRequestUrl(filterUrl, settings),
  'url: parse a key': () => parseRequestUrl(keyUrl, settings),
  'url + bind of the filter': () => bindOf(parseRequestUrl(filterUrl, settings)),
  'plan, never seen': () => buildPlan(filterBound),
  'url + bind + plan, never seen': () => planOf(filterUrl),
  'url + plan, seen before': () => planner.plan('GET', parseRequestUrl(filterUrl, settings)),
  'url + plan of a key, seen before': () => planner.plan('GET', parseRequestUrl(keyUrl, settings)),
  'payload: read the body': () => readEntity(body, bodyOptions),
  'payload: JSON.parse of the same body': () => JSON.parse(body.toString('utf8')),
  'bson: encode the entity': () => encodeEntity(layout, collection, keyed),
  'eval: the filter on a row': () => predicate(row),
  'payload: write a row, fast': () => {
    const sink = createSink()
    write(row, sink, undefined)
    return sink.take()
  },
  'payload: write a row, slow reference': () => {
    const sink = createSink()
    writeSlowly(row, sink, undefined)
    return sink.take()
  },
  'peer: JSON.stringify(deserialize(row))': () => Buffer.from(JSON.stringify(deserialize(row))),
}
const peers = join(root, 'bench/peers/node_modules/odata-v4-parser')
if (existsSync(peers)) {
  const { filter } = createRequire(import.meta.url)(peers)
  stages['peer: odata-v4-parser, the filter'] = () => filter(filterText)
}

for (const [name, run] of Object.entries(stages)) {
  for (let i = 0; i < 3_000; i++) run()
  const times = []
  for (let round = 0; round < 7; round++) {
    const calls = 3_000
    const started = performance.now()
    for (let i = 0; i < calls; i++) run()
    times.push(((performance.now() - started) / calls) * 1_000)
  }
  console.log(
    `${name.padEnd(42)} ${times
      .sort((a, b) => a - b)[3]
      .toFixed(2)
      .padStart(8)} us`,
  )
}
