// A process that works on a data folder beside others: node child.mjs <compiled src> <folder> <csdl> <mode> <name> <count>

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [compiled, folder, csdl, mode, name, count] = process.argv.slice(2)
const load = (path) => import(pathToFileURL(join(compiled, path)).href)
const { embeddedStore } = await load('embedded/store.js')
const { parseCsdl } = await load('csdl/read-csdl.js')
const { layoutOf } = await load('bson/layout-of-model.js')

const model = parseCsdl(csdl, { file: 'test.xml' })
const store = embeddedStore({ path: folder })
await store.open(layoutOf(model))

const plan = (kind, set, single, more = {}) => {
  const root = model.container.children.get(set)
  const steps = single ? [{ kind: 'key', predicate: { key: root.type.key, parameters: [0] } }] : []
  return { kind, requires: [], slots: [], source: { root, steps, type: root.type, single }, ...more }
}
const session = (parameters = [], more = {}) => ({
  parameters,
  scope: '',
  rowFilters: new Map(),
  timeLimit: 60_000,
  ...more,
})

const createItem = plan('create', 'items', false)
const readItem = plan('read', 'items', true, { expand: [], compute: [], orderby: [] })
const readCounter = plan('read', 'counters', true, { expand: [], compute: [], orderby: [] })
const updateCounter = plan('update', 'counters', true)
const { deserialize } = await import('bson')

/** Creates without end, 16 in flight, and says which have been acknowledged. */
async function createForEver() {
  let next = 0
  const worker = async () => {
    for (;;) {
      const id = `${name}-${next++}`
      await store.create(createItem, session(), { _id: id, note: id.repeat(20) })
      process.stdout.write(`${id}\n`)
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
}

/** Adds one to a counter many times: half by If-Match, half in transactions; every time its own entity too. */
async function raise() {
  for (let i = 0; i < Number(count); i++) {
    if (i % 2 === 0) await raiseByVersion()
    else await store.transaction(session(), raiseInside)
    await store.create(createItem, session(), { _id: `${name}-${i}`, rank: i })
  }
}

async function raiseByVersion() {
  for (;;) {
    const { value, '@version': version } = deserialize(await store.readOne(readCounter, session([1])))
    const precondition = { kind: 'versions', anyOf: [version] }
    const outcome = await store.update(updateCounter, session([1], { precondition }), {
      kind: 'merge',
      set: { value: value + 1 },
      unset: [],
    })
    if (outcome.kind === 'updated') return
  }
}

async function raiseInside(inside) {
  const here = { ...inside, parameters: [1] }
  const { value } = deserialize(await store.readOne(readCounter, here))
  await store.update(updateCounter, here, { kind: 'merge', set: { value: value + 1 }, unset: [] })
}

/** Stores large entities, so that the data file grows under the others, and reads each back. */
async function fill() {
  for (let i = 0; i < Number(count); i++) {
    const note = `${name}${i}`.repeat(20_000)
    await store.create(createItem, session(), { _id: `${name}-${i}`, note })
    const row = await store.readOne(readItem, session([`${name}-${i}`]))
    if (!row || deserialize(row).note !== note) throw new Error(`${name}-${i} is not what was stored`)
  }
}

/** Stores large entities until the disk is full (`ulimit -f`), then goes on with small ones; says what happened. */
async function overfill() {
  let created = 0
  let code
  while (!code) {
    try {
      await store.create(createItem, session(), { _id: `${name}-${created}`, note: 'x'.repeat(100_000) })
      created++
    } catch (error) {
      code = error.code
    }
  }
  const counted = await store.count(plan('count', 'items', false), session())
  await store.delete(plan('delete', 'items', true), session([`${name}-0`]))
  const later = await store.create(createItem, session(), { _id: 'later' })
  process.stdout.write(JSON.stringify({ code, same: counted === created, later: later.kind }))
}

await { create: createForEver, raise, fill, overfill }[mode]()
await store.close()
